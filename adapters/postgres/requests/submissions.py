"""Requests for runs of the last minutes in PostgreSQL."""

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.inference.submissions import AskedRun, Ending, TaggedRun

_BEGIN = "SELECT * FROM assay.begin_submission($1, $2, $3, $4, $5, $6, $7, $8)"
_NOTE = "SELECT assay.note_submission($1, $2, $3)"


class PostgresSubmissions:
    """``SubmissionStore`` over the functions of ``0031_submissions.sql``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-api``)."""
        self._pool = pool

    async def begin(self, asked: AskedRun) -> TaggedRun:
        """See ``SubmissionStore``."""
        row = await self._pool.fetchrow(
            _BEGIN,
            *(asked.tenant, asked.caller, asked.digest, asked.tag, asked.connection),
            *(asked.streamed, asked.session, asked.retries),
        )
        if row is None:
            raise unavailable()
        return TaggedRun(row["found_tag"], asked.connection, row["joined"], row["fresh_failure"])

    async def note(self, run: TaggedRun, ending: Ending | None) -> None:
        """See ``SubmissionStore``."""
        await self._pool.fetchrow(_NOTE, run.tag, run.connection, None if ending is None else ending.value)
