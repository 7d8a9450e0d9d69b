"""The codec endpoint over doubles: who gets in, by what, from where, for how long, and what is recorded first."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload
from temporalio.converter import StorageDriverStoreContext, StorageDriverWorkflowInfo, WorkflowSerializationContext

from adapters.temporal.external_storage import resolve, with_external_storage
from adapters.temporal.payload_driver import PayloadDriver
from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.tokens.browser_sessions import JwtSessions
from api.access.access_services import AccessServices
from api.app import build_app
from api.codec.codec_services import CodecServices
from api.codec.decoding import PayloadDecoder
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from assay_temporal.codec import EncryptingCodec
from assay_temporal.data_converter import encrypted
from config.settings import ApiSettings, Settings
from domain.access.clients import ClientEntry
from domain.access.ports import AccessDecider
from domain.access.principals import Action, Principal
from domain.access.resources import Resource
from domain.access.sessions import SessionUse
from domain.identity import tenant_of_run
from domain.records.records import EventKind, Record
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.browser_sessions import Sessions
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, FixedKeyRing, LocalSigner
from tests.doubles.ledger import MemoryLedger
from tests.doubles.stores import MemoryPayloads

UI = "http://127.0.0.1:8233"
RUN, OTHER_RUN = "inf.acme." + "a" * 32, "inf.acme." + "b" * 32
PROMPT = "a canary in a prompt"
ROLES = {
    "auditor": ("auditor",),
    "admin": ("admin",),
    "operator": ("ai_operator",),
    "reviewer": ("reviewer",),
    "guest": (),
}


@dataclass
class Edge:
    """The API's process with known keys, an obedient clock and a store that can go away."""

    ui_origin: str | None = UI
    behind_tls_proxy: bool = False
    clock: FixedClock = field(default_factory=FixedClock)
    ring: FixedKeyRing = field(default_factory=lambda: FixedKeyRing("acme", "globex", "system"))
    access: AccessDecider = field(default_factory=role_access)
    refusals: list[Kind] = field(default_factory=list)
    tags: int = 0

    def __post_init__(self) -> None:
        self.settings = Settings(api=ApiSettings(ui_origin=self.ui_origin, behind_tls_proxy=self.behind_tls_proxy))
        self.ledger = MemoryLedger(self.clock)
        self.signer, identity = LocalSigner(), FixedIdentity()
        self.payloads = MemoryPayloads(self.clock)
        self.driver = PayloadDriver(self.payloads, tenant_of=tenant_of_run, fallback_tenant="system", patience=0)
        tokens = self.settings.tokens
        self.metrics = Metrics()
        self.sessions = JwtSessions(self.signer, self.signer, identity, tokens, self.clock)
        unused = cast("Any", None)
        verifier = JwtVerifier(self.signer, identity, tokens, self.clock)
        access = AccessServices(verifier, self.access, rates=unused, tokens=unused, signer=self.signer, keys=unused)
        codec = CodecServices(
            session_seconds=900,
            ui_origin=self.ui_origin,
            secure_cookie=self.behind_tls_proxy,
            namespace="assay",
            decoder=PayloadDecoder(
                *(self.ring, "assay", self.access, self.ledger, self.clock),
                resolve=partial(resolve, self.driver),
                refused=self.count,
            ),
            sessions=Sessions(self.sessions, self.ledger, self.clock, self.random_tag, 900),
        )
        services = Services(access, inference=unused, audit=unused, codec=codec, edge=cast("Any", self))
        app = build_app(Readiness((), services), self.metrics, 1024, self.random_tag, self.ui_origin)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080")

    def random_tag(self) -> str:
        self.tags += 1
        return f"{self.tags:032x}"

    def count(self) -> None:
        self.metrics.payloads_refused.inc()

    def offer(self, refusal: Refusal, *_: Any, **__: Any) -> None:
        """In place of the recorder of refusals."""
        self.refusals.append(refusal.kind)

    def records(self, kind: EventKind = EventKind.PAYLOAD_DECODED) -> list[Record]:
        return [record for record in self.ledger.records.values() if record.kind is kind]

    async def token(self, client: str = "auditor", tenant: str = "acme") -> str:
        entry = ClientEntry(client, tenant, f"client:{client}", ROLES[client], "", "")
        issued = await JwtIssuer(self.signer, self.settings.tokens).issue(entry, "", self.clock.now(), "a-jti")
        return issued.access_token

    async def sealed(self, run: str = RUN, namespace: str = "assay", text: str = PROMPT) -> dict[str, Any]:
        codec = EncryptingCodec(self.ring, tenant_of=tenant_of_run, fallback_tenant="system")
        here = codec.with_context(WorkflowSerializationContext(namespace=namespace, workflow_id=run))
        [payload] = await here.encode([Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())])
        return MessageToDict(payload)

    async def referred_to(self, run: str = RUN, text: str = PROMPT) -> dict[str, Any]:
        """A payload so large that its history has a reference to it."""
        codec = EncryptingCodec(self.ring, tenant_of=tenant_of_run, fallback_tenant="system")
        target = StorageDriverWorkflowInfo(id=run, namespace="assay")
        here = with_external_storage(encrypted(codec), self.driver, 1)._with_contexts(
            WorkflowSerializationContext(namespace="assay", workflow_id=run), StorageDriverStoreContext(target=target)
        )
        [payload] = await here.encode([text])
        return MessageToDict(payload)

    async def decode(self, *payloads: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        """As the UI asks; as the auditor unless ``headers`` say otherwise."""
        if headers is None:
            headers = {"Authorization": f"Bearer {await self.token()}"}
        sent = {"Content-Type": "application/json", "X-Namespace": "assay", **headers}
        return await self.http.post("/codec/decode", content=json.dumps({"payloads": payloads}), headers=sent)

    async def ticket(self, client: str = "auditor", **body: Any) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {await self.token(client)}"}
        return await self.http.post("/codec/tickets", json=body, headers=bearer)

    async def session(self, client: str = "auditor") -> dict[str, str]:
        """The headers of a UI's request, once a browser has a session."""
        opened = await self.http.get((await self.ticket(client)).json()["location"])
        assert opened.status_code == 303, opened.text
        self.http.cookies.clear()
        return {"Cookie": opened.headers["set-cookie"].partition(";")[0], "Origin": UI}


@pytest.fixture
def edge() -> Edge:
    return Edge()


def plain(payload: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(payload["data"]))


def refused(response: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    assert (response.status_code, response.json()["type"]) == (status, f"urn:assay:problem:{kind}"), response.text
    for form in (PROMPT, base64.b64encode(json.dumps(PROMPT).encode()).decode()):
        assert form not in response.text
    return response.json()


@pytest.mark.parametrize("client", ["auditor", "admin"])
async def test_auditors_and_admins_get_their_tenants_payloads_in_plaintext(edge: Edge, client: str):
    bearer = {"Authorization": f"Bearer {await edge.token(client)}"}
    response = await edge.decode(await edge.sealed(), headers=bearer)
    assert response.status_code == 200
    [payload] = response.json()["payloads"]
    assert (plain(payload), payload["metadata"]) == (PROMPT, {"encoding": base64.b64encode(b"json/plain").decode()})
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("client", ["operator", "reviewer", "guest"])
async def test_nobody_else_does(edge: Edge, client: str):
    bearer = {"Authorization": f"Bearer {await edge.token(client)}"}
    refused(await edge.decode(await edge.sealed(), headers=bearer), 403, "forbidden")
    refused(await edge.decode({"data": "eA=="}, headers=bearer), 403, "forbidden")
    refused(await edge.ticket(client), 403, "forbidden")
    assert edge.refusals == [Kind.FORBIDDEN] * 3
    assert not edge.ledger.records


class AllButOne:
    """A finer decision than that by role."""

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        assert (principal.tenant, action, resource.tenant) == ("acme", Action.DECODE_PAYLOAD, "acme")
        if resource.run == OTHER_RUN:
            raise Refusal(Kind.FORBIDDEN, "not that one")


async def test_a_finer_decision_counts_for_each_run():
    edge = Edge(access=AllButOne())
    refused(await edge.decode(await edge.sealed(), await edge.sealed(OTHER_RUN)), 403, "forbidden")
    assert not edge.records()
    assert (await edge.decode(await edge.sealed())).status_code == 200


@pytest.mark.parametrize("path", ["decode", "encode", "tickets"])
async def test_nothing_opens_without_credentials(edge: Edge, path: str):
    response = await edge.http.post(f"/codec/{path}", json={"payloads": [await edge.sealed()]}, headers={"Origin": UI})
    refused(response, 401, "missing-token")


async def test_another_tenants_payloads_stay_sealed_and_so_do_those_of_no_tenant(edge: Edge):
    theirs = {"Authorization": f"Bearer {await edge.token(tenant='globex')}"}
    refused(await edge.decode(await edge.sealed(), headers=theirs), 403, "forbidden")
    refused(await edge.decode(await edge.sealed(run="by-hand")), 403, "forbidden")
    relabelled = await edge.sealed()
    relabelled["metadata"]["assay-tenant"] = base64.b64encode(b"globex").decode()
    refused(await edge.decode(relabelled, headers=theirs), 422, "unauthenticated-payload")
    assert not edge.records()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload["metadata"].update({"assay-workflow": b64(OTHER_RUN)}),
        lambda payload: payload["metadata"].update({"assay-key": b64("f" * 32)}),
        lambda payload: payload["metadata"].update({"more": b64("x")}),
        lambda payload: payload["metadata"].pop("assay-key"),
        lambda payload: payload["metadata"].update({"assay-workflow": base64.b64encode(b"\xff").decode()}),
        lambda payload: payload.update(data=b64("not encrypted at all, but long enough to be")),
        lambda payload: payload.update(data=payload["data"][:-8] + "AAAAAAA="),
        lambda payload: payload.pop("data"),
    ],
    ids=["moved", "other key", "more metadata", "no key", "no text", "forged", "damaged", "empty"],
)
async def test_a_payload_that_does_not_authenticate_never_opens(edge: Edge, change: Callable[[dict[str, Any]], Any]):
    good, bad = await edge.sealed(), await edge.sealed()
    change(bad)
    problem = refused(await edge.decode(good, bad), 422, "unauthenticated-payload")
    assert problem["field"] == "payloads.1"
    assert not edge.records(), "the good one was not read either"
    assert edge.refusals == [Kind.UNAUTHENTICATED_PAYLOAD]


async def test_a_payload_of_another_namespace_never_opens(edge: Edge):
    refused(await edge.decode(await edge.sealed(namespace="other")), 422, "unauthenticated-payload")
    refused(await edge.decode(await edge.sealed(namespace="")), 422, "unauthenticated-payload")
    elsewhere = {"Authorization": f"Bearer {await edge.token()}", "X-Namespace": "other"}
    refused(await edge.decode(await edge.sealed(), headers=elsewhere), 422, "unauthenticated-payload")


async def test_foreign_payloads_come_back_as_they_were_among_ours(edge: Edge):
    foreign: list[Any] = [
        {"metadata": {"encoding": b64("json/plain")}, "data": b64('"a"'), "newInThisProtocol": [1, "\ud800"]},
        {"metadata": {"encoding": b64("binary/null")}},
        {"metadata": {"encoding": b64("binary/encrypted"), "encryption-key-id": b64("x")}, "data": b64("b")},
        {"metadata": {"encoding": b64("BINARY/assay-a256gcm")}, "data": b64("c")},
        {},
    ]
    response = await edge.decode(foreign[0], await edge.sealed(), *foreign[1:])
    assert response.status_code == 200, response.text
    first, ours, *others = response.json()["payloads"]
    assert [first, *others] == foreign
    assert plain(ours) == PROMPT


async def test_foreign_payloads_alone_are_nobodys_reading(edge: Edge):
    elsewhere = {"Authorization": f"Bearer {await edge.token()}", "X-Namespace": "default"}
    response = await edge.decode({"metadata": {"encoding": b64("json/plain")}, "data": b64("1")}, headers=elsewhere)
    assert response.status_code == 200
    assert not edge.records()
    assert (await edge.decode()).json() == {"payloads": []}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "x",
        [],
        {"metadata": 7},
        {"metadata": {"encoding": "a"}},
        {"data": {"a": 1}},
        {"metadata": {"a": "\ud800"}},
    ],
)
async def test_what_is_no_payload_is_refused_by_its_place(edge: Edge, payload: Any):
    problem = refused(await edge.decode(await edge.sealed(), payload), 422, "invalid-request")
    assert problem["field"] == "payloads.1"


@pytest.mark.parametrize("body", ['{"payloads": 7}', '{"payloads": [], "more": 1}', "[]", "7"])
async def test_what_are_no_payloads_are_refused(edge: Edge, body: str):
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {await edge.token()}"}
    refused(await edge.http.post("/codec/decode", content=body, headers=sent), 422, "invalid-request")


async def test_a_long_payload_fits_and_the_limit_of_other_routes_stays(edge: Edge):
    response = await edge.decode(await edge.sealed(text="x" * 2_000_000))
    assert response.status_code == 200
    assert len(plain(response.json()["payloads"][0])) == 2_000_000
    refused(await edge.decode({"data": "A" * 4_200_000}), 413, "body-too-large")
    refused(await edge.ticket(run="x" * 2000), 413, "body-too-large")


async def test_nothing_is_encoded_for_anyone(edge: Edge):
    body = {"payloads": [{"metadata": {"encoding": b64("json/plain")}, "data": b64('"x"')}]}
    for client in ROLES:
        bearer = {"Authorization": f"Bearer {await edge.token(client)}"}
        refused(await edge.http.post("/codec/encode", json=body, headers=bearer), 403, "forbidden")


async def test_a_person_a_run_and_a_window_make_one_record(edge: Edge):
    for run in (RUN, OTHER_RUN, RUN):
        assert (await edge.decode(await edge.sealed(run), await edge.sealed(run))).status_code == 200
    assert sorted(str(record.workflow_id) for record in edge.records()) == [RUN, OTHER_RUN]
    edge.clock.advance(299)
    await edge.decode(await edge.sealed())
    assert len(edge.records()) == 2
    edge.clock.advance(1)
    await edge.decode(await edge.sealed())
    assert len(edge.records()) == 3
    admin = {"Authorization": f"Bearer {await edge.token('admin')}"}
    await edge.decode(await edge.sealed(), headers=admin)
    assert len(edge.records()) == 4
    assert len({record.fields.caller for record in edge.records()}) == 2


async def test_what_cannot_be_recorded_is_not_shown(edge: Edge):
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    response = await edge.decode(await edge.sealed())
    refused(response, 503, "store-unavailable")
    assert response.headers["retry-after"]
    edge.ledger.outage = None
    assert (await edge.decode(await edge.sealed())).status_code == 200
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    assert (await edge.decode(await edge.sealed())).status_code == 200, "it is recorded already"
    refused(await edge.decode(await edge.sealed(OTHER_RUN)), 503, "store-unavailable")


async def test_a_record_that_differs_shows_nothing(edge: Edge):
    await edge.decode(await edge.sealed())
    other = Edge(clock=edge.clock, ring=edge.ring)
    [record] = edge.records()
    object.__setattr__(record, "kind", EventKind.FAILED)
    other.ledger.records = edge.ledger.records
    refused(await other.decode(await edge.sealed()), 500, "internal")


async def test_no_payload_opens_while_the_keys_are_away(edge: Edge):
    sealed = await edge.sealed()
    edge.ring.away = True
    refused(await edge.decode(sealed), 503, "vault-unavailable")
    assert not edge.records()


async def test_a_link_leads_a_browser_to_the_ui_with_a_cookie_for_this_path_alone(edge: Edge):
    bought = await edge.ticket(run=RUN)
    assert bought.status_code == 201
    assert (bought.json()["expires_in"], bought.json()["session_seconds"]) == (60, 900)
    opened = await edge.http.get(bought.json()["location"])
    assert opened.status_code == 303
    assert opened.headers["location"] == f"{UI}/namespaces/assay/workflows/{RUN}"
    name, *attributes = opened.headers["set-cookie"].split("; ")
    assert name.startswith("assay-codec=")
    assert set(attributes) == {"HttpOnly", "Max-Age=900", "Path=/codec", "SameSite=strict"}
    assert opened.headers["cache-control"] == "no-store"
    assert opened.headers["referrer-policy"] == "no-referrer"
    [record] = edge.records(EventKind.SESSION_OPENED)
    assert (record.tenant, record.sealed.client_id) == ("acme", "auditor")
    without_run = await edge.http.get((await edge.ticket()).json()["location"])
    assert without_run.headers["location"] == f"{UI}/namespaces/assay/workflows"


async def test_where_tls_is_the_cookie_needs_it():
    edge = Edge(ui_origin="https://ui.example", behind_tls_proxy=True)
    opened = await edge.http.get((await edge.ticket()).json()["location"])
    assert "Secure" in opened.headers["set-cookie"].split("; ")
    assert opened.headers["location"].startswith("https://ui.example/")


async def test_a_session_shows_payloads_to_the_ui(edge: Edge):
    response = await edge.decode(await edge.sealed(), headers=await edge.session())
    assert plain(response.json()["payloads"][0]) == PROMPT
    assert response.headers["access-control-allow-origin"] == UI
    assert response.headers["access-control-allow-credentials"] == "true"
    by_token = await edge.decode(await edge.sealed())
    assert by_token.status_code == 200
    assert len(edge.records()) == 1, "the same person, however they got in"


async def test_a_ticket_is_good_once_and_for_a_minute(edge: Edge):
    location = (await edge.ticket()).json()["location"]
    assert (await edge.http.get(location)).status_code == 303
    again = await edge.http.get(location)
    refused(again, 401, "invalid-token")
    assert "set-cookie" not in again.headers
    late = (await edge.ticket()).json()["location"]
    edge.clock.advance(66)
    refused(await edge.http.get(late), 401, "expired-token")
    assert len(edge.records(EventKind.SESSION_OPENED)) == 1


async def test_no_session_is_opened_that_cannot_be_recorded(edge: Edge):
    location = (await edge.ticket()).json()["location"]
    edge.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    response = await edge.http.get(location)
    refused(response, 503, "store-unavailable")
    assert "set-cookie" not in response.headers
    edge.ledger.outage = None
    assert (await edge.http.get(location)).status_code == 303


async def test_a_session_ends(edge: Edge):
    session = await edge.session()
    edge.clock.advance(904)
    assert (await edge.decode(await edge.sealed(), headers=session)).status_code == 200
    edge.clock.advance(1)
    refused(await edge.decode(await edge.sealed(), headers=session), 401, "expired-token")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://127.0.0.1:8234",
        "http://localhost:8233",
        "https://127.0.0.1:8233",
        f"{UI}/",
        "http://evil.example",
    ],
)
async def test_a_session_counts_for_the_uis_own_pages_alone(edge: Edge, origin: str | None):
    session = await edge.session()
    headers = {"Cookie": session["Cookie"], **({} if origin is None else {"Origin": origin})}
    response = await edge.decode(await edge.sealed(), headers=headers)
    refused(response, 403, "forbidden")
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_of_a_foreign_page_decodes_nothing(edge: Edge, media_type: str):
    session = {**await edge.session(), "Content-Type": media_type}
    refused(await edge.decode(await edge.sealed(), headers=session), 415, "unsupported-media")


async def test_a_session_is_no_access_token_and_no_other_token_is_a_session(edge: Edge):
    session = await edge.session()
    token = session["Cookie"].partition("=")[2]
    for method, path in (("GET", f"/v1/inferences/{RUN}"), ("POST", "/v1/inferences"), ("POST", "/ai/predict")):
        refused(await edge.http.request(method, path, headers=session), 401, "missing-token")
        bearer = {"Authorization": f"Bearer {token}"}
        refused(await edge.http.request(method, path, headers=bearer), 401, "invalid-token")
    refused(await edge.http.post("/codec/tickets", json={}, headers=session), 401, "missing-token")
    ticket = (await edge.ticket()).json()["location"].partition("ticket=")[2]
    for other in (ticket, await edge.token(), "x"):
        cookie = {"Cookie": f"assay-codec={other}", "Origin": UI}
        refused(await edge.decode(await edge.sealed(), headers=cookie), 401, "invalid-token")
        refused(await edge.http.get("/codec/session", params={"ticket": token}), 401, "invalid-token")


async def test_a_bad_token_is_not_mended_by_a_session(edge: Edge):
    both = {**await edge.session(), "Authorization": "Bearer x.y.z"}
    refused(await edge.decode(await edge.sealed(), headers=both), 401, "invalid-token")


async def test_a_session_without_the_role_decodes_nothing(edge: Edge):
    """A session carries roles, and they are looked at with each request."""
    principal = await JwtVerifier(edge.signer, FixedIdentity(), edge.settings.tokens, edge.clock).verify(
        await edge.token("guest")
    )
    ticket = await edge.sessions.issue(SessionUse.TICKET, principal, now=edge.clock.now(), seconds=60, jti="x")
    opened = await edge.http.get("/codec/session", params={"ticket": ticket})
    cookie = {"Cookie": opened.headers["set-cookie"].partition(";")[0], "Origin": UI}
    refused(await edge.decode(await edge.sealed(), headers=cookie), 403, "forbidden")


@pytest.mark.parametrize("run", ["inf.globex." + "a" * 32, "x", "../x", f"{RUN}/", f"{RUN}\n", "https://evil.example"])
async def test_a_link_leads_to_the_tenants_own_runs_alone(edge: Edge, run: str):
    assert refused(await edge.ticket(run=run), 422, "invalid-request")["field"] == "run"


async def test_without_a_ui_there_are_no_sessions(edge: Edge):
    session = await edge.session()
    bare = Edge(ui_origin=None, clock=edge.clock, ring=edge.ring)
    bare.signer._keys = edge.signer._keys
    refused(await bare.ticket(), 404, "not-found")
    ticket = (await edge.ticket()).json()["location"]
    refused(await bare.http.get(ticket), 404, "not-found")
    refused(await bare.decode(await edge.sealed(), headers=session), 403, "forbidden")
    assert (await bare.decode(await edge.sealed())).status_code == 200


def preflight(origin: str, method: str = "POST", headers: str = "content-type,x-namespace") -> dict[str, str]:
    names = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
    return dict(zip(names, (origin, method, headers), strict=True))


async def test_the_uis_pages_may_ask(edge: Edge):
    asked = preflight(UI, headers="authorization,authorization-extras,content-type,x-namespace")
    response = await edge.http.options("/codec/decode", headers=asked)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == UI
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-allow-methods"] == "POST, OPTIONS"
    allowed = {name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")}
    assert {"content-type", "x-namespace", "authorization", "authorization-extras"} <= allowed
    assert "*" not in response.headers.values()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/codec/decode", preflight("http://127.0.0.1:9999")),
        ("/codec/decode", preflight("null")),
        ("/v1/inferences", preflight(UI)),
        ("/oauth/token", preflight(UI)),
        ("/codecs", preflight(UI)),
    ],
)
async def test_no_other_page_and_no_other_path_is_shared(edge: Edge, path: str, asked: dict[str, str]):
    response = await edge.http.options(path, headers=asked)
    assert response.status_code in (400, 404, 405)
    assert "access-control-allow-origin" not in response.headers


async def test_a_page_without_a_session_is_counted_and_fills_no_log(edge: Edge):
    """The UI asks for each payload of each page, whoever looks at it."""
    refused(await edge.decode(await edge.sealed(), headers={"Origin": UI}), 401, "missing-token")
    session = await edge.session()
    edge.clock.advance(1000)
    refused(await edge.decode(await edge.sealed(), headers=session), 401, "expired-token")
    assert not edge.refusals
    counted = (await edge.http.get("/metrics")).text
    assert 'assay_refusals_total{kind="missing-token"} 1.0' in counted
    assert 'assay_refusals_total{kind="expired-token"} 1.0' in counted


async def test_no_ticket_and_no_session_is_logged(edge: Edge, capsys: pytest.CaptureFixture[str]):
    location = (await edge.ticket()).json()["location"]
    opened = await edge.http.get(location)
    await edge.http.get(location)
    logged = capsys.readouterr().out
    assert "/codec/session" in logged, "the requests themselves are"
    for secret in (location.partition("ticket=")[2], opened.headers["set-cookie"].split(";")[0].partition("=")[2]):
        assert secret not in logged


async def test_a_large_payload_is_found_by_its_reference(edge: Edge):
    reference = await edge.referred_to()
    assert PROMPT not in json.dumps(reference)
    response = await edge.decode(reference)
    assert response.status_code == 200
    assert [plain(payload) for payload in response.json()["payloads"]] == [PROMPT]
    assert len(edge.records()) == 1


async def test_a_reference_may_be_kept_as_it_is(edge: Edge):
    reference = await edge.referred_to()
    headers = {"Authorization": f"Bearer {await edge.token()}", "Content-Type": "application/json"}
    sent = json.dumps({"payloads": [reference]})
    kept = await edge.http.post("/codec/decode?preserveStorageRefs=true", content=sent, headers=headers)
    assert (kept.json()["payloads"], edge.records()) == ([reference], [])
    got = await edge.http.post("/codec/download", content=sent, headers=headers)
    assert [plain(payload) for payload in got.json()["payloads"]] == [PROMPT]


async def test_a_reference_opens_no_other_tenants_payload(edge: Edge):
    refused = await edge.decode(await edge.referred_to(run="inf.globex." + "a" * 32))
    assert (refused.status_code, edge.records()) == (403, [])


async def test_without_its_store_a_reference_is_no_answer(edge: Edge):
    reference = await edge.referred_to()
    edge.payloads.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    refused = await edge.decode(reference)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:assay:problem:store-unavailable")
