"""Erasure and legal hold over the real stack: who may, what is gone, what stays, and who has to agree."""

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.vault.setup.setup import create_tenant
from domain.access.principals import Role
from domain.refusals import Kind, Refusal
from embedded.operator_access import ensure_client, operator_session
from embedded.places import places
from tests.command import assay, run_assay
from tests.gateway import Gateway, eventually
from tests.opened import opened, opening

ERASURES, HOLDS = "/v1/audit/erasures", "/v1/audit/holds"
ROLES: dict[str, tuple[Role, ...]] = {
    "alice": (Role.AI_OPERATOR,),
    "bob": (Role.AI_OPERATOR,),
    "reviewer": (Role.REVIEWER,),
    "auditor": (Role.AUDITOR,),
    "admin": (Role.ADMIN,),
}


@pytest.fixture(scope="module")
async def encrypter(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RecordEncrypter]:
    async with opening(gateway, tmp_path_factory.mktemp("encrypter")) as encrypter:
        yield encrypter


@dataclass
class Tenant:
    """A tenant of its own, with a client of each name."""

    gateway: Gateway
    encrypter: RecordEncrypter
    name: str

    def client(self, who: str) -> str:
        return f"{self.name}-{who}"

    def subject(self, who: str) -> str:
        return f"client:{self.client(who)}"

    async def ask(self, who: str) -> str:
        response = await self.gateway.post({"model": "fake", "prompt": f"Hello from {who}"}, self.client(who))
        assert response.status_code == 200, response.text
        return response.json()["id"]

    async def post(self, who: str, path: str, body: Any = None) -> httpx2.Response:
        return await self.gateway.post(body, self.client(who), path)

    async def prompts(self, run_id: str) -> set[str]:
        """Prompts that records of the run still tell; none, once they are erased."""
        try:
            fields = await opened(self.gateway, self.encrypter, run_id)
        except Refusal as refusal:
            if refusal.kind is Kind.NOT_FOUND:
                return set()
            raise
        return {json.loads(entry["prompt"])[0]["content"] for entry in fields if "prompt" in entry}


@pytest.fixture
async def tenant(gateway: Gateway, encrypter: RecordEncrypter) -> Tenant:
    name = f"t-{secrets.token_hex(4)}"
    async with operator_session(gateway.local) as session:
        await session.call(lambda client: create_tenant(client, name))
        for who, roles in ROLES.items():
            await ensure_client(session, gateway.local, places(gateway.settings), f"{name}-{who}", name, roles)
    return Tenant(gateway, encrypter, name)


def refused(response: httpx2.Response, status: int, kind: str) -> None:
    assert (response.status_code, response.json()["type"]) == (status, f"urn:assay:problem:{kind}"), response.text


async def test_a_person_is_erased_and_others_are_not_and_a_hold_comes_first(tenant: Tenant):
    mine, other = await tenant.ask("alice"), await tenant.ask("bob")
    assert await tenant.prompts(mine) == {"Hello from alice"}
    before = await tenant.gateway.records(mine)
    person = {"subject": tenant.subject("alice")}

    placed = await tenant.post("auditor", HOLDS, {**person, "reason": "the case of alice"})
    assert placed.status_code == 201, placed.text
    hold = placed.json()
    assert (hold["state"], hold["tenant_wide"]) == ("standing", False)
    refused(await tenant.post("admin", ERASURES, person), 409, "legal-hold")
    assert await tenant.prompts(mine) == {"Hello from alice"}

    release = f"{HOLDS}/{hold['id']}/release"
    marked = await tenant.post("auditor", release)
    assert (marked.status_code, marked.json()["state"]) == (202, "release_marked")
    refused(await tenant.post("auditor", release), 409, "second-person-needed")
    refused(await tenant.post("admin", ERASURES, person), 409, "legal-hold")
    released = await tenant.post("admin", release)
    assert (released.status_code, released.json()["state"]) == (200, "released")

    erased = await tenant.post("admin", ERASURES, person)
    assert (erased.status_code, erased.json()) == (200, {"erased_keys": 1})
    assert (await tenant.post("admin", ERASURES, person)).json() == {"erased_keys": 0}
    assert await tenant.prompts(mine) == set()
    assert await tenant.prompts(other) == {"Hello from bob"}
    after = await tenant.gateway.records(mine)
    assert [row["digest"] for row in after] == [row["digest"] for row in before]
    read = await tenant.gateway.get(f"/v1/audit/events?run={mine}&plaintext=true", tenant.client("auditor"))
    assert {event.get("erased", "readable") for event in read.json()["events"]} == {True}, read.text

    assert await tenant.prompts(await tenant.ask("alice")) == {"Hello from alice"}, "who asks again is recorded again"
    kinds = [row["kind"] for row in await tenant.gateway.records(tenant=tenant.name)]
    assert [kinds.count(kind) for kind in ("erased", "hold_placed", "hold_released")] == [2, 1, 2]
    listed = (await tenant.gateway.get(HOLDS, tenant.client("auditor"))).json()["holds"]
    assert listed == [released.json()]
    rows = await tenant.gateway.superuser("SELECT r::text AS row FROM assay.record r WHERE tenant = $1", tenant.name)
    assert not [row for row in rows if "the case of" in row["row"] or tenant.subject("alice") in row["row"]]


async def test_the_whole_tenant_is_held(tenant: Tenant):
    run = await tenant.ask("alice")
    placed = await tenant.post("admin", HOLDS, {"tenant_wide": True, "reason": "x"})
    assert placed.json()["tenant_wide"] is True
    assert "subject" not in placed.json()
    refused(await tenant.post("admin", ERASURES, {"subject": tenant.subject("alice")}), 409, "legal-hold")
    assert await tenant.prompts(run) == {"Hello from alice"}


async def test_who_may_not_gets_nothing(tenant: Tenant):
    person = {"subject": "someone"}
    for who in ("alice", "reviewer", "auditor"):
        refused(await tenant.post(who, ERASURES, person), 403, "forbidden")
    for who in ("alice", "reviewer"):
        refused(await tenant.post(who, HOLDS, {**person, "reason": "x"}), 403, "forbidden")
        refused(await tenant.gateway.get(HOLDS, tenant.client(who)), 403, "forbidden")
    hold = (await tenant.post("auditor", HOLDS, {**person, "reason": "x"})).json()["id"]
    refused(await tenant.post("alice", f"{HOLDS}/{hold}/release"), 403, "forbidden")
    refused(await tenant.gateway.post(None, "globex-auditor", f"{HOLDS}/{hold}/release"), 404, "not-found")
    assert hold not in (await tenant.gateway.get(HOLDS, "globex-auditor")).text
    refused(await tenant.gateway.http.post(ERASURES, json=person), 401, "missing-token")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ERASURES, {}, "subject"),
        (ERASURES, {"subject": ""}, "subject"),
        (ERASURES, {"subject": None}, "subject"),
        (ERASURES, {"subject": "x" * 1025}, "subject"),
        (ERASURES, {"subject": "x", "tenant": "globex"}, "tenant"),
        (HOLDS, {"subject": "x"}, "reason"),
        (HOLDS, {"reason": "x"}, "subject"),
        (HOLDS, {"subject": "x", "tenant_wide": True, "reason": "x"}, "subject"),
        (HOLDS, {"tenant_wide": False, "reason": "x"}, "tenant_wide"),
        (f"{HOLDS}/no-id/release", None, "hold_id"),
    ],
)
async def test_what_is_not_clear_is_refused_by_its_field(tenant: Tenant, path: str, body: Any, field: str):
    response = await tenant.post("admin", path, body)
    refused(response, 422, "invalid-request")
    assert response.json()["field"] == field


async def test_a_persons_name_stays_out_of_every_log(tenant: Tenant):
    name = f"canary person {secrets.token_hex(6)}"
    assert (await tenant.post("admin", ERASURES, {"subject": name})).json() == {"erased_keys": 0}
    hold = (await tenant.post("admin", HOLDS, {"subject": name, "reason": f"about {name}"})).json()
    refused(await tenant.post("admin", ERASURES, {"subject": name}), 409, "legal-hold")
    refused(await tenant.post("admin", ERASURES, {"subject": name, name: "x"}), 422, "invalid-request")
    assert name not in json.dumps(hold)
    logs = list((places(tenant.gateway.settings).root / "logs").iterdir())
    assert logs
    assert not [log.name for log in logs if name.encode() in log.read_bytes()]


async def test_the_commands_do_the_same(tenant: Tenant):
    settings, run = tenant.gateway.settings, await tenant.ask("alice")
    auditor, admin = (("--client", tenant.client(who)) for who in ("auditor", "admin"))
    person = ("--subject", tenant.subject("alice"))
    hold = await assay(settings, "audit", "hold", *person, "--reason", "x", *auditor)
    code, _, said = await run_assay(settings, "audit", "erase", *person, *admin)
    assert code == 1
    assert "409" in said
    assert (await assay(settings, "audit", "release", hold["id"], *auditor))["state"] == "release_marked"
    code, _, said = await run_assay(settings, "audit", "release", hold["id"], *auditor)
    assert (code, "a second person" in said) == (1, True)
    assert (await assay(settings, "audit", "release", hold["id"], *admin))["state"] == "released"
    assert [row["state"] for row in await assay(settings, "audit", "holds", *auditor)] == ["released"]
    assert await assay(settings, "audit", "erase", *person, *admin) == {"erased_keys": 1}
    assert await tenant.prompts(run) == set()
    for wrong in (("erase",), ("erase", "--subject", "x", "--tenant", "y"), ("hold", "--reason", "x")):
        assert (await run_assay(settings, "audit", *wrong))[0] == 2, wrong


async def test_an_operator_erases_a_tenant_and_its_requests_are_refused(tenant: Tenant):
    settings, erase = tenant.gateway.settings, ("audit", "erase", "--tenant", tenant.name)
    hold = (await tenant.post("admin", HOLDS, {"subject": "somebody", "reason": "x"})).json()["id"]
    run = await tenant.ask("alice")
    digests = [row["digest"] for row in await tenant.gateway.records(run)]
    assert (await run_assay(settings, *erase))[0] == 2, "not without --yes"
    code, _, said = await run_assay(settings, *erase, "--yes")
    assert (code, "legal hold" in said) == (1, True)
    assert await tenant.prompts(run) == {"Hello from alice"}
    for who in ("auditor", "admin"):
        assert (await tenant.post(who, f"{HOLDS}/{hold}/release")).is_success

    assert await assay(settings, *erase, "--yes") == {"tenant": tenant.name, "erased": True}
    assert await tenant.prompts(run) == set()
    assert [row["digest"] for row in await tenant.gateway.records(run)] == digests
    [recorded] = [
        row for row in await tenant.gateway.records(tenant="system") if row["fields"].get("about_tenant") == tenant.name
    ]
    assert recorded["kind"] == "erased"
    assert (await run_assay(settings, *erase, "--yes"))[0] == 1, "there is no such tenant any more"
    code, _, said = await run_assay(settings, "tenant", "create", tenant.name)
    assert (code, "was erased" in said) == (1, True)


async def test_a_tenant_whose_key_is_gone_is_refused_and_holds_up_nobody(tenant: Tenant):
    settings = tenant.gateway.settings
    await assay(settings, "audit", "erase", "--tenant", tenant.name, "--yes")
    for body, path in (({"model": "fake", "prompt": "x"}, "/v1/inferences"), ({"subject": "x"}, ERASURES)):
        response = await tenant.post("alice" if path.endswith("inferences") else "admin", path, body)
        refused(response, 403, "forbidden")

    async def recorded() -> int:
        sql = "SELECT count(*) AS number FROM assay.record WHERE tenant = 'acme' AND kind = 'refused'"
        return (await tenant.gateway.superuser(sql))[0]["number"]

    before = await recorded()
    refused(await tenant.gateway.post({}, "acme-nobody"), 403, "forbidden")

    async def one_more() -> bool:
        return await recorded() > before

    await eventually(one_more)
