"""The API's way to the records: by a login of its own, to which PostgreSQL shows one tenant at a time."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.log_entries_postgres import PostgresLogEntries
from adapters.log_proofs_postgres import PostgresLogProofs
from adapters.platform import Platform
from adapters.pool_postgres import PostgresPool
from adapters.record_sealer import RecordSealer
from adapters.records_postgres import PostgresRecords
from adapters.subject_keys_postgres import PostgresSubjectKeys
from config.settings import Settings


@dataclass(frozen=True)
class LogReaders:
    """What reads the log in the API's process."""

    records: PostgresRecords
    entries: PostgresLogEntries
    proofs: PostgresLogProofs


async def open_readers(stack: AsyncExitStack, settings: Settings, platform: Platform) -> LogReaders:
    """Readers by the role ``assay-reader``; ``stack`` stops it. Waits for no server: until they answer, they refuse."""
    pool = PostgresPool(platform.session, settings.database, "assay-reader", mount=settings.vault.database_mount)
    stack.push_async_callback(pool.close)
    await pool.start(wait_seconds=0)
    subjects = PostgresSubjectKeys(pool, platform.keyring)
    records = PostgresRecords(pool, RecordSealer(platform.keyring, platform.identities, subjects))
    return LogReaders(records, PostgresLogEntries(pool), PostgresLogProofs(platform.pool))
