"""Spool in SQLite: one file with a write-ahead log, each group of entries made durable by one fsync.

SQLite's write-ahead log has a checksum in each frame (sqlite.org, "WAL-mode file format"): a half-written frame after a
crash is not a commit, and everything before it is. ``synchronous=FULL`` flushes at each commit. Entries have a checksum
of their own, since pages of the database have none.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from domain.records.spool import Spooled, SpoolUnavailable

T = TypeVar("T")
_TURNS, _TURN_SECONDS = 100, 0.05
_ENTRY_OVERHEAD_BYTES = 48  # checksum, position, headers of the record and of its cell
_SET_UP = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",  # only macOS distinguishes fsync from a flush of the drive's cache
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA journal_size_limit=4194304",
    # positions are never reused: removal by position removes the entry that was read
    """CREATE TABLE IF NOT EXISTS entry (
      place INTEGER PRIMARY KEY AUTOINCREMENT, checksum BLOB NOT NULL, content BLOB NOT NULL
    )""",
)
log = structlog.get_logger(__name__)


class SqliteSpool:
    """``Spool`` in a separate directory on a local disk. All work is done in one thread beside the event loop.

    ``max_bytes`` limits the pages in use; the write-ahead log and the excess of a group of entries come on top, a few
    MiB. Entries are encrypted by the caller.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        """Take the directory; ``open`` creates it."""
        self._file = directory / "refusals.db"
        self._lock_file = directory / "emptying.lock"
        self._max_bytes = max_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None

    @classmethod
    async def open(cls, directory: Path, max_bytes: int) -> "SqliteSpool":
        """Create the directory with mode 0700 if necessary, and open or create the spool.

        Raises:
            SpoolUnavailable: names the directory.
        """
        spool = cls(directory, max_bytes)
        try:
            await spool._run(spool._open)
        except SpoolUnavailable as error:
            await spool.close()
            raise SpoolUnavailable(f"the spool in {directory} can't be used: {error}") from None
        return spool

    async def put(self, contents: Sequence[bytes]) -> int:
        """See ``Spool``."""
        return await self._run(lambda: self._put(contents))

    async def oldest(self, most: int) -> Sequence[Spooled]:
        """See ``Spool``."""
        return await self._run(lambda: self._oldest(most))

    async def remove(self, places: Sequence[int]) -> None:
        """See ``Spool``."""
        await self._run(lambda: self._remove(places))

    async def close(self) -> None:
        """See ``Spool``."""
        with contextlib.suppress(SpoolUnavailable):
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        """Run work in the thread. SQLite's messages on a statement or a file quote no entry."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise SpoolUnavailable(f"{type(error).__name__}: {error}") from error
        except RuntimeError as error:  # of an executor that was shut down
            raise SpoolUnavailable("the spool is closed") from error

    def _open(self) -> None:
        directory = self._file.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._connect_in_turn()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) or not self._empties():
                raise
            self._set_aside()
            self._connect()

    def _connect_in_turn(self) -> None:
        """Connect, after any other process that is creating the file: SQLite itself does not wait for that."""
        for _ in range(_TURNS):
            try:
                return self._connect()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the primary code of an extended one
                    raise
            time.sleep(_TURN_SECONDS)
        return self._connect()

    def _connect(self) -> None:
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its other files get its mode
        connection = sqlite3.connect(self._file, isolation_level=None)
        try:
            for statement in _SET_UP:
                connection.execute(statement)
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("the file is damaged")
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        _fsync(self._file.parent)

    def _set_aside(self) -> None:
        """Move an unreadable file aside, so that later entries can be stored."""
        log.error("spool.damaged", kept_as=f"{self._file.name}.damaged")
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._file.replace(self._file.with_name(f"{self._file.name}.damaged"))

    def _put(self, contents: Sequence[bytes]) -> int:
        kept = 0
        with self._transaction() as connection:
            room = self._max_bytes - self._used(connection)
            for content in contents:
                room -= len(content) + _ENTRY_OVERHEAD_BYTES
                if room < 0:
                    break
                row = (_checksum(content), content)
                connection.execute("INSERT INTO entry (checksum, content) VALUES (?, ?)", row)
                kept += 1
        return kept

    def _oldest(self, most: int) -> list[Spooled]:
        connection = self._opened()
        if not self._empties():
            return []
        rows = connection.execute("SELECT place, checksum, content FROM entry ORDER BY place LIMIT ?", (most,))
        return [Spooled(place, content if _checksum(content) == found else None) for place, found, content in rows]

    def _remove(self, places: Sequence[int]) -> None:
        with self._transaction() as connection:
            connection.executemany("DELETE FROM entry WHERE place = ?", [(place,) for place in places])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction that is on disk when it ends, or rolled back."""
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SpoolUnavailable("the spool is closed")
        return self._connection

    def _empties(self) -> bool:
        """Return True if this process empties the spool: it holds the lock (flock) until it ends."""
        if self._lock is None:
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @staticmethod
    def _used(connection: sqlite3.Connection) -> int:
        """Return the size of used pages in bytes."""
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:16]


def _fsync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
