"""An archiver's adapters, put together: for its process, and for an operator's commands."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from adapters.archive.export import ArchiveHeaders
from adapters.archive.keyring import SealingKeys
from adapters.archive.manifest import ArchiveSeals
from adapters.archive.months import LogMonthArchiver
from adapters.archive.place import CREDENTIALS, open_place
from adapters.archive.records import ArchiveRecords
from adapters.archive.store import PostgresArchives
from adapters.log.entries import PostgresLogEntries
from adapters.log.proofs import PostgresLogProofs
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.sealing.sealer import RecordSealer
from adapters.postgres.sealing.subject_keys import SubjectKey
from adapters.vault.identity import VaultIdentity
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.secrets import VaultSecrets
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from assay_temporal.keyring import KeyUnavailable
from config import roles
from config.settings import Settings
from domain.ports import Clock
from domain.refusals import Kind, Refusal

_STATEMENT_SECONDS = 600.0  # it counts and drops whole months
_CONNECTIONS = 2


class _NoPersons:
    """Keys of persons for records that are about nobody."""

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        """Never asked for."""
        del subject
        raise KeyUnavailable(tenant, gone=True)

    async def by_id(self, tenant: str, key_id: UUID) -> SubjectKey:
        """Never asked for."""
        del key_id
        raise KeyUnavailable(tenant, gone=True)

    def forget(self, tenant: str, subject: str) -> None:
        """There is nothing to forget."""


@dataclass(frozen=True)
class Archiving:
    """An archiver on its own session with Vault and its own login to PostgreSQL."""

    session: ServiceSession
    archiver: LogMonthArchiver

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, settings: Settings, session: ServiceSession, clock: Clock
    ) -> "Archiving":
        """Put the parts together over a session that is started; ``stack`` closes what is opened here.

        Raises:
            Refusal: VAULT_UNAVAILABLE while the bucket's credentials can't be read.
        """
        vault = settings.vault
        database = settings.database.model_copy(
            update={"statement_timeout_seconds": _STATEMENT_SECONDS, "pool_size": _CONNECTIONS}
        )
        pool = PostgresPool(session, database, roles.ARCHIVER_LOGIN.name, mount=vault.database_mount)
        stack.push_async_callback(pool.close)
        await pool.start()
        signer = VaultSigner(
            session,
            VaultPublicKeys(session, transit_mount=vault.transit_mount),
            transit_mount=vault.transit_mount,
        )
        identities = VaultIdentity(session, kv_mount=vault.kv_mount)
        sealer = RecordSealer(SealingKeys(session, vault), identities, _NoPersons())
        credentials = {}
        if settings.audit.archive_place.startswith("s3://"):
            try:
                credentials = dict(await VaultSecrets(session, kv_mount=vault.kv_mount).read(CREDENTIALS))
            except Refusal as refusal:
                if refusal.kind is not Kind.NOT_FOUND:
                    raise
        archiver = LogMonthArchiver(
            open_place(settings.audit, credentials),
            PostgresArchives(pool),
            ArchiveSeals(signer, settings.audit.log_name),
            ArchiveHeaders(PostgresLogEntries(pool), PostgresLogProofs(pool)),
            ArchiveRecords(PostgresLedger(pool, sealer)),
            clock,
            settings.audit.retention_months,
        )
        return cls(session, archiver)
