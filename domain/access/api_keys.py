"""API keys of clients: the text that is shown once, what a key grants, and its lifetime.

A key is ``assay_``, an ID of 11 characters, a secret of 43 (256 random bits), and a checksum of 6, all in base62. The
checksum is CRC-32 (RFC 1952 section 8) of what precedes it, as in GitHub's tokens ("Behind GitHub's new authentication
token formats", 2021): a scanner recognises a key with certainty, and a misspelt one is refused before any query.
"""

import hmac
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PREFIX: Final = "assay_"
KEY_ID: Final = re.compile(r"[0-9A-Za-z]{11}\Z")
KEY_PATTERN: Final = r"assay_[0-9A-Za-z]{60}"
"""The form of a key, for scanners: ``docs/keys.md`` has it too."""

HASH_PURPOSE: Final = "assay/api-key-secret/v1"
"""Purpose of the installation's key that hashes keys."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_BYTES, _ID_CHARS = 8, 11
_SECRET_BYTES, _SECRET_CHARS = 32, 43
_CHECKSUM_CHARS = 6
KEY_CHARS: Final = len(PREFIX) + _ID_CHARS + _SECRET_CHARS + _CHECKSUM_CHARS
_ID_END: Final = len(PREFIX) + _ID_CHARS
_KEY: Final = re.compile(KEY_PATTERN + r"\Z")


@dataclass(frozen=True, slots=True)
class NewKeyText:
    """A new key's ID, and its text, which is shown once and never stored."""

    id: str
    text: str = field(repr=False)


def new_key(random_bytes: Callable[[int], bytes]) -> NewKeyText:
    """Return a new key: an ID of 64 random bits, a secret of 256."""
    key_id = _base62(random_bytes(_ID_BYTES), _ID_CHARS)
    body = PREFIX + key_id + _base62(random_bytes(_SECRET_BYTES), _SECRET_CHARS)
    return NewKeyText(key_id, body + checksum(body))


def checksum(body: str) -> str:
    """Return the six characters that end a key: CRC-32 of the rest, base62, padded with ``0``."""
    return _base62(zlib.crc32(body.encode()).to_bytes(4, "big"), _CHECKSUM_CHARS)


def is_key_like(credential: str) -> bool:
    """Test for the prefix: no access token has it, since a JWT begins with an encoded brace."""
    return credential.startswith(PREFIX)


def key_id_of(credential: str) -> str | None:
    """Return the ID of a well-formed key with a valid checksum, else None."""
    if not _KEY.match(credential) or checksum(credential[:-_CHECKSUM_CHARS]) != credential[-_CHECKSUM_CHARS:]:
        return None
    return credential[len(PREFIX) : _ID_END]


def key_hash(hash_key: bytes, credential: str) -> bytes:
    """Return the keyed hash of a whole key: HMAC-SHA-256 (RFC 2104), 32 bytes. No more is stored of it."""
    return hmac.digest(hash_key, credential.encode("utf-8", "surrogatepass"), "sha256")


def visible_prefix(key_id: str) -> str:
    """Return the part of a key that may be shown."""
    return PREFIX + key_id


def _base62(data: bytes, length: int) -> str:
    value, found = int.from_bytes(data, "big"), ""
    while value:
        value, digit = divmod(value, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found.rjust(length, _DIGITS[0])


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """The policy's limits of API keys: longest life, keys a caller may have at once, longest overlap of a rotation.

    A longest life of zero permits no keys.
    """

    longest_life: timedelta
    per_caller: int
    longest_overlap: timedelta

    @property
    def permitted(self) -> bool:
        """Return True if there may be keys."""
        return self.longest_life > timedelta(0)


NO_KEYS: Final = KeyLimits(timedelta(0), 0, timedelta(0))
"""Limits of policies from before API keys."""


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """Rights that the maker of a key granted it. Encrypted where it is stored.

    Attributes:
        client_id: the maker's OAuth client, whose caller the key is.
        subject: the maker's ``sub``.
        roles: the roles it was made with; it has those that its client still has.
        name: the maker's name for it.
        models: aliases that it may use; None for all of the tenant's.
        requests_per_minute: its own rate, beside the caller's; None for no other than that.
    """

    client_id: str
    subject: str
    roles: tuple[str, ...]
    name: str
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None


class KeyState(StrEnum):
    """States of a key. A replaced one is valid until its rotation's overlap ends; an invalid row proves no key."""

    ACTIVE = "active"
    REPLACED = "replaced"
    EXPIRED = "expired"
    REVOKED = "revoked"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """Times of a key's life, aware, UTC. ``ends_at`` is the end of a rotation's overlap."""

    created_at: datetime
    expires_at: datetime
    ends_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def state(self, now: datetime, longest_life: timedelta) -> KeyState:
        """Return the state. The current policy's longest life applies to existing keys as well."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        end = min(self.expires_at, self.created_at + longest_life, self.ends_at or self.expires_at)
        if now >= end:
            return KeyState.EXPIRED
        return KeyState.ACTIVE if self.ends_at is None else KeyState.REPLACED


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, without its secret.

    Attributes:
        id: 11 characters of base62: the visible part of its text.
        tenant: its maker's.
        caller: its maker's keyed hash. Budget, rate and runs of a key are the caller's.
        subject: the keyed hash of the maker as a data subject, whose erasure ends the key.
        family: the ID of the first key that rotations led from, or its own. Its rate counts for the family.
        grant: what it may do.
        times: its life.
    """

    id: str
    tenant: str
    caller: str
    subject: str
    family: str
    grant: KeyGrant
    times: KeyTimes


@dataclass(frozen=True, slots=True)
class SealedApiKey:
    """A stored key: times that may change, and evidence for the rest.

    ``sealed`` is the encrypted grant under the tenant's data key ``data_key``; ``mac`` covers all but the times that
    change. ``secret_hash`` is a keyed hash.
    """

    id: str
    tenant: str
    caller: str
    subject: str
    family: str
    secret_hash: bytes = field(repr=False)
    data_key: str
    sealed: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    times: KeyTimes

    def same_but_for_its_end(self, other: "SealedApiKey") -> bool:
        """Test for a row that differs in no more than the times that may change: what the MAC covers is equal."""
        return replace(self, times=other.times) == other and (self.times.created_at, self.times.expires_at) == (
            other.times.created_at,
            other.times.expires_at,
        )
