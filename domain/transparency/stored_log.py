"""Values that a verifier reads of a log: keys, heads, checkpoints, and positions of events."""

from dataclasses import dataclass

from domain.transparency.checkpoints import VerifierKey


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Public keys of all versions of the key that signs all tenants' logs."""

    public_keys: tuple[bytes, ...]

    def of(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys as the verifier keys of one log."""
        return tuple(VerifierKey(origin, key) for key in self.public_keys)


@dataclass(frozen=True, slots=True)
class StoredHead:
    """Snapshot of a tenant's log: leaf numbers, the head's values, the newest checkpoint."""

    first: int
    leaves: int
    size: int
    edge: bytes
    signed: int


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Position of an event: at ``seq`` in the tree, or pending for ``age`` seconds."""

    tenant: str
    digest: bytes
    seq: int | None
    age: float


@dataclass(frozen=True, slots=True)
class Signed:
    """A row of the checkpoints' table."""

    size: int
    root: bytes
    note: str
