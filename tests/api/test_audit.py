"""The audit log's routes over doubles: who reads what, what is recorded of it first, and what proofs say."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.tokens.signatures import ed25519_holds
from api.access.access_services import AccessServices
from api.app import build_app
from api.audit.audit_services import AuditServices
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from cli.wiring.offline_checks import verify_export
from config.settings import Settings
from domain.access.clients import ClientEntry
from domain.access.ports import AccessDecider
from domain.access.principals import Action, Principal
from domain.access.resources import Resource
from domain.identity import event_id, subject_hash
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import open_checkpoint, open_proof, parse_proof, parse_vkey, vkey
from domain.transparency.merkle import verify_consistency
from services.access import role_access
from services.log.exporting import LogExport
from services.log.reading import RecordReading
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, LocalSigner
from tests.doubles.ledger import MemoryLedger, MemoryRecords
from tests.doubles.log.store import LogKey, MemoryEntries, MemoryProofs

PROMPT = "a canary in a prompt"
RUN, OTHER_RUN = "inf.acme." + "a" * 32, "inf.acme." + "b" * 32
ROLES = {name: (name,) for name in ("auditor", "admin", "ai_operator", "reviewer")} | {"nobody": ()}
CALLER = "c" * 32


class LogSigner(LocalSigner):
    """Signs the log with the key that the proofs are made with; its version 1 is older."""

    def __init__(self, key: LogKey) -> None:
        super().__init__()
        self._log = key

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        found = await super().public_keys(key_name)
        if key_name != "log-signing":
            return found
        x = base64.urlsafe_b64encode(self._log.public).rstrip(b"=").decode()
        return {**found, f"{key_name}:10": {**found[f"{key_name}:1"], "x": x}, f"{key_name}:9": {"x": "A" * 43}}


@dataclass
class Edge:
    """The API's process over doubles."""

    access: AccessDecider = field(default_factory=role_access)
    clock: FixedClock = field(default_factory=FixedClock)
    refusals: list[Kind] = field(default_factory=list)
    tags: int = 0

    def __post_init__(self) -> None:
        settings = Settings()
        self.ledger = MemoryLedger(self.clock)
        self.records, self.proofs = MemoryRecords(self.ledger), MemoryProofs(self.ledger)
        self.signer, identity = LogSigner(self.proofs.key), FixedIdentity()
        self.issuer = JwtIssuer(self.signer, settings.tokens)
        unused = cast("Any", None)
        verifier = JwtVerifier(self.signer, identity, settings.tokens, self.clock)
        access = AccessServices(verifier, self.access, rates=unused, tokens=unused, signer=self.signer, keys=unused)
        audit = AuditServices(
            signer=self.signer,
            log_name=settings.audit.log_name,
            custodian=unused,
            reading=RecordReading(self.records, self.ledger, identity, self.access, self.clock, self.random_tag),
            records=self.records,
            proofs=self.proofs,
            export=LogExport(
                *(MemoryEntries(self.proofs), self.proofs, self.ledger, self.access, self.clock, self.random_tag)
            ),
        )
        services = Services(access, inference=unused, audit=audit, codec=unused, edge=cast("Any", self))
        app = build_app(Readiness((), services), Metrics(), 1024, self.random_tag)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080")

    def random_tag(self) -> str:
        self.tags += 1
        return f"{self.tags:032x}"

    def offer(self, refusal: Refusal, *_: Any, **__: Any) -> None:
        """In place of the recorder of refusals."""
        self.refusals.append(refusal.kind)

    async def put(self, *, tenant: str = "acme", run: str = RUN, subject: str = "someone", **more: Any) -> Record:
        """Record something, a second after what came before."""
        self.clock.advance(1)
        at = int(self.clock.now().timestamp() * 1000)
        record = Record(
            event_id=event_id(at, tenant, run, self.random_tag(), "outcome"),
            tenant=tenant,
            kind=more.get("kind", EventKind.COMPLETED),
            recorded_at=self.clock.now(),
            fields=OutcomeFields(caller=more.get("caller", CALLER), model="m"),
            sealed=EncryptedFields(subject=subject, prompt=PROMPT),
            workflow_id=run,
            run_id="run",
        )
        await self.ledger.append(record)
        return record

    async def get(self, path: str, who: str = "auditor", tenant: str = "acme", **query: Any) -> httpx2.Response:
        entry = ClientEntry(who, tenant, f"client:{who}", ROLES[who], "", "")
        token = (await self.issuer.issue(entry, "", self.clock.now(), "a-jti")).access_token
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.get(f"/v1/audit/{path}", params=query or None, headers=headers)

    def readings(self, kind: EventKind = EventKind.RECORDS_READ) -> list[Record]:
        return [record for record in self.ledger.records.values() if record.kind is kind]


@pytest.fixture
def edge() -> Edge:
    return Edge()


def refused(response: httpx2.Response, status: int, kind: str, field_name: str | None = None) -> dict[str, Any]:
    body = response.json()
    assert (response.status_code, body["type"]) == (status, f"urn:assay:problem:{kind}"), response.text
    assert body.get("field") == field_name
    assert PROMPT not in response.text
    return body


def ids(response: httpx2.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [event["event_id"] for event in response.json()["events"]]


SOMEBODYS = "6d1f1f0e-6a3b-4d0c-9a55-0f6f0c2f6b1e"  # nobody has such an event
READS = ("events", f"events/{SOMEBODYS}", "export")
PROOFS = (f"events/{SOMEBODYS}/proof", "checkpoint", "consistency?from=0", "key")


@pytest.mark.parametrize("path", [*READS, *PROOFS])
@pytest.mark.parametrize("who", ROLES)
async def test_records_are_for_auditors_and_proofs_for_all_who_work_there(edge: Edge, path: str, who: str):
    response = await edge.get(path, who)
    if who in ("auditor", "admin") or (who != "nobody" and path in PROOFS):
        assert response.status_code in (200, 404)
    else:
        refused(response, 403, "forbidden")
        assert edge.refusals == [Kind.FORBIDDEN]


@pytest.mark.parametrize("path", [*READS, *PROOFS])
async def test_a_narrower_decision_is_heeded(path: str):
    class Narrow:
        async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
            raise Refusal(Kind.FORBIDDEN, "not today")

    refused(await Edge(access=Narrow()).get(path), 403, "forbidden")


async def test_events_are_read_without_what_is_sealed_and_nothing_is_recorded_of_it(edge: Edge):
    record = await edge.put()
    response = await edge.get("events")
    [event] = response.json()["events"]
    assert event["event_id"] == str(record.event_id)
    assert event["fields"] == {"caller": CALLER, "model": "m"}
    assert event["run"] == RUN
    assert event["digest"] == edge.ledger.digest(record.event_id).hex()
    assert "content" not in event
    assert "erased" not in event
    assert PROMPT not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert edge.readings() == []
    assert (await edge.get(f"events/{record.event_id}")).json() == event


async def test_pages_follow_each_other_newest_first(edge: Edge):
    put = [str((await edge.put()).event_id) for _ in range(5)]
    found, cursor = [], {}
    for _ in range(3):
        response = await edge.get("events", limit=2, **cursor)
        found.append(ids(response))
        cursor = {"cursor": response.json()["cursor"]} if "cursor" in response.json() else {}
        await edge.put()  # what comes meanwhile moves no page
    assert found == [put[:2:-1], put[2:0:-1], put[:1]]
    assert cursor == {}


async def test_filters_narrow(edge: Edge):
    plain = await edge.put()
    blocked = await edge.put(kind=EventKind.BLOCKED, run=OTHER_RUN)
    theirs = await edge.put(caller="d" * 32, subject="someone else")
    await edge.put(tenant="globex")
    for query, wanted in (
        ({"kind": "blocked"}, [blocked]),
        ({"run": OTHER_RUN}, [blocked]),
        ({"caller": "d" * 32}, [theirs]),
        ({"subject": "someone else"}, [theirs]),
        ({"subject": subject_hash(await FixedIdentity().tenant_key("acme"), "acme", "someone else")}, [theirs]),
        ({"since": blocked.recorded_at.isoformat()}, [theirs, blocked]),
        ({"until": blocked.recorded_at.isoformat()}, [plain]),
        ({"kind": "blocked", "caller": "d" * 32}, []),
        ({}, [theirs, blocked, plain]),
    ):
        assert ids(await edge.get("events", **query)) == [str(record.event_id) for record in wanted], query


@pytest.mark.parametrize(
    ("query", "field_name"),
    [
        ({"kind": "anything"}, "kind"),
        ({"since": "2026-03-01T12:00:00"}, "since"),
        ({"until": "yesterday"}, "until"),
        ({"limit": 201}, "limit"),
        ({"limit": 0}, "limit"),
        ({"caller": "someone"}, "caller"),
        ({"cursor": "AAAA!"}, "cursor"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": "f" + "_" * 31}, "cursor"),
        ({"sinec": "2026-03-01T12:00:00Z"}, "sinec"),
        ({"plaintext": "perhaps"}, "plaintext"),
    ],
)
async def test_a_query_that_does_not_hold_is_refused_by_name(edge: Edge, query: dict[str, Any], field_name: str):
    await edge.put()
    refused(await edge.get("events", **query), 422, "invalid-request", field_name)


async def test_a_reading_in_plaintext_is_recorded_first(edge: Edge):
    await edge.put(run=OTHER_RUN)
    record = await edge.put()
    response = await edge.get("events", plaintext=True, run=RUN, since="2026-01-01T00:00:00Z")
    [event] = response.json()["events"]
    assert event["content"] == {"subject": "someone", "prompt": PROMPT}
    [reading] = edge.readings()
    assert reading.fields.filters == ("run", "since")
    assert (reading.fields.count, reading.fields.roles, reading.workflow_id) == (1, ("auditor",), RUN)
    assert reading.fields.caller
    assert (reading.sealed.subject, reading.sealed.client_id) == ("client:auditor", "auditor")
    again = (await edge.get(f"events/{record.event_id}", plaintext=True)).json()
    assert again == event
    assert [one.fields.filters for one in edge.readings()] == [("run", "since"), ("event",)]


async def test_what_can_not_be_recorded_is_not_shown(edge: Edge):
    record = await edge.put()
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached", retry_after=1)
    for path in ("events", f"events/{record.event_id}"):
        response = await edge.get(path, plaintext=True)
        refused(response, 503, "store-unavailable")
        assert response.headers["retry-after"]
        assert (await edge.get(path)).status_code == 200


async def test_an_erased_record_says_so(edge: Edge):
    gone, kept = await edge.put(subject="gone"), await edge.put()
    edge.records.erased.add(subject_hash(await FixedIdentity().tenant_key("acme"), "acme", "gone"))
    newest, oldest = (await edge.get("events", plaintext=True)).json()["events"]
    assert newest["event_id"] == str(kept.event_id)
    assert newest["content"]["prompt"] == PROMPT
    assert "erased" not in newest
    assert oldest["event_id"] == str(gone.event_id)
    assert oldest["erased"] is True
    assert "content" not in oldest
    assert (await edge.get(f"events/{gone.event_id}", plaintext=True)).json() == oldest


async def test_a_run_that_may_not_be_read_is_not_opened():
    class OneRun:
        async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
            if resource.run not in (None, RUN):
                raise Refusal(Kind.FORBIDDEN, "this run is not for you")

    edge = Edge(access=OneRun())
    mine, other = await edge.put(), await edge.put(run=OTHER_RUN)
    refused(await edge.get("events", plaintext=True), 403, "forbidden")
    refused(await edge.get(f"events/{other.event_id}", plaintext=True), 403, "forbidden")
    assert (await edge.get(f"events/{mine.event_id}", plaintext=True)).status_code == 200
    assert len(edge.readings()) == 1


async def test_another_tenants_events_are_unknown(edge: Edge):
    record = await edge.put()
    edge.proofs.sequence()
    edge.proofs.seal("acme")
    assert ids(await edge.get("events", tenant="globex")) == []
    for path in (f"events/{record.event_id}", f"events/{record.event_id}/proof"):
        refused(await edge.get(path, tenant="globex"), 404, "not-found")
        assert (await edge.get(path)).status_code == 200
    refused(await edge.get("checkpoint", tenant="globex"), 404, "not-found")
    refused(await edge.get("events/no-uuid"), 422, "invalid-request", "event_id")


async def test_an_event_is_proven_once_it_is_sealed(edge: Edge):
    record = await edge.put()
    refused(await edge.get(f"events/{uuid4()}/proof"), 404, "not-found")
    path = f"events/{record.event_id}/proof"
    for step in (lambda: None, edge.proofs.sequence):  # recorded, then in the tree
        step()
        waiting = await edge.get(path, "ai_operator")
        refused(waiting, 409, "not-sealed")
        assert waiting.headers["retry-after"] == "1"
        assert "x-should-retry" not in waiting.headers
    edge.proofs.seal("acme")
    response = await edge.get(path, "ai_operator")
    assert response.headers["content-type"].startswith("text/plain")
    keys = [parse_vkey(line) for line in (await edge.get("key", "ai_operator")).text.splitlines()]
    checkpoint = open_proof(parse_proof(response.text), edge.ledger.digest(record.event_id), keys, ed25519_holds)
    assert (checkpoint.origin, checkpoint.size) == ("assay.local/acme", 1)


async def test_a_store_that_is_away_is_no_unsealed_event(edge: Edge):
    record = await edge.put()
    edge.proofs.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached")
    for path in (f"events/{record.event_id}/proof", "checkpoint", "consistency?from=0"):
        refused(await edge.get(path), 503, "store-unavailable")


async def test_keys_are_the_tenants_newest_first(edge: Edge):
    lines = (await edge.get("key", tenant="globex")).text.splitlines()
    assert [parse_vkey(line).name for line in lines] == ["assay.local/globex"] * 3
    assert lines[0] == vkey("assay.local/globex", edge.proofs.key.public)
    assert parse_vkey(lines[1]).public_key == bytes(32)


async def test_checkpoints_are_shown_to_extend_each_other(edge: Edge):
    keys = [parse_vkey(edge.proofs.key.vkey("acme"))]
    refused(await edge.get("checkpoint"), 404, "not-found")
    heads = []
    for count in (1, 2, 4):
        for _ in range(count):
            await edge.put()
        edge.proofs.sequence()
        edge.proofs.seal("acme")
        heads.append(open_checkpoint((await edge.get("checkpoint")).text, keys, ed25519_holds))
    assert [head.size for head in heads] == [1, 3, 7]
    for old, new, query in ((heads[0], heads[1], {"to": 3}), (heads[1], heads[2], {}), (heads[2], heads[2], {})):
        body = (await edge.get("consistency", **{"from": old.size}, **query)).json()
        path = [base64.b64decode(value) for value in body["hashes"]]
        assert (body["log"], body["from"], body["to"]) == ("assay.local/acme", old.size, new.size)
        assert verify_consistency(old.size, new.size, old.root, new.root, path)
    refused(await edge.get("consistency", **{"from": 4, "to": 3}), 422, "invalid-request", "from")
    refused(await edge.get("consistency", **{"from": 0, "to": 8}), 422, "invalid-request", "to")
    refused(await edge.get("consistency"), 422, "invalid-request", "from")
    await edge.put()
    edge.proofs.sequence()  # more than the newest checkpoint covers
    refused(await edge.get("consistency", **{"from": 0, "to": 8}), 422, "invalid-request", "to")
    assert (await edge.get("consistency", **{"from": 0, "to": 7})).json()["hashes"] == []


async def test_times_of_the_log_are_exact(edge: Edge):
    edge.clock.advance(timedelta(microseconds=1).total_seconds())
    record = await edge.put()
    [event] = (await edge.get("events")).json()["events"]
    assert event["recorded_at"] == record.recorded_at.isoformat(timespec="microseconds")


async def test_an_export_is_recorded_and_holds(edge: Edge):
    refused(await edge.get("export"), 404, "not-found")
    put = [await edge.put() for _ in range(201)]
    edge.proofs.sequence()
    edge.proofs.seal("acme")
    await edge.put()
    edge.proofs.sequence()
    keys = [parse_vkey(edge.proofs.key.vkey("acme"))]
    for query, first, after in (
        ({}, 0, 201),
        ({"since": put[200].recorded_at.isoformat()}, 200, 201),
        ({"until": put[2].recorded_at.isoformat()}, 0, 2),
        ({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}, 201, 201),
    ):
        response = await edge.get("export", **query)
        assert response.status_code == 200
        found = verify_export(response.content.splitlines(), keys)
        assert (found["verdict"], found["first"], found["after"]) == ("holds", first, after), found
        made = edge.readings(EventKind.EXPORTED)[-1]
        assert (made.fields.filters, made.fields.count) == (tuple(query), after - first)
        assert made.sealed.subject == "client:auditor"
    assert len(edge.readings(EventKind.EXPORTED)) == 4


async def test_an_export_that_can_not_be_recorded_is_not_given(edge: Edge):
    await edge.put()
    edge.proofs.sequence()
    edge.proofs.seal("acme")
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "the database can't be reached")
    refused(await edge.get("export"), 503, "store-unavailable")
    refused(await edge.get("export", sinec="2026-03-01T12:00:00Z"), 422, "invalid-request", "sinec")
