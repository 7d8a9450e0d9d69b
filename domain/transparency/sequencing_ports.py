"""Ports of the sequencer: the store of the trees, the signer of their heads, a witness.

As in ``domain.ports``, any method may raise ``Refusal``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from domain.transparency.checkpoints import Checkpoint
from domain.transparency.heads import KeptCheckpoint, LogHead, Published, TenantTile
from domain.transparency.tiles import TileId


class TreeStore(Protocol):
    """Store of the tenants' trees. Any number of sequencers may use it at once."""

    async def sequence(self, most: int) -> int:
        """Move up to ``most`` pending records into their tenants' trees. Return their number, all or none.

        For a tenant with damaged tiles or edge only the leaves are stored, and a tenant whose head covers fewer leaves
        than exist gets none: see ``stuck``. The other tenants continue.
        """
        ...

    async def unsigned(self) -> Sequence[LogHead]:
        """The trees that have grown since their newest checkpoint."""
        ...

    async def heads(self) -> Sequence[LogHead]:
        """Every tree."""
        ...

    async def tiles(self, wanted: Sequence[TenantTile]) -> Mapping[str, Mapping[TileId, bytes]]:
        """The stored ones of these tiles, by tenant."""
        ...

    async def publish(self, checkpoints: Sequence[Published]) -> None:
        """Store signed checkpoints. A repeat is a no-op."""
        ...

    async def uncosigned(self, cosigner: str, most: int) -> Sequence[Published]:
        """The newest checkpoint of each tree, if it has no signature of that name."""
        ...

    async def add_cosignature(self, tenant: str, size: int, line: str) -> bool:
        """Add a signature line to a checkpoint; False if it has one of that name."""
        ...

    async def newest_size(self, tenant: str) -> int:
        """The size of the tenant's newest checkpoint."""
        ...

    async def lag(self) -> tuple[int, float]:
        """Return the number of pending records, and the age of the oldest in seconds."""
        ...

    async def stuck(self) -> set[str]:
        """Return the tenants with more leaves than their head covers: their records stay pending."""
        ...

    async def note_refused(self, tenants: Collection[str]) -> None:
        """Replace the noted names of the tenants whose heads are not signed. The API's readiness shows their number."""
        ...

    async def make_months(self, ahead: int) -> int:
        """Create the partitions of the next ``ahead`` months; return the number of missing ones."""
        ...


class CheckpointSigner(Protocol):
    """Signs checkpoints, and stores the last of each log outside the database."""

    def checkpoint(self, tenant: str, size: int, root: bytes, previous: int = 0) -> Checkpoint:
        """The checkpoint of a tenant's log. ``previous`` is the size of the one before, or 0."""
        ...

    async def sign(self, checkpoints: Sequence[Checkpoint]) -> list[str]:
        """Their signed notes."""
        ...

    async def kept(self, tenant: str, *, fresh: bool = False) -> KeptCheckpoint | None:
        """The last checkpoint of the tenant's log, or None before the first. From memory unless ``fresh``.

        Raises:
            Refusal: INTERNAL if the kept note is no checkpoint of this log.
        """
        ...

    def forget(self, tenant: str) -> None:
        """Drop the cached checkpoint."""
        ...

    async def keep(self, tenant: str, note: str, *, after: KeptCheckpoint | None) -> bool:
        """Store a checkpoint that extends ``after``; False if another was stored in between.

        Raises:
            Refusal: VAULT_UNAVAILABLE. It may have been stored nevertheless.
        """
        ...


class CheckpointWitness(Protocol):
    """A witness of the log (C2SP tlog-witness)."""

    @property
    def cosigner(self) -> str:
        """Return the name of its key."""
        ...

    async def add_checkpoint(self, old_size: int, path: list[bytes], note: str) -> str:
        """Submit a checkpoint with the proof from the witness's last one. Return its verified signature line.

        Raises:
            WitnessSize: the witness's last checkpoint has another size: prove from there.
            WitnessRefuses: the witness rejects this checkpoint.
            LogFormatError, Unproven: its answer is malformed, or its signature is invalid.
        """
        ...
