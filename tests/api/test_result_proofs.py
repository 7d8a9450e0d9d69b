"""Results of workflows as the API shows them."""

import secrets
from dataclasses import asdict, replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.client import WorkflowFailureError
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from activities.proofs.claims import InvalidProof, ProofPlace, write
from activities.proofs.results import require_result, result_claims
from adapters.tokens.signatures import LocalSignatureChecks
from api.inference import run_views
from api.inference.result_proofs import ResultProofs
from assay_temporal.contracts import Answer, InferenceResult, Place, ProblemDetail, Receipt, TokenUsage
from domain.records.commitments import digest
from domain.records.records import canonical
from domain.signing_keys import RECEIPT_KEY
from services.verification.receipts import RECEIPT_TYPE, verify_receipt
from tests.doubles.keys import FixedKeyRing, LocalSigner

RUN = "inf.acme." + "a" * 32
SIGNER, SIGNATURES, RING = LocalSigner(), LocalSignatureChecks(), FixedKeyRing("acme", "system")
PROOFS = ResultProofs(RING, "assay", SIGNER, SIGNATURES)
FORGED = "forged words"
CALL = {"type": "tool_call", "call_id": "c", "name": "clock", "arguments": "{}"}
PARTS = ({"type": "text", "text": "Look: "}, CALL, {"type": "refusal", "text": "no"})


async def receipt(outcome: str, answer: bytes | None = None) -> Receipt:
    """Return a genuine receipt of ``RUN``, with a commitment to ``answer``."""
    event, salts = str(uuid4()), {"prompt": secrets.token_hex(16)}
    claims: dict[str, Any] = {"jti": event, "sub": RUN, "outcome": outcome, "record_digest": "0" * 64}
    if answer is not None:
        salts["answer"] = secrets.token_hex(16)
        claims["answer_commitment"] = digest(bytes.fromhex(salts["answer"]), answer)
    return Receipt(event, "0" * 64, await SIGNER.sign(RECEIPT_KEY, RECEIPT_TYPE, claims), salts)


async def earlier(status: str, answer: Answer | None = None, committed: bytes | None = None) -> InferenceResult:
    """Return a result without a proof, with forged values in all that no receipt covers."""
    if committed is None and answer is not None:
        committed = canonical(list(answer.parts)) if answer.parts else answer.content.encode()
    return InferenceResult(
        RUN,
        status,
        "block",
        request_hash=FORGED,
        result=answer,
        usage=TokenUsage(1, 2, 3),
        receipt=await receipt(status, committed),
        problem=ProblemDetail("quota-spent", FORGED, FORGED, (FORGED,), 5.0, (Place(FORGED, 0, 0, 1),)),
        removed=(FORGED,),
        masked={FORGED: 1},
        redacted={FORGED: 1},
        shown_as_text=7,
    )


async def shown(result: InferenceResult | None) -> dict[str, Any]:
    """Return a result as its caller sees it."""
    found = await PROOFS.of_result(RUN, result)
    return run_views.ended(RUN, found.result, found.caller).body()


def unproven(body: dict[str, Any]) -> bool:
    return (body["status"], body.get("problem", {}).get("type")) == ("failed", "urn:assay:problem:unproven-stage")


@pytest.mark.parametrize(
    "answer", [Answer("Hi", FORGED, FORGED), Answer("", "", ""), Answer("Look: no", "", "", PARTS)]
)
async def test_a_receipt_shows_the_answer_that_it_commits_to_and_nothing_else(answer: Answer):
    body = await shown(await earlier("completed", answer))
    assert set(body) == {"id", "status", "decision", "result", "receipt"}
    expected = {"content": answer.content, "model": "", "finish_reason": ""}
    assert body["result"] == (expected | {"parts": answer.parts} if answer.parts else expected)
    assert (body["status"], body["decision"]) == ("completed", None)
    keys = {"keys": list((await SIGNER.public_keys(RECEIPT_KEY)).values())}
    assert verify_receipt(SIGNATURES, body, keys)["checked"] == "signature, answer"


@pytest.mark.parametrize(
    ("status", "committed", "kind"),
    [
        ("blocked", None, "prompt-blocked"),
        ("blocked", b"Hi", "output-blocked"),
        ("refused", None, "internal"),
        ("failed", None, "internal"),
        ("cancelled", None, "run-cancelled"),
    ],
)
async def test_a_receipt_shows_an_outcome_with_a_reason_that_follows_from_it(
    status: str, committed: bytes | None, kind: str
):
    """Neither the forged problem nor a withheld answer is shown."""
    answer = Answer("Hi", "m", "stop") if committed else None
    body = await shown(await earlier(status, answer, committed))
    assert set(body) == {"id", "status", "decision", "receipt", "problem"}
    assert (body["status"], body["problem"]["type"]) == (status, f"urn:assay:problem:{kind}")
    assert set(body["problem"]) == {"type", "detail"}
    assert FORGED not in str(body)
    assert body["problem"]["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"result": None},
        {"result": Answer("Hello", "m", "stop")},
        {"result": Answer(FORGED, "m", "stop", PARTS)},
        {"result": Answer("Look: no", "m", "stop", (*PARTS, CALL))},
        {"status": "blocked"},
        {"status": "hacked"},
        {"status": "running"},
        {"id": RUN[:-1] + "b"},
        {"receipt": None},
    ],
)
async def test_a_result_that_its_receipt_does_not_cover_is_unproven(change: dict[str, Any]):
    genuine = await earlier("completed", Answer("Look: no", "m", "stop", PARTS))
    assert not unproven(await shown(genuine))
    assert unproven(await shown(replace(genuine, **change)))


@pytest.mark.parametrize(
    "openings", [{"answer": "xyz"}, {"answer": "00"}, {}, {"prompt": FORGED}, {"answer": "\ud800"}]
)
async def test_an_opening_that_is_not_a_salt_is_unproven(openings: dict[str, str]):
    genuine = await earlier("completed", Answer("Hi", "m", "stop"))
    assert genuine.receipt is not None
    salts = openings if not openings or "answer" in openings else {**genuine.receipt.openings, **openings}
    assert unproven(await shown(replace(genuine, receipt=replace(genuine.receipt, openings=salts))))


async def test_parts_that_no_worker_writes_are_unproven():
    """A text that resembles parts is committed to as these would be."""
    parts = ({"type": "image", "url": "https://host.example"},)
    assert unproven(await shown(await earlier("completed", Answer("", "m", "stop", parts))))


async def proven(status: str) -> InferenceResult:
    result = InferenceResult(RUN, status, "allow", result=Answer("Hi", "m", "stop"))
    place = ProofPlace("assay", RUN, "run")
    proof = write(result_claims("run", result, "c" * 32), place, await RING.current("system"))
    return replace(result, worker_proof=proof)


async def test_kinds_of_tokens_are_proven_apart_from_what_earlier_releases_read():
    counted = TokenUsage(9, 2, 11, cached_tokens=4, reasoning_tokens=1)
    plain = InferenceResult(RUN, "completed", "allow", result=Answer("Hi", "m", "stop"), usage=TokenUsage(9, 2, 11))
    of_both = [result_claims("run", replace(plain, usage=usage), "c").facts for usage in (plain.usage, counted)]
    assert of_both[0]["result"] == of_both[1]["result"]
    assert set(of_both[1]) - set(of_both[0]) == {"usage_details"}
    claims = result_claims("run", replace(plain, usage=counted), "c")
    require_result(claims, RUN, replace(plain, usage=counted))
    for usage in (plain.usage, replace(counted, cached_tokens=5), replace(counted, reasoning_tokens=0), None):
        with pytest.raises(InvalidProof):
            require_result(claims, RUN, replace(plain, usage=usage))


TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["hacked", "running", "held", "completed", "failed", "\ud800", "\0", "ff", RUN]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = [(name,) for name in InferenceResult.__dataclass_fields__]
FIELDS += [("result", name) for name in Answer.__dataclass_fields__]
FIELDS += [("receipt", name) for name in Receipt.__dataclass_fields__]
FIELDS += [("receipt", "openings", "answer"), ("result", "parts", 0)]


def mutated(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """Return a JSON value with another one at an existing path."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, dict) and (not rest or first in value):
        return {**value, first: mutated(value.get(first), tuple(rest), new)}
    if isinstance(value, list | tuple) and isinstance(first, int) and first < len(value):
        return [*value[:first], mutated(value[first], tuple(rest), new), *value[first + 1 :]]
    return value


@settings(max_examples=100)
@given(
    way=st.sampled_from(["proof", "text", "parts", "failed"]),
    changes=st.lists(st.tuples(st.sampled_from(FIELDS), st.one_of(VALUES, TEXTS)), min_size=1, max_size=3),
)
async def test_no_result_makes_a_fault_of_the_service(way: str, changes: list[tuple[tuple[Any, ...], Any]]):
    """A changed result is shown unchanged or unproven."""
    genuine = {
        "proof": lambda: proven("completed"),
        "text": lambda: earlier("completed", Answer("Hi", "m", "stop")),
        "parts": lambda: earlier("completed", Answer("Look: no", "m", "stop", PARTS)),
        "failed": lambda: earlier("failed"),
    }
    original = await genuine[way]()
    document = asdict(original)
    for path, value in changes:
        document = mutated(document, path, value)
    try:
        result = value_to_type(InferenceResult, document)
    except TypeError:  # read as null
        result = None
    body = await shown(result)
    expected = await shown(original)
    body["receipt"] = expected.get("receipt")  # its opening of the prompt may be another salt
    expected["receipt"] = body["receipt"]
    assert unproven(body) or body == expected
    assert await failed_body(document) is not None


async def failed_body(*details: object) -> dict[str, Any]:
    """Return a workflow's failure as its caller sees it."""
    error = WorkflowFailureError(cause=ApplicationError("failed", *details, type="internal"))
    try:
        found = await PROOFS.of_failure(RUN, error)
    except WorkflowFailureError as fault:
        return run_views.failed(RUN, fault).body()
    return run_views.ended(RUN, found.result, found.caller).body()


async def test_a_failure_with_an_unknown_status_is_unproven():
    genuine = await earlier("failed")
    assert (await failed_body(asdict(genuine)))["problem"]["type"] == "urn:assay:problem:internal"
    assert unproven(await failed_body(asdict(replace(genuine, status="hacked"))))


@settings(max_examples=30)
@given(given=VALUES)
async def test_no_details_of_a_failure_make_a_fault_of_the_service(given: object):
    assert (await failed_body(given))["status"] == "failed"
