"""Verification of a receipt's commitment: its event is in the tree within the maximum merge delay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.transparency.checkpoints import Checkpoint, LogFormatError, Unproven, Verify, open_checkpoint
from domain.transparency.merkle import inclusion_path, verify_inclusion
from domain.transparency.stored_log import EventPosition, LogKeys
from domain.transparency.tiles import TileError, subtree_from_tiles, tiles_for_inclusion
from domain.transparency.verification_ports import StoredLog
from services.verification.receipts import ReceiptInvalid

SEALED = "sealed"
INCLUDED = "included"
PROMISED = "promised"
BROKEN = "broken promise"


@dataclass(frozen=True, slots=True)
class MergeDelayVerdict:
    """``sealed`` (a signed checkpoint proves it), ``included`` (none does yet), ``promised`` or ``broken promise``."""

    state: str
    detail: str
    seq: int | None = None


async def check_merge_delay(
    store: StoredLog,
    keys: LogKeys,
    verify: Verify,
    claims: Mapping[str, Any],
    *,
    log_name: str,
    max_merge_delay_seconds: float,
) -> MergeDelayVerdict:
    """Compare a receipt's verified claims with the log. ``max_merge_delay_seconds`` is for receipts that name no time.

    A recorded event becomes pending in the same transaction, and is moved to the tree in one. So it exists at any time
    after the receipt was issued: an event missing from both was removed.

    Raises:
        ReceiptInvalid: the receipt does not name its event and log.
        Refusal: STORE_UNAVAILABLE, INTERNAL: it can't be verified.
    """
    try:
        event, digest, tenant = UUID(claims["jti"]), bytes.fromhex(claims["record_digest"]), str(claims["tenant"])
        within = float(claims.get("within", max_merge_delay_seconds))
    except (KeyError, ValueError, TypeError):
        raise ReceiptInvalid("the receipt does not name its event, its record and its tenant") from None
    place = await store.place(event)
    if place is None:
        return MergeDelayVerdict(BROKEN, "the log has no such event: it was removed after it was recorded")
    if (place.tenant, place.digest) != (tenant, digest):
        return MergeDelayVerdict(BROKEN, "the log has another record in place of this event's record", place.seq)
    if place.seq is not None:
        return await _sealed(store, keys, verify, place, place.seq, f"{log_name}/{tenant}")
    if place.age > within:
        return MergeDelayVerdict(
            BROKEN, f"the event has waited {place.age:.0f} s; the maximum merge delay is {within:.0f} s"
        )
    return MergeDelayVerdict(
        PROMISED, f"the event has waited {place.age:.1f} s of a maximum merge delay of {within:.0f} s"
    )


async def _sealed(
    store: StoredLog, keys: LogKeys, verify: Verify, place: EventPosition, seq: int, origin: str
) -> MergeDelayVerdict:
    """Return the state of a leaf: proven by the newest checkpoint, if that covers it."""
    note = await store.newest_checkpoint(place.tenant)
    try:
        checkpoint = open_checkpoint(note, keys.of(origin), verify) if note else None
        if checkpoint is None or checkpoint.size <= seq:
            return MergeDelayVerdict(
                INCLUDED, f"the event is in the tree at seq {seq}; no checkpoint covers it yet", seq
            )
        if await _proven(store, place, seq, checkpoint):
            return MergeDelayVerdict(SEALED, f"seq {seq} of {checkpoint.size} in {origin}", seq)
    except (LogFormatError, Unproven, TileError) as error:
        return MergeDelayVerdict(BROKEN, str(error), seq)
    return MergeDelayVerdict(BROKEN, "the event's leaf is not included in the signed tree", seq)


async def _proven(store: StoredLog, place: EventPosition, seq: int, checkpoint: Checkpoint) -> bool:
    tiles, _ = await store.tiles(place.tenant, tiles_for_inclusion(checkpoint.size, seq))
    path = inclusion_path(checkpoint.size, seq, lambda level, idx: subtree_from_tiles(level, idx, tiles))
    return verify_inclusion(place.digest, seq, checkpoint.size, path, checkpoint.root)
