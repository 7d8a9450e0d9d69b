"""``python -m benchmarks.audit.proofs``: the log's tree in memory, from a thousand leaves to a million.

Measures building edge and tiles, extending a log of that size by a batch, and making and verifying proofs. Reading
tiles from the store is not included. One thread; each proof is timed alone, of leaves and older trees chosen at random.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rich.console import Console
from rich.table import Table

from benchmarks.tools.figures import percentile
from benchmarks.tools.machine import machine
from domain.transparency.checkpoints import (
    Checkpoint,
    Proof,
    Signature,
    VerifierKey,
    key_id,
    open_proof,
    parse_proof,
    signed_note,
)
from domain.transparency.merkle import (
    Subtree,
    consistency_path,
    edge_of,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.transparency.tiles import TileId, new_tiles, partial_tiles, subtree_from_tiles

SIZES = (1_000, 10_000, 100_000, 1_000_000)
BATCH = 500
MAKE, VERIFY = "make an inclusion proof", "verify it"
DEMANDED_MS = {MAKE: 5.0, VERIFY: 1.0}
"""Maximum for 99 of 100 proofs, at a million leaves."""

_ORIGIN = "assay.local/benchmark"
_MIB = 1 << 20
_Made = TypeVar("_Made")


class DoesNotHoldError(Exception):
    """A proof is invalid: its figures would be meaningless."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of a tree: seconds to build its tiles, their bytes, ms to grow by ``BATCH``, and ms of each proof by
    operation.
    """

    leaves: int
    build_seconds: float
    tile_bytes: int
    grow_ms: float
    proofs_ms: Mapping[str, Sequence[float]]


def measure(size: int, proofs: int, seed: int = 1) -> Measured:
    """Build a tree of so many leaves, then make and verify so many proofs.

    Raises:
        DoesNotHoldError: a proof does not verify.
    """
    choose = random.Random(seed)
    entries = [choose.randbytes(32) for _ in range(size)]
    tiles, building = _timed(_grow, 0, {}, entries)
    _, growing = _timed(_grow, size, tiles, [choose.randbytes(32) for _ in range(BATCH)])
    samples: dict[str, list[float]] = {}
    for name, seconds in _proofs(entries, _reader(tiles), proofs, choose):
        samples.setdefault(name, []).append(seconds * 1000)
    return Measured(size, building, sum(map(len, tiles.values())), growing * 1000, samples)


def _reader(tiles: Mapping[TileId, bytes]) -> Subtree:
    return lambda level, idx: subtree_from_tiles(level, idx, tiles)


def _grow(size: int, tiles: Mapping[TileId, bytes], entries: Sequence[bytes]) -> dict[TileId, bytes]:
    """Return the changes, and the new root, as computed by the sequencer: from the edge and the partial tiles."""
    leaves = [leaf_hash(entry) for entry in entries]
    edge_of(size, _reader(tiles)).append(leaves).root()
    return new_tiles(size, leaves, {tile: tiles[tile] for tile in partial_tiles(size)})


def _proofs(
    entries: Sequence[bytes], subtree: Subtree, count: int, choose: random.Random
) -> Iterator[tuple[str, float]]:
    size, root = len(entries), edge_of(len(entries), subtree).root()
    private = Ed25519PrivateKey.from_private_bytes(choose.randbytes(32))
    public = private.public_key().public_bytes_raw()
    text = Checkpoint(_ORIGIN, size, root).text()
    note = signed_note(text, [Signature(_ORIGIN, key_id(_ORIGIN, public), private.sign(text.encode()))])
    keys = [VerifierKey(_ORIGIN, public)]
    for _ in range(count):
        index, old = choose.randrange(size), choose.randrange(1, size)
        path, seconds = _timed(inclusion_path, size, index, subtree)
        yield MAKE, seconds
        yield VERIFY, _holds(verify_inclusion, entries[index], index, size, path, root)
        proof = Proof(index, tuple(path), note).text()
        yield "the same from its text, signature too", _timed(_open, proof, entries[index], keys)[1]
        path, seconds = _timed(consistency_path, old, size, subtree)
        yield "make a consistency proof", seconds
        yield "verify that", _holds(verify_consistency, old, size, edge_of(old, subtree).root(), root, path)


def _open(proof: str, entry: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    return open_proof(parse_proof(proof), entry, keys, _ed25519)


def _ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _timed(make: Callable[..., _Made], *arguments: Any) -> tuple[_Made, float]:  # noqa: ANN401
    begin = time.perf_counter()
    made = make(*arguments)
    return made, time.perf_counter() - begin


def _holds(verify: Callable[..., bool], *arguments: Any) -> float:  # noqa: ANN401
    """Return the seconds of a verification."""
    held, seconds = _timed(verify, *arguments)
    if not held:
        raise DoesNotHoldError(verify.__name__)
    return seconds


def show(measured: Sequence[Measured], console: Console) -> None:
    """Print the results as two tables."""
    trees = _table("the tree in memory", "leaves", "build tiles s", "leaves/s", "tiles MiB", f"grow by {BATCH} ms")
    proofs = _table("proofs from tiles in memory: median ms (99th percentile)", "leaves", *measured[0].proofs_ms)
    for found in measured:
        rate = f"{found.leaves / found.build_seconds:,.0f}"
        mib = f"{found.tile_bytes / _MIB:.2f}"
        trees.add_row(f"{found.leaves:,}", f"{found.build_seconds:.3f}", rate, mib, f"{found.grow_ms:.2f}")
        cells = (f"{percentile(ms, 50):.3f} ({percentile(ms, 99):.3f})" for ms in found.proofs_ms.values())
        proofs.add_row(f"{found.leaves:,}", *cells)
    console.print(trees, proofs, sep="\n")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def misses(found: Measured) -> list[str]:
    """Return the missed demands as text."""
    reached = {name: percentile(found.proofs_ms[name], 99) for name in DEMANDED_MS}
    return [
        f"{name}: {reached[name]:.3f} ms, demanded at most {most:g}"
        for name, most in DEMANDED_MS.items()
        if reached[name] > most
    ]


def main(
    most: Annotated[int, typer.Option(min=SIZES[0], help="No tree of more leaves.")] = SIZES[-1],
    proofs: Annotated[int, typer.Option(min=1, help="Proofs of each kind, for each tree.")] = 1_000,
    demand: Annotated[bool, typer.Option(help="A demand that does not hold is an error.")] = False,
) -> None:
    """Measure the log's tree, its proofs, and what verifying them takes."""
    console = Console(width=170)
    where = machine((0,))
    console.print(f"{where['processor']}, {where['system']}, {where['at']}, load {where['load_average_at_start'][0]}")
    measured = [measure(size, proofs) for size in SIZES if size <= most]
    show(measured, console)
    missed = misses(measured[-1])
    console.print(*(missed or [f"demands hold at {measured[-1].leaves:,} leaves: {DEMANDED_MS} ms"]), sep="\n")
    if demand and missed:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
