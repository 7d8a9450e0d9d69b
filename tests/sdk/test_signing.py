"""A team's signer produces starts that Assay accepts: IDs, hashes, limits."""

import pytest

from assay_temporal import ChatMessage, InferenceCall, InvalidCall
from assay_temporal.inference import request_hash
from assay_temporal.signing import Signer, Team
from assay_temporal.start_context import verify
from assay_temporal.starts import RUN_TOTAL
from domain import identity
from domain.inference import parsing
from domain.inference.content import TextKind
from domain.inference.requests import RequestLimits
from domain.refusals import Refusal
from tests.bad_requests import BAD_REQUESTS, GOOD
from tests.doubles.keys import FixedKeyRing
from workflows import timing

TEAM = Team("acme", "triage")


@pytest.fixture
def ring() -> FixedKeyRing:
    return FixedKeyRing("acme", "globex")


async def test_a_runs_id_is_the_same_for_the_same_call_and_differs_for_any_other(ring: FixedKeyRing):
    signer = Signer(TEAM, ring)
    origins = [("ns", "wf", "run", "1"), ("ns", "wf", "run", "2"), ("ns", "wf", "run2", "1"), ("n", "swf", "run", "1")]
    ids = [await signer.run_id_of(*origin) for origin in origins]
    assert await signer.run_id_of(*origins[0]) == ids[0]
    assert await Signer(Team("globex", "triage"), ring).run_id_of(*origins[0]) not in ids
    for run_id in (*ids, signer.new_run_id()):
        assert identity.tenant_of_run(run_id) == "acme"
    assert len({*ids, signer.new_run_id(), signer.new_run_id()}) == len(origins) + 2


async def test_a_start_is_signed_for_that_run_and_request_and_claims_nothing_more(ring: FixedKeyRing):
    signed = await Signer(TEAM, ring, now=lambda: 1000.0).sign("inf.acme." + "a" * 32, "d" * 64)
    context = await verify(
        signed.context, ring, workflow_id="inf.acme." + "a" * 32, request_hash="d" * 64, started_at=1300.0
    )
    assert (context.tenant, context.client_id, context.subject) == ("acme", "triage", "")
    assert (context.policy, context.roles, context.countersigned) == ("", (), False)


@pytest.mark.parametrize("tenant", ["", "A", "a/b", "../x", "a" * 41, "a\n"])
def test_a_team_is_of_a_tenant(tenant: str):
    with pytest.raises(ValueError, match="tenant"):
        Team(tenant, "triage")


def test_assay_computes_the_same_hash_and_keeps_the_same_limit():
    for body in (GOOD, *(bad[1] for bad in BAD_REQUESTS)):
        try:
            ours = parsing.request_hash(body)
        except Refusal:
            with pytest.raises(InvalidCall):
                request_hash(body)
        else:
            assert request_hash(body) == ours
    assert RUN_TOTAL == timing.RUN_TOTAL


def test_a_call_is_the_body_of_a_request():
    assert InferenceCall("m", prompt="p").body() == {"model": "m", "prompt": "p"}
    whole = InferenceCall(
        "m", messages=(ChatMessage("user", "p"),), temperature=0, max_tokens=5, metadata={"case": "7"}
    )
    assert whole.body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "p"}],
        "temperature": 0,
        "max_tokens": 5,
        "metadata": {"case": "7"},
    }
    parsing.parse_request(whole.body(), RequestLimits(100, 10, 100, 10))


def test_a_message_of_a_call_may_say_what_it_holds():
    body = InferenceCall("m", messages=[ChatMessage("user", "p", kind="document")]).body()
    assert body["messages"] == [{"role": "user", "content": "p", "kind": "document"}]
    (read,) = parsing.parse_request(body, RequestLimits(100, 10, 100, 10)).messages
    assert read.text_kind is TextKind.DOCUMENT


def test_a_key_that_is_gone_and_a_call_that_is_no_json_are_told_apart():
    for body in ({"prompt": "\ud800"}, {"temperature": float("nan")}, {"metadata": {"a": object()}}):
        with pytest.raises(InvalidCall) as invalid:
            request_hash(body)
        assert invalid.value.non_retryable
