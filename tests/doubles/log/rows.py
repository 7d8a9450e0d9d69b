"""Records as rows, sealed or not: what the log's tree is made of, without what makes records."""

import hashlib
import secrets
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from adapters.postgres.pool import PostgresPool
from tests.doubles.events import new_event_id

_APPEND = (
    "SELECT assay.append(ROW(e, 2, $1, 'refused', now(), null, null, null, '{}', 'k', null, '\\x00', sha256(d), d)"
    "::assay.sealed_record) FROM unnest($2::uuid[], $3::bytea[]) AS n(e, d)"
)
LEAVES = "SELECT seq, event_id, digest FROM assay.leaf WHERE tenant = $1 ORDER BY seq"
TILES = "SELECT level, idx, hashes FROM assay.tile WHERE tenant = $1"
CHECKPOINTS = "SELECT size, root, note FROM assay.checkpoint WHERE tenant = $1 ORDER BY size"


def new_tenant() -> str:
    """A tenant whose log is empty."""
    return f"log-{secrets.token_hex(6)}"


async def append(
    place: PostgresPool | asyncpg.Connection,
    tenant: str,
    count: int,
    events: Sequence[UUID] = (),
    content: bytes = b"",
) -> list[UUID]:
    """Append records of a tenant, these or new ones, in one transaction; give their events. A repeat has no effect."""
    events = list(events) or [new_event_id() for _ in range(count)]
    await place.fetch(_APPEND, tenant, events, [hashlib.sha256(event.bytes + content).digest() for event in events])
    return events
