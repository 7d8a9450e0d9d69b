"""Deterministic identities of runs, recorded events and callers: unguessable and not personal.

Keys are 32 bytes of a tenant's or the installation's identity secret; every use has a label of its own, so that values
for different purposes never coincide.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from datetime import datetime
from uuid import UUID

RUN_ID = re.compile(
    r"(?P<first>inf\.(?P<tenant>[a-z0-9-]{1,40})\.(?P<tag>[a-z2-7]{32}))(?:\.(?P<attempt>[2-9]|[1-9][0-9]))?\Z"
)
_TAG_BYTES = 20
_CONTROLS = re.compile("[\x00-\x1f\x7f]")


def _mac(key: bytes, label: str, *parts: str) -> bytes:
    """Return HMAC-SHA-256 (RFC 2104) over length-prefixed parts, so that no two lists of parts collide."""
    digest = hmac.new(key, label.encode() + b"\0", hashlib.sha256)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def caller_hash(key: bytes, tenant: str, client_id: str, subject: str, *, issuer: str | None) -> str:
    """Return the 32 hexadecimal digits that identify a caller in quotas, records and logs.

    ``issuer`` is None for Assay's own, whatever its name: budgets and runs from before other issuers keep their
    callers, also if the setting is changed. Another issuer's ``sub`` is another caller.
    """
    if issuer is None:
        return _mac(key, "assay/caller/v1", tenant, client_id, subject).hex()[:32]
    return _mac(key, "assay/caller/v2", issuer, tenant, client_id, subject).hex()[:32]


def subject_hash(key: bytes, tenant: str, person: str) -> str:
    """Return the 64 hexadecimal digits that identify a data subject's keys and records."""
    return _mac(key, "assay/subject/v1", tenant, person).hex()


def provider_name(key: bytes, tenant: str, use: str, value: str) -> str:
    """Return the name of a caller's identifier for providers: ``assay-`` and 32 hexadecimal digits.

    ``use`` is ``end_user`` or ``cache_key``: the same value has another name for each.
    """
    return f"assay-{_mac(key, 'assay/provider/v1', use, tenant, value).hex()[:32]}"


def run_id(key: bytes, tenant: str, caller: str, idempotency_key: str) -> str:
    """Return the public ID and workflow ID of a run.

    ``idempotency_key`` is the caller's, or a random value if the caller sent none. 160 bits of the MAC, base32 (RFC
    4648) in lower case.
    """
    tag = _mac(key, "assay/run/v1", tenant, caller, idempotency_key)[:_TAG_BYTES]
    return f"inf.{tenant}.{b32encode(tag).decode().lower()}"


def submission_digest(key: bytes, tenant: str, caller: str, policy: str, request_hash: str) -> bytes:
    """Return the keyed digest (32 bytes) of a request, by hashes of policy and body."""
    return _mac(key, "assay/submission/v1", tenant, caller, policy, request_hash)


def session_digest(key: bytes, tenant: str, session: str) -> bytes:
    """Return the 32 bytes that identify a client's own session."""
    return _mac(key, "assay/client-session/v1", tenant, session)


def attempt_id(first: str, number: int) -> str:
    """Return the ID of an attempt by that of the first: the same for 1, else with the number, ``first.2``."""
    return first if number == 1 else f"{first}.{number}"


def earlier_attempt(public_id: str) -> str | None:
    """Return the ID of the attempt before; None for a first attempt or other text."""
    match = RUN_ID.match(public_id)
    return attempt_id(match["first"], int(match["attempt"]) - 1) if match and match["attempt"] else None


def tenant_of_run(public_id: str) -> str | None:
    """Return the tenant in a run's ID, or None for any other text."""
    match = RUN_ID.match(public_id)
    return match["tenant"] if match else None


def recordable_id(workflow_id: str) -> str:
    """Return a workflow ID with U+FFFD for control characters: PostgreSQL stores no NUL. A run's ID is unchanged."""
    return _CONTROLS.sub("\ufffd", workflow_id)


def epoch_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch, rounded down, of an aware time. Used for all event IDs."""
    return int(moment.timestamp() * 1000)


def event_id(started_ms: int, tenant: str, workflow_id: str, run: str, slot: str) -> UUID:
    """Return the ID of a recorded event, as a UUIDv7 (RFC 9562 section 5.7).

    ``started_ms`` is ``workflow_start_time`` in milliseconds since the epoch: with the run's ID it is the same in every
    attempt and replay, unlike the clock. ``slot`` names the event within its run: ``admission``, ``hold``,
    ``decision/n``, ``outcome``.
    """
    material = hashlib.sha256(b"assay/event/v1\0")
    for part in (tenant, workflow_id, run, slot):
        data = part.encode()
        material.update(len(data).to_bytes(8, "big") + data)
    value = (started_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(material.digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def content_mac(key: bytes, content: bytes) -> bytes:
    """Return the keyed digest (32 bytes) that distinguishes a repeated append from a different one."""
    return _mac(key, "assay/record-content/v1", content.hex())
