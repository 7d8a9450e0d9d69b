"""The order in which a tenant is erased: checked, recorded, and only then its key is deleted."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from domain.records.custody import tenant_erasure_record
from domain.records.records import EventKind, Record
from domain.refusals import Kind, Refusal
from services.tenant_erasure import TenantErasure

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Servers:
    """Keys and erasures in memory, and the acts in their order."""

    tenants: set[str] = field(default_factory=lambda: {"acme"})
    recorded: dict[str, Record] = field(default_factory=dict)
    refusal: Refusal | None = None
    acts: list[str] = field(default_factory=list)

    async def exists(self, tenant: str) -> bool:
        self.acts.append("exists")
        return tenant in self.tenants

    async def delete(self, tenant: str) -> None:
        self.acts.append("delete")
        self.tenants.discard(tenant)

    async def erase(self, tenant: str, record: Record) -> bool:
        self.acts.append("erase")
        if self.refusal is not None:
            raise self.refusal
        repeated = tenant in self.recorded
        self.recorded.setdefault(tenant, record)
        return not repeated

    async def was_erased(self, tenant: str) -> bool:
        return tenant in self.recorded


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def erasure(servers: Servers) -> TenantErasure:
    return TenantErasure(servers, servers)


async def test_the_key_goes_last(servers: Servers, erasure: TenantErasure) -> None:
    assert await erasure.erase("acme", NOW, "tag")
    assert servers.acts == ["exists", "erase", "delete"]
    assert servers.recorded["acme"].kind is EventKind.ERASED
    assert servers.tenants == set()


async def test_an_interrupted_erasure_is_finished_by_its_repeat(servers: Servers, erasure: TenantErasure) -> None:
    await servers.erase("acme", tenant_erasure_record("acme", NOW, "first"))
    assert not await erasure.erase("acme", NOW, "tag")
    assert servers.tenants == set()


@pytest.mark.parametrize("kind", [Kind.LEGAL_HOLD, Kind.STORE_UNAVAILABLE])
async def test_without_a_record_the_key_stays(servers: Servers, erasure: TenantErasure, kind: Kind) -> None:
    servers.refusal = Refusal(kind, "not now")
    with pytest.raises(Refusal):
        await erasure.erase("acme", NOW, "tag")
    assert servers.tenants == {"acme"}


@pytest.mark.parametrize(("name", "kind"), [("globex", Kind.NOT_FOUND), ("no name!", Kind.INVALID_REQUEST)])
async def test_an_unknown_tenant_is_refused_before_the_store_is_asked(
    servers: Servers, erasure: TenantErasure, name: str, kind: Kind
) -> None:
    with pytest.raises(Refusal) as refused:
        await erasure.erase(name, NOW, "tag")
    assert refused.value.kind is kind
    assert "erase" not in servers.acts


async def test_an_erased_tenants_name_is_not_given_again(servers: Servers, erasure: TenantErasure) -> None:
    await erasure.require_not_erased("acme")
    await erasure.erase("acme", NOW, "tag")
    with pytest.raises(Refusal) as refused:
        await erasure.require_not_erased("acme")
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, "tenant")
