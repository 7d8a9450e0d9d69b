"""Values that a verifier reads of a log: keys, heads, checkpoints, and positions of events."""

from dataclasses import dataclass

from domain.transparency.checkpoints import VerifierKey


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The public keys of all versions of the key that signs all tenants' logs."""

    public_keys: tuple[bytes, ...]

    def of(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys as the verifier keys of one log."""
        return tuple(VerifierKey(origin, key) for key in self.public_keys)


@dataclass(frozen=True, slots=True)
class StoredHead:
    """A tenant's log as one snapshot shows it: its leaves' numbers, what the head says, the newest checkpoint."""

    first: int
    leaves: int
    size: int
    edge: bytes
    signed: int


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an event is: at ``seq`` in the tree, or waiting for it for ``age`` seconds."""

    tenant: str
    digest: bytes
    seq: int | None
    age: float


@dataclass(frozen=True, slots=True)
class Signed:
    """A row of the checkpoints."""

    size: int
    root: bytes
    note: str
