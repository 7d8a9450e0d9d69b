"""Verification of the stored log, or a receipt's event in it, with an operator's session."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from adapters.log.anchors import VaultLogAnchors
from adapters.log.audited import PostgresAuditedLog
from adapters.postgres.pool import PostgresPool
from adapters.system.clock import SystemClock
from adapters.tokens.signatures import LocalSignatureChecks
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings
from domain.signing_keys import RECEIPT_KEY
from services.verification.merge_delay import MergeDelayVerdict, check_merge_delay
from services.verification.receipts import verify_receipt
from services.verification.run import LogReport, require_log_tenant, verify_logs
from services.verification.verifier import LogAudit

_SIGNATURES = LocalSignatureChecks()


async def verify_log(
    session: ServiceSession, settings: Settings, *, tenant: str | None = None, since: int = 0, kept: Sequence[str] = ()
) -> LogReport:
    """Verify one tenant's log, or all. See ``verify_logs``."""
    require_log_tenant(tenant)  # before any server is called
    async with _store(session, settings) as store:
        anchors = VaultLogAnchors(session, settings.vault)
        audit = LogAudit(
            store,
            anchors,
            await anchors.keys(),
            VaultPublicKeys(session, transit_mount=settings.vault.transit_mount),
            _SIGNATURES,
            SystemClock(),
            log_name=settings.audit.log_name,
            max_merge_delay_seconds=settings.audit.promise_seconds,
        )
        return await verify_logs(audit, tenant=tenant, since=since, kept=kept)


async def verify_merge_delay(
    session: ServiceSession, settings: Settings, document: Mapping[str, Any]
) -> MergeDelayVerdict:
    """Hold a receipt, alone or in a run's body, against the log. Its key is Vault's.

    Raises:
        ReceiptInvalid: the receipt itself is invalid.
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, INTERNAL: it can't be told.
    """
    public = VaultPublicKeys(session, transit_mount=settings.vault.transit_mount)
    jwks = {"keys": list((await public.key_set(RECEIPT_KEY)).keys.values())}
    claims = verify_receipt(_SIGNATURES, document, jwks)
    keys = await VaultLogAnchors(session, settings.vault).keys()
    async with _store(session, settings) as store:
        return await check_merge_delay(
            store,
            keys,
            _SIGNATURES.ed25519,
            claims,
            log_name=settings.audit.log_name,
            max_merge_delay_seconds=settings.audit.promise_seconds,
        )


@asynccontextmanager
async def _store(session: ServiceSession, settings: Settings) -> AsyncIterator[PostgresAuditedLog]:
    pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        yield PostgresAuditedLog(pool)
    finally:
        await pool.close()
