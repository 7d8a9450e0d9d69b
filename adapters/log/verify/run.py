"""One verification of the log, or of a receipt's place in it, as an operator's command runs it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.log.verify.anchors import LogAnchors
from adapters.log.verify.promise import PromiseVerdict, check_promise
from adapters.log.verify.receipts import verify_receipt
from adapters.log.verify.store import LogStore
from adapters.log.verify.verifier import LogAudit
from adapters.postgres.pool import PostgresPool
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings
from domain.access.principals import SYSTEM_TENANT, require_tenant
from domain.signing_keys import RECEIPT_KEY
from domain.transparency.checkpoints import Checkpoint
from domain.transparency.verification import TenantAudit


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was found of each tenant's log."""

    tenants: tuple[TenantAudit, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with any of them."""
        return all(audit.holds for audit in self.tenants)

    @property
    def events(self) -> int:
        """How many leaves were read."""
        return sum(audit.size - audit.since for audit in self.tenants)


async def verify_log(
    session: ServiceSession, settings: Settings, *, tenant: str | None = None, since: int = 0, kept: Sequence[str] = ()
) -> LogReport:
    """Verify one tenant's log, or all; ``kept`` are signed notes that somebody kept.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, INTERNAL: it can't be told; INVALID_REQUEST for a name that is no
            tenant's, or a note that is none of these logs'.
    """
    if tenant is not None and tenant != SYSTEM_TENANT:
        require_tenant(tenant)
    async with _store(session, settings) as store:
        anchors = LogAnchors(session, settings.vault)
        audit = LogAudit(
            store,
            anchors,
            await anchors.keys(),
            VaultPublicKeys(session, transit_mount=settings.vault.transit_mount),
            log_name=settings.audit.log_name,
            promise_seconds=settings.audit.promise_seconds,
        )
        return await _verify(audit, tenant, since, [audit.open_kept(note) for note in kept])


async def verify_promise(session: ServiceSession, settings: Settings, document: Mapping[str, Any]) -> PromiseVerdict:
    """Hold a receipt, alone or in a run's body, against the log; its key is Vault's.

    Raises:
        ReceiptInvalid: the receipt itself does not hold.
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, INTERNAL: it can't be told.
    """
    public = VaultPublicKeys(session, transit_mount=settings.vault.transit_mount)
    claims = verify_receipt(document, {"keys": list((await public.key_set(RECEIPT_KEY)).keys.values())})
    keys = await LogAnchors(session, settings.vault).keys()
    async with _store(session, settings) as store:
        audit = settings.audit
        return await check_promise(store, keys, claims, log_name=audit.log_name, promise_seconds=audit.promise_seconds)


@asynccontextmanager
async def _store(session: ServiceSession, settings: Settings) -> AsyncIterator[LogStore]:
    pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        yield LogStore(pool)
    finally:
        await pool.close()


async def _verify(audit: LogAudit, tenant: str | None, since: int, kept: list[tuple[str, Checkpoint]]) -> LogReport:
    names = [tenant] if tenant else sorted({*await audit.tenants(), *(owner for owner, _ in kept)})
    found = {
        name: await audit.verify(name, since=since, kept=[note for owner, note in kept if owner == name])
        for name in names
    }
    for owner, finding in (await audit.unplaced(tenant)).items():
        found.setdefault(owner, TenantAudit(owner)).found(finding)
    return LogReport(tuple(found.values()))
