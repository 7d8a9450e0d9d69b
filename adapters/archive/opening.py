"""Wiring of an archiver's adapters, for its process and for an operator's commands."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from adapters.archive.files import ZstdFiles
from adapters.archive.keyring import EncryptionKeys
from adapters.archive.place import CREDENTIALS, ObstorePlace, open_place
from adapters.archive.store import PostgresArchives
from adapters.log.entries import PostgresLogEntries
from adapters.log.proofs import PostgresLogProofs
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import SubjectKey
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.tokens.signatures import LocalSignatureChecks
from adapters.vault.identity import VaultIdentity
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.secrets import VaultSecrets
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from assay_temporal.keyring import KeyUnavailable
from config import roles
from config.settings import Settings
from domain.refusals import Kind, Refusal

_STATEMENT_SECONDS = 600.0  # for counting and dropping whole months
_CONNECTIONS = 2


class _NoPersons:
    """Keys of data subjects for records that have none."""

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        """Never called."""
        del subject
        raise KeyUnavailable(tenant, gone=True)

    async def by_id(self, tenant: str, key_id: UUID) -> SubjectKey:
        """Never called."""
        del key_id
        raise KeyUnavailable(tenant, gone=True)

    def forget(self, tenant: str, subject: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class ArchiveParts:
    """Adapters of an archiver, over a session with Vault and a separate login to PostgreSQL."""

    place: ObstorePlace
    files: ZstdFiles
    store: PostgresArchives
    entries: PostgresLogEntries
    proofs: PostgresLogProofs
    ledger: PostgresLedger
    signer: VaultSigner
    signatures: LocalSignatureChecks
    log_name: str

    @classmethod
    async def open(cls, stack: AsyncExitStack, settings: Settings, session: ServiceSession) -> "ArchiveParts":
        """Wire the adapters over a started session; ``stack`` closes them.

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
        encrypter = RecordEncrypter(EncryptionKeys(session, vault), identities, _NoPersons())
        credentials = {}
        if settings.audit.archive_place.startswith("s3://"):
            try:
                credentials = dict(await VaultSecrets(session, kv_mount=vault.kv_mount).read(CREDENTIALS))
            except Refusal as refusal:
                if refusal.kind is not Kind.NOT_FOUND:
                    raise
        return cls(
            place=open_place(settings.audit, credentials),
            files=ZstdFiles(),
            store=PostgresArchives(pool),
            entries=PostgresLogEntries(pool),
            proofs=PostgresLogProofs(pool),
            ledger=PostgresLedger(pool, encrypter),
            signer=signer,
            signatures=LocalSignatureChecks(),
            log_name=settings.audit.log_name,
        )
