"""Port of a spool: entries for a store that outlive their process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class SpoolUnavailable(Exception):
    """The spool is unavailable. The text has the reason, and quotes no entry."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """An entry. ``content`` is None if it was damaged after it was stored."""

    place: int
    content: bytes | None


class Spool(Protocol):
    """A durable bounded queue of opaque entries. Every method may raise ``SpoolUnavailable``.

    Several processes may put into the same spool. One of them at a time empties it, until it closes the spool or ends
    in any way; then another may.
    """

    async def put(self, contents: Sequence[bytes]) -> int:
        """Store as many as there is room for, the first ones first; return their number. They are durable on return."""
        ...

    async def oldest(self, most: int) -> Sequence[Spooled]:
        """Return the ``most`` oldest entries; none while another process empties the spool."""
        ...

    async def remove(self, places: Sequence[int]) -> None:
        """Remove entries returned by ``oldest``. They return if the process ends before that is durable."""
        ...

    async def close(self) -> None:
        """Let another process empty the spool. Repeats are harmless."""
        ...
