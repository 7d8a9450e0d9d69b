"""Wiring of the API's access to records: a separate login, to which PostgreSQL shows one tenant at a time."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.log.entries import PostgresLogEntries
from adapters.log.proofs import PostgresLogProofs
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.wiring.platform import Platform
from config import roles
from config.settings import Settings


@dataclass(frozen=True)
class LogReaders:
    """Readers of the log in the API's process."""

    records: PostgresRecords
    entries: PostgresLogEntries
    proofs: PostgresLogProofs


async def open_readers(stack: AsyncExitStack, settings: Settings, platform: Platform) -> LogReaders:
    """Open readers with the role ``assay-reader``; ``stack`` stops them. Until servers answer, they refuse."""
    pool = PostgresPool(
        platform.session, settings.database, roles.READER_LOGIN.name, mount=settings.vault.database_mount
    )
    stack.push_async_callback(pool.close)
    await pool.start(wait_seconds=0)
    subjects = PostgresSubjectKeys(pool, platform.keyring)
    records = PostgresRecords(pool, RecordEncrypter(platform.keyring, platform.identities, subjects))
    return LogReaders(records, PostgresLogEntries(pool), PostgresLogProofs(platform.pool))
