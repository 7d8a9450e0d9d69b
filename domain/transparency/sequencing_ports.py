"""Ports of the sequencer: the store of the trees, the signer of their heads, a witness.

As in ``domain.ports``, any method may raise ``Refusal``.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.transparency.checkpoints import Checkpoint
from domain.transparency.heads import KeptCheckpoint, LogHead, Published, TenantTile
from domain.transparency.tiles import TileId


class TreeStore(Protocol):
    """Store of the tenants' trees. Any number of sequencers may use it at once."""

    async def sequence(self, most: int) -> int:
        """Move up to ``most`` pending records into their tenants' trees; give the number moved, all or none.

        Of a tenant whose tiles or edge are damaged only the leaves are kept, and a tenant whose head is of fewer leaves
        than there are gets none: see ``stuck``. The other tenants go on.
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
        """The number of records that wait for the tree, and the age of the oldest in seconds."""
        ...

    async def stuck(self) -> set[str]:
        """The tenants with more leaves than their head has: their records wait."""
        ...

    async def make_months(self, ahead: int) -> int:
        """Make the partitions of the next ``ahead`` months; give the number that was missing."""
        ...


class CheckpointSigner(Protocol):
    """Signs checkpoints, and keeps the last of each log out of the store's reach."""

    def checkpoint(self, tenant: str, size: int, root: bytes) -> Checkpoint:
        """The checkpoint of a tenant's log."""
        ...

    async def sign(self, checkpoints: Sequence[Checkpoint]) -> list[str]:
        """Their signed notes."""
        ...

    async def kept(self, tenant: str, *, fresh: bool = False) -> KeptCheckpoint | None:
        """The last checkpoint of the tenant's log, or None before the first; from memory unless ``fresh``.

        Raises:
            Refusal: INTERNAL if the kept note is no checkpoint of this log.
        """
        ...

    def forget(self, tenant: str) -> None:
        """Ask the key store next time."""
        ...

    async def keep(self, tenant: str, note: str, *, after: KeptCheckpoint | None) -> bool:
        """Keep a checkpoint on top of the one that it extends; False if another came between.

        Raises:
            Refusal: VAULT_UNAVAILABLE. It may have been kept nevertheless.
        """
        ...


class CheckpointWitness(Protocol):
    """A witness of the log (C2SP tlog-witness)."""

    @property
    def cosigner(self) -> str:
        """The name of its key."""
        ...

    async def add_checkpoint(self, old_size: int, path: list[bytes], note: str) -> str:
        """Submit a checkpoint with the proof from the witness's last one; give its verified signature line.

        Raises:
            WitnessSize: the witness's last checkpoint has another size: prove from there.
            WitnessRefuses: the witness does not accept this checkpoint.
            LogFormatError, Unproven: its answer is malformed, or its signature is invalid.
        """
        ...
