"""Salted commitments: a record says which prompt and answer it is about without anyone being able to guess them from
it.

The salt is derived, so that a repeated append commits to the same value; it is given to the caller alone, who can then
show that a record is about their prompt (hash commitments, Halevi and Micali 1996).
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Commitment:
    """``digest`` stands in the record, ``salt`` opens it. Both hexadecimal."""

    digest: str
    salt: str


def commit(identity_key: bytes, event_id: UUID, label: str, content: bytes) -> Commitment:
    """Commit to ``content`` in the event's field ``label`` (``prompt`` or ``answer``)."""
    salt = hmac.new(identity_key, b"assay/salt/v1\0" + event_id.bytes + label.encode(), hashlib.sha256).digest()
    return Commitment(digest=digest(salt[:_SALT_BYTES], content), salt=salt[:_SALT_BYTES].hex())


def digest(salt: bytes, content: bytes) -> str:
    """SHA-256, hexadecimal, over a domain label, the salt and the content."""
    return hashlib.sha256(b"assay/commitment/v1\0" + salt + content).hexdigest()
