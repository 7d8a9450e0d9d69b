"""Verification of a log by an outsider: checkpoints and leaves against the public key."""

import asyncio
import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import read
from domain.transparency.checkpoints import Checkpoint, VerifierKey, open_checkpoint
from domain.transparency.merkle import Edge, leaf_hash
from domain.transparency.tiles import new_tiles
from tests.adapters.stack import Stack
from tests.doubles.log.rows import CHECKPOINTS, LEAVES, TILES


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return True if an Ed25519 signature is valid."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


async def opened(stack: Stack, pool: PostgresPool, origin: str) -> list[Checkpoint]:
    """The checkpoints of the log, smallest first: signed by its key, and each the root of that many leaves."""
    tenant = origin.rpartition("/")[2]
    key = await stack.as_root(lambda client: read(client, "transit/keys/log-signing"))
    keys = [VerifierKey(origin, base64.b64decode(version["public_key"])) for version in key["keys"].values()]
    hashes = [leaf_hash(row["digest"]) for row in await pool.fetch(LEAVES, tenant)]
    found = []
    for row in await pool.fetch(CHECKPOINTS, tenant):
        checkpoint = open_checkpoint(row["note"], keys, verify)
        assert checkpoint.origin == origin
        assert (checkpoint.size, checkpoint.root) == (row["size"], row["root"])
        assert checkpoint.root == Edge().append(hashes[: checkpoint.size]).root()
        found.append(checkpoint)
    return found


async def drained(*stores: PostgresLogStore, most: int = 4096) -> None:
    """Sequence until nothing is pending."""
    while any(await asyncio.gather(*(store.sequence(most) for store in stores))):
        pass


async def assert_whole(pool: PostgresPool, tenant: str, events: set) -> None:
    """The tenant's leaves are these events, and head and tiles are what RFC 9162 makes of them."""
    leaves = await pool.fetch(LEAVES, tenant)
    assert [row["seq"] for row in leaves] == list(range(len(events)))
    assert {row["event_id"] for row in leaves} == events
    hashes = [leaf_hash(row["digest"]) for row in leaves]
    head = await pool.fetchrow("SELECT size, edge FROM assay.log_head WHERE tenant = $1", tenant)
    assert (head["size"], head["edge"]) == (len(hashes), Edge().append(hashes).to_bytes())
    tiles = {(row["level"], row["idx"]): row["hashes"] for row in await pool.fetch(TILES, tenant)}
    assert tiles == new_tiles(0, hashes, {})
