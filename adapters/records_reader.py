"""The API's way to the records: by a login of its own, to which PostgreSQL shows one tenant at a time."""

from contextlib import AsyncExitStack

from adapters.platform import Platform
from adapters.pool_postgres import PostgresPool
from adapters.record_sealer import RecordSealer
from adapters.records_postgres import PostgresRecords
from adapters.subject_keys_postgres import PostgresSubjectKeys
from config.settings import Settings


async def open_reader(stack: AsyncExitStack, settings: Settings, platform: Platform) -> PostgresRecords:
    """A reader by the role ``assay-reader``; ``stack`` stops it. Waits for no server: until they answer, it refuses."""
    pool = PostgresPool(platform.session, settings.database, "assay-reader", mount=settings.vault.database_mount)
    stack.push_async_callback(pool.close)
    await pool.start(wait_seconds=0)
    subjects = PostgresSubjectKeys(pool, platform.keyring)
    return PostgresRecords(pool, RecordSealer(platform.keyring, platform.identities, subjects))
