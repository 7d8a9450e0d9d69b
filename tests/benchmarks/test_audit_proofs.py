"""The benchmark of the log's proofs: what it measures is real, and its demands can fail."""

from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.audit import proofs
from benchmarks.audit.proofs import DEMANDED_MS, DoesNotHoldError, measure, misses, show


def test_it_measures_trees_and_proofs_that_hold():
    found = measure(1_000, 20)
    assert found.leaves == 1_000
    assert found.tile_bytes == (1_000 + 1_000 // 256) * 32
    assert found.build_seconds > 0 < found.grow_ms
    assert {len(samples) for samples in found.proofs_ms.values()} == {20}
    assert len(found.proofs_ms) == 5
    console = Console(width=170, record=True)
    show([found], console)
    assert "1,000" in console.export_text()


def test_a_proof_that_does_not_hold_is_no_measurement(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proofs, "inclusion_path", lambda size, index, subtree: [bytes(32)])
    with pytest.raises(DoesNotHoldError):
        measure(1_000, 1)


def test_demands_are_of_the_slowest_but_one_in_a_hundred():
    found = measure(1_000, 1)
    fast = dict.fromkeys(found.proofs_ms, [0.0] * 99 + [99.0])
    assert misses(replace(found, proofs_ms=fast)) == []
    slow = {**fast, **dict.fromkeys(DEMANDED_MS, [0.0] * 98 + [99.0] * 2)}
    assert len(misses(replace(found, proofs_ms=slow))) == len(DEMANDED_MS)
