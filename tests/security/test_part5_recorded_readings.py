"""Part 5: whoever reads another's plaintext is recorded first. Every route and every path of the codec is walked."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import QueryWorkflowRequest
from temporalio.client import WorkflowHandle
from temporalio.converter import StorageDriverStoreContext, StorageDriverWorkflowInfo, WorkflowSerializationContext
from temporalio.service import RPCError

from activities.proofs.claims import ProofPlace, write
from activities.proofs.results import result_claims
from adapters.temporal.external_storage import resolve, with_external_storage
from adapters.temporal.payload_driver import PayloadDriver
from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.tokens.signatures import LocalSignatureChecks
from api.access.access_services import AccessServices
from api.app import build_app
from api.audit.audit_services import AuditServices
from api.codec.codec_services import CodecServices
from api.codec.decoding import PayloadDecoder
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from api.inference.inference_services import InferenceServices
from api.inference.result_proofs import ResultProofs
from api.inference.runs import Runs
from assay_temporal.codec import ENCODING, EncryptingCodec
from assay_temporal.contracts import Answer, InferenceResult
from assay_temporal.data_converter import encrypted
from config.settings import Settings
from domain.access.clients import ClientEntry
from domain.access.principals import Principal
from domain.identity import event_id, tenant_of_run
from domain.inference.feed import OutcomeRecorded
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.log.checkpoint_wait import CheckpointWait
from services.log.exporting import LogExport
from services.log.reading import RecordReading
from services.plaintext_access import PlaintextAccess
from services.runs.attempts import RunAttempts
from services.runs.local_feed import LocalRunFeed
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, FixedKeyRing, LocalSigner
from tests.doubles.ledger import MemoryLedger, MemoryRecords
from tests.doubles.log.store import MemoryEntries, MemoryProofs
from tests.doubles.stores import MemoryPayloads
from tests.workflows.conftest import Bench, bench, environment, payloads, policy_document  # noqa: F401 - fixtures

CANARY = "a canary in an answer"
RUN = "inf.acme." + "a" * 32
EVENT = event_id(0, "acme", RUN, "run", "outcome")
READINGS = {EventKind.PAYLOAD_DECODED, EventKind.RECORDS_READ}
ROLES = {"auditor": ("auditor",), "admin": ("admin",), "owner": ("ai_operator",), "both": ("auditor", "ai_operator")}
ROLES["outsider"] = ROLES["owner"]


class Engine:
    """Temporal with one run, which has ended with the canary; its caller is ``owner``."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self.close_time: datetime | None = datetime(2026, 3, 1, tzinfo=UTC)
        self.typed_search_attributes: dict[Any, str] = {}
        self.claimed: str | None = None
        self.forged: InferenceResult | None = None

    def get_workflow_handle(self, run: str, **_: Any) -> "Engine":
        assert run == RUN
        return self

    async def describe(self, **_: Any) -> "Engine":
        return self

    async def memo(self) -> dict[str, str]:
        return {"caller": self.claimed or self._owner}

    async def result(self) -> InferenceResult:
        if self.forged is not None:
            return self.forged
        result = InferenceResult(RUN, "completed", "allow", result=Answer(CANARY, "m", "stop"))
        place = ProofPlace("assay", RUN, "run")
        key = await FixedKeyRing("system").current("system")
        return replace(result, worker_proof=write(result_claims("run", result, self._owner), place, key))


class Unstarted:
    """In place of ``SignedStarts``: no start is left."""

    async def caller(self, _: str) -> str | None:
        return None


class Unrecorded(PlaintextAccess):
    """As it was: reading another's run leaves nothing."""

    async def record(self, principal: Principal, run: str) -> None:
        """Record nothing."""


class Edge:
    """The API's process over doubles, with one run of ``owner``'s: its outcome, its record and its payloads."""

    def __init__(self, reading: Callable[[Any, Any], PlaintextAccess] = PlaintextAccess) -> None:
        self.clock, self.signer = FixedClock(), LocalSigner()
        self.ledger = MemoryLedger(self.clock)
        records, proofs = MemoryRecords(self.ledger), MemoryProofs(self.ledger)
        identity, access, settings = FixedIdentity(), role_access(), Settings()
        self.ring = FixedKeyRing("acme", "system")
        self.driver = PayloadDriver(
            MemoryPayloads(self.clock), tenant_of=tenant_of_run, fallback_tenant="system", patience=0
        )
        self.feed: LocalRunFeed[InferenceResult] = LocalRunFeed()
        self.verifier = JwtVerifier(self.signer, identity, settings.tokens, self.clock)
        self.engine = Engine("")
        unused = cast("Any", None)
        runs = Runs(
            *(cast("Any", self.engine), "assay", self.ring, identity, self.clock, self.tag, lambda: None),
            *(self.feed, access, reading(self.ledger, self.clock), lambda: None, RunAttempts(self.ledger)),
            *(ResultProofs(self.ring, "assay", self.signer, LocalSignatureChecks()), cast("Any", Unstarted())),
        )
        current = cast("Any", self)
        self.services = Services(
            access=AccessServices(self.verifier, access, rates=unused, tokens=unused, signer=self.signer, keys=unused),
            inference=InferenceServices(runs, unused, CheckpointWait(proofs, asyncio.Event()), current, 1, unused),
            audit=AuditServices(
                signer=self.signer,
                log_name="assay.local",
                custodian=unused,
                reading=RecordReading(records, self.ledger, identity, access, self.clock, self.tag),
                records=records,
                proofs=proofs,
                export=LogExport(MemoryEntries(proofs), proofs, self.ledger, access, self.clock, self.tag),
            ),
            codec=CodecServices(
                decoder=PayloadDecoder(
                    *(self.ring, "assay", access, self.ledger, self.clock), resolve=partial(resolve, self.driver)
                ),
                sessions=unused,
                session_seconds=900,
                ui_origin=None,
                secure_cookie=False,
                namespace="assay",
            ),
            edge=current,
        )
        self.app = build_app(Readiness((), self.services), Metrics(), 100_000, self.tag)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://127.0.0.1:8080")
        self.proofs, self.tags = proofs, 0

    class pinned:  # noqa: N801 - in place of a policy
        class policy:  # noqa: N801
            @staticmethod
            def for_tenant(_: str) -> Any:
                return type("Terms", (), {"sealed": False})

    def offer(self, *_: Any, **__: Any) -> None:
        """In place of the recorder of refusals."""

    def tag(self) -> str:
        self.tags += 1
        return f"{self.tags:032x}"

    async def begin(self) -> "Edge":
        self.engine._owner = (await self.verifier.verify(await self.token("owner"))).caller
        await self.ledger.append(
            Record(
                event_id=EVENT,
                tenant="acme",
                kind=EventKind.COMPLETED,
                recorded_at=self.clock.now(),
                fields=OutcomeFields(caller="c" * 32, model="m"),
                sealed=EncryptedFields(subject="someone", prompt=CANARY),
                workflow_id=RUN,
                run_id="run",
            )
        )
        self.proofs.sequence()
        self.proofs.seal("acme")
        return self

    async def token(self, who: str) -> str:
        entry = ClientEntry(who, "acme", f"client:{who}", ROLES[who], "", "")
        issued = await JwtIssuer(self.signer, Settings().tokens).issue(entry, "", self.clock.now(), "a-jti")
        return issued.access_token

    async def ask(self, method: str, path: str, who: str = "auditor", body: Any = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {await self.token(who)}"}
        return await self.http.request(method, path, json=body, headers=headers)

    def readings(self) -> list[Record]:
        return [record for record in self.ledger.records.values() if record.kind in READINGS]

    async def payload(self) -> dict[str, Any]:
        """Return a payload as stored in a history."""
        codec = EncryptingCodec(self.ring, tenant_of=tenant_of_run, fallback_tenant="system")
        here = codec.with_context(WorkflowSerializationContext(namespace="assay", workflow_id=RUN))
        [made] = await here.encode([Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(CANARY).encode())])
        return MessageToDict(made)

    async def reference(self) -> dict[str, Any]:
        """A reference to a large payload."""
        codec = EncryptingCodec(self.ring, tenant_of=tenant_of_run, fallback_tenant="system")
        target = StorageDriverWorkflowInfo(id=RUN, namespace="assay")
        here = with_external_storage(encrypted(codec), self.driver, 1)._with_contexts(
            WorkflowSerializationContext(namespace="assay", workflow_id=RUN), StorageDriverStoreContext(target=target)
        )
        [made] = await here.encode([CANARY])
        return MessageToDict(made)


Way = Callable[[Edge], Awaitable[httpx2.Response]]


async def _run(edge: Edge) -> httpx2.Response:
    return await edge.ask("GET", f"/v1/inferences/{RUN}")


async def _run_known_here_first(edge: Edge) -> httpx2.Response:
    """The outcome is committed, and Temporal does not know it yet."""
    edge.engine.close_time = None
    result = InferenceResult(RUN, "completed", "allow", result=Answer(CANARY, "m", "stop"))
    edge.feed.recorded = lambda *_: OutcomeRecorded(result, "c" * 32)  # type: ignore[method-assign]
    return await edge.ask("GET", f"/v1/inferences/{RUN}", "admin")


async def _cancel(edge: Edge) -> httpx2.Response:
    return await edge.ask("POST", f"/v1/inferences/{RUN}/cancel", "both")


async def _events(edge: Edge) -> httpx2.Response:
    return await edge.ask("GET", "/v1/audit/events?plaintext=true")


async def _event(edge: Edge) -> httpx2.Response:
    return await edge.ask("GET", f"/v1/audit/events/{EVENT}?plaintext=true", "admin")


def _decode(path: str, *kinds: str) -> Way:
    async def way(edge: Edge) -> httpx2.Response:
        made = [await getattr(edge, kind)() for kind in kinds]
        return await edge.ask("POST", path, "auditor", {"payloads": made})

    return way


WAYS: dict[str, tuple[str, Way]] = {
    "a run": ("GET /v1/inferences/{run_id}", _run),
    "a run whose outcome is known here first": ("GET /v1/inferences/{run_id}", _run_known_here_first),
    "cancelling a run that has ended": ("POST /v1/inferences/{run_id}/cancel", _cancel),
    "records": ("GET /v1/audit/events", _events),
    "a record": ("GET /v1/audit/events/{event_id}", _event),
    "a payload": ("POST /codec/decode", _decode("/codec/decode", "payload")),
    "a large payload": ("POST /codec/decode", _decode("/codec/decode", "reference")),
    "both": ("POST /codec/decode", _decode("/codec/decode", "payload", "reference")),
    "a downloaded payload": ("POST /codec/download", _decode("/codec/download", "payload", "reference")),
}
OWN_ALONE = {
    *("POST /v1/inferences", "POST /v1/chat/completions", "POST /v1/messages", "POST /ai/predict"),
    *("POST /v1/responses", "GET /v1/responses/{response_id}", "GET /v1/responses/{response_id}/input_items"),
    "POST /v1/responses/{response_id}/cancel",
}
"""They answer with the caller's own runs: a run's ID is a keyed hash of its caller, or its signed start names it."""
WITHOUT_PLAINTEXT: dict[str, tuple[str, Any]] = {
    "GET /v1/audit/events/{event_id}/proof": (f"/v1/audit/events/{EVENT}/proof", None),
    "GET /v1/audit/export": ("/v1/audit/export", None),
    "GET /v1/audit/checkpoint": ("/v1/audit/checkpoint", None),
    "GET /v1/audit/consistency": ("/v1/audit/consistency?from=0", None),
    "GET /v1/audit/key": ("/v1/audit/key", None),
    "GET /v1/audit/events": ("/v1/audit/events", None),
    "GET /v1/audit/events/{event_id}": (f"/v1/audit/events/{EVENT}", None),
    "POST /codec/encode": ("/codec/encode", {"payloads": []}),
    "GET /healthz": ("/healthz", None),
    "GET /readyz": ("/readyz", None),
    "GET /metrics": ("/metrics", None),
    "GET /openapi.json": ("/openapi.json", None),
    "GET /.well-known/jwks.json": ("/.well-known/jwks.json", None),
}
NO_READING = {
    *("POST /oauth/token", "POST /codec/tickets", "GET /codec/session"),
    *("GET /v1/models", "GET /v1/models/{alias:path}", "POST /v1/messages/count_tokens"),
    *("GET /v1/responses", "POST /v1/responses/compact", "POST /v1/responses/input_tokens"),
    "DELETE /v1/responses/{response_id}",
    *("POST /v1/keys", "GET /v1/keys", "POST /v1/keys/{key_id}/rotate", "DELETE /v1/keys/{key_id}"),
    *(
        "POST /v1/audit/erasures",
        "POST /v1/audit/holds",
        "GET /v1/audit/holds",
        "POST /v1/audit/holds/{hold_id}/release",
    ),
}
"""They give tokens, keys, counts, models, and holds by keyed hashes, which have no run's content."""


def _routes(routes: Any) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "methods"):
            yield from (f"{method} {route.path}" for method in route.methods - {"HEAD", "OPTIONS"})
        elif hasattr(route, "original_router"):
            prefix = route.include_context.prefix
            yield from (name.replace(" ", f" {prefix}", 1) for name in _routes(route.original_router.routes))


@pytest.fixture
async def edge() -> Edge:
    return await Edge().begin()


def unsorted_routes(app: Any) -> set[str]:
    """Return routes that are not classified as reading or not."""
    return (
        set(_routes(app.routes))
        - {route for route, _ in WAYS.values()}
        - OWN_ALONE
        - set(WITHOUT_PLAINTEXT)
        - NO_READING
    )


def test_every_route_is_walked(edge: Edge):
    assert unsorted_routes(edge.app) == set()
    assert len(set(_routes(edge.app.routes))) > 20
    edge.app.add_api_route("/v1/answers", lambda: None)
    assert unsorted_routes(edge.app) == {"GET /v1/answers"}


@pytest.mark.parametrize("way", WAYS)
async def test_anothers_plaintext_comes_with_a_record_of_who_read_it(edge: Edge, way: str):
    answer = await WAYS[way][1](edge)
    assert answer.status_code == 200, answer.text
    assert CANARY in answer.text or "YSBjYW5hcnk" in answer.text or "ImEgY2FuYXJ5" in answer.text
    [record] = edge.readings()
    assert (record.tenant, record.workflow_id) == ("acme", RUN)
    assert record.sealed.subject in ("client:auditor", "client:admin", "client:both")


@pytest.mark.parametrize("way", WAYS)
async def test_without_a_record_there_is_no_plaintext(edge: Edge, way: str):
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached")
    answer = await WAYS[way][1](edge)
    assert answer.status_code == 503, answer.text
    assert "canary" not in answer.text
    assert "YSBjYW5hcnk" not in answer.text
    assert "ImEgY2FuYXJ5" not in answer.text
    assert edge.readings() == []


async def test_as_it_was_an_auditor_read_a_run_unrecorded():
    wrong_variant = await Edge(Unrecorded).begin()
    assert CANARY in (await _run(wrong_variant)).text
    assert wrong_variant.readings() == []


async def test_the_caller_reads_the_own_run_without_a_record(edge: Edge):
    assert CANARY in (await edge.ask("GET", f"/v1/inferences/{RUN}", "owner")).text
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached")
    assert CANARY in (await edge.ask("GET", f"/v1/inferences/{RUN}", "owner")).text
    assert edge.readings() == []


async def test_whom_the_namespace_calls_the_caller_proves_nothing(edge: Edge):
    """Whoever writes to the namespace can name anyone as the caller."""
    edge.engine.claimed = (await edge.verifier.verify(await edge.token("auditor"))).caller
    assert CANARY in (await _run(edge)).text
    [record] = edge.readings()
    assert record.sealed.subject == "client:auditor"
    edge.engine.claimed = (await edge.verifier.verify(await edge.token("outsider"))).caller
    assert (await edge.ask("GET", f"/v1/inferences/{RUN}", "outsider")).status_code == 404


@pytest.mark.parametrize("forged", [None, "", "key=a&run=run.b", "of another run", "of another result"])
async def test_a_result_that_no_worker_made_is_not_shown(edge: Edge, forged: str | None):
    key = await edge.ring.current("system")
    result = await edge.engine.result()
    other = replace(result, status="blocked") if forged == "of another result" else result
    place = ProofPlace("assay", RUN if forged == "of another result" else RUN[:-1] + "b", "run")
    if forged is not None and forged.startswith("of "):
        forged = write(result_claims("run", other, "c" * 32), place, key)
    edge.engine.forged = replace(result, worker_proof=forged)
    answer = await edge.ask("GET", f"/v1/inferences/{RUN}", "admin")
    assert CANARY not in answer.text
    assert (answer.json()["status"], answer.json()["problem"]["type"]) == ("failed", "urn:assay:problem:unproven-stage")


async def test_a_result_with_an_unknown_status_is_no_fault_of_the_service(edge: Edge):
    edge.engine.forged = replace(await edge.engine.result(), status="hacked", worker_proof=None)
    answer = await edge.ask("GET", f"/v1/inferences/{RUN}", "admin")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["problem"]["type"]) == ("failed", "urn:assay:problem:unproven-stage")


async def test_a_run_without_an_outcome_yet_has_nothing_to_record(edge: Edge):
    edge.engine.close_time = None
    assert (await _run(edge)).json() == {"id": RUN, "status": "running", "decision": None}
    assert edge.readings() == []


async def test_one_reader_of_one_run_is_recorded_once_per_window(edge: Edge):
    for _ in range(3):
        await _run(edge)
    await edge.ask("GET", f"/v1/inferences/{RUN}", "admin")
    assert len(edge.readings()) == 2
    edge.clock.advance(300)
    await _run(edge)
    assert len(edge.readings()) == 3


@pytest.mark.parametrize("route", WITHOUT_PLAINTEXT)
async def test_other_routes_have_no_plaintext(edge: Edge, route: str):
    path, body = WITHOUT_PLAINTEXT[route]
    answer = await edge.ask(route.partition(" ")[0], path, body=body)
    assert answer.status_code in (200, 403, 503), answer.text
    assert CANARY not in answer.text


async def test_a_payload_of_a_workflow_that_no_record_could_name_is_not_decoded(edge: Edge):
    codec = EncryptingCodec(edge.ring, tenant_of=lambda _: "acme", fallback_tenant="system")
    here = codec.with_context(WorkflowSerializationContext(namespace="assay", workflow_id="a\0b"))
    [made] = await here.encode([Payload(metadata={"encoding": b"json/plain"}, data=CANARY.encode())])
    answer = await edge.ask("POST", "/codec/decode", "auditor", {"payloads": [MessageToDict(made)]})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:assay:problem:unauthenticated-payload")


async def in_flight(bench: Bench, go: asyncio.Event) -> WorkflowHandle[Any, InferenceResult]:  # noqa: F811 - the fixture
    """A run whose model answers once ``go`` is set."""

    async def step() -> str:
        await go.wait()
        return "fine"

    bench.model.script = [step]
    handle = await bench.start({"model": "fake", "prompt": CANARY})
    async with asyncio.timeout(30):
        while not bench.model.calls:
            await asyncio.sleep(0.01)
    return handle


async def queried(bench: Bench, run: str, query: str) -> Sequence[Payload]:  # noqa: F811 - the fixture
    """The answer as it leaves the worker."""
    request = QueryWorkflowRequest(
        namespace=bench.env.client.namespace,
        execution=WorkflowExecution(workflow_id=run),
        query=WorkflowQuery(query_type=query),
    )
    return (await bench.env.client.workflow_service.query_workflow(request)).query_result.payloads


async def test_workflow_queries_answer_encrypted_or_not_at_all(bench: Bench):  # noqa: F811 - the fixture
    go = asyncio.Event()
    handle = await in_flight(bench, go)
    stored = len(bench.payloads.stored)
    for query in ("__stack_trace", "__temporal_workflow_metadata"):
        [answer] = await queried(bench, handle.id, query)
        assert answer.metadata["encoding"] == ENCODING
        assert answer.metadata["assay-tenant"] == b"acme"
    for query in ("__enhanced_stack_trace", "prompt"):
        with pytest.raises(RPCError):
            await queried(bench, handle.id, query)
    assert len(bench.payloads.stored) == stored
    go.set()
    assert (await handle.result()).status == "completed"


async def test_as_it_was_each_query_put_the_sources_into_the_store(
    bench: Bench,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("worker.queries._REFUSED", frozenset())
    go = asyncio.Event()
    handle = await in_flight(bench, go)
    stored = len(bench.payloads.stored)
    await queried(bench, handle.id, "__enhanced_stack_trace")
    assert len(bench.payloads.stored) > stored
    go.set()
    await handle.result()
