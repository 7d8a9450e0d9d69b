"""Salted commitments to prompt and answer, which can't be guessed from the record.

The salt is derived, so that a repeated append commits to the same value; it is returned to the caller alone, who can
then prove that a record is about their prompt (hash commitments, Halevi and Micali 1996).
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment: ``digest`` is in the record, ``salt`` opens it. Both hexadecimal."""

    digest: str
    salt: str


def commit(identity_key: bytes, event_id: UUID, label: str, content: bytes) -> Commitment:
    """Commit to ``content`` in the event's field ``label`` (``prompt`` or ``answer``)."""
    salt = hmac.new(identity_key, b"assay/salt/v1\0" + event_id.bytes + label.encode(), hashlib.sha256).digest()
    return Commitment(digest=digest(salt[:_SALT_BYTES], content), salt=salt[:_SALT_BYTES].hex())


def digest(salt: bytes, content: bytes) -> str:
    """Return SHA-256, hexadecimal, over a domain label, the salt and the content."""
    return hashlib.sha256(b"assay/commitment/v1\0" + salt + content).hexdigest()
