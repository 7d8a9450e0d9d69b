"""The port of a spool: what is on its way to a store outlives the process that sends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class SpoolUnavailable(Exception):
    """The spool can't be used now. The text says why, and quotes no entry."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """An entry. ``content`` is None where it was damaged since it was put."""

    place: int
    content: bytes | None


class Spool(Protocol):
    """A bounded queue of opaque entries that survives its process. Every method may raise ``SpoolUnavailable``.

    Several processes may put into the same spool. One of them at a time empties it, until it closes the spool or ends,
    however it ends; then another may.
    """

    async def put(self, contents: Sequence[bytes]) -> int:
        """Keep as many as there is room for, the first ones first; give how many. They are durable on return."""
        ...

    async def oldest(self, most: int) -> Sequence[Spooled]:
        """The ``most`` oldest entries; none while another process empties the spool."""
        ...

    async def remove(self, places: Sequence[int]) -> None:
        """Forget entries that ``oldest`` gave. If the process ends before that is durable, they are given again."""
        ...

    async def close(self) -> None:
        """Let another process empty the spool. Repeats are harmless."""
        ...
