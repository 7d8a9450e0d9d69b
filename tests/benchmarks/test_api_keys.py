"""The benchmark of API keys: it measures each operation, and its demand can fail."""

from typing import Any

import pytest
import typer

from benchmarks.edge import api_keys
from benchmarks.edge.api_keys import USED, main, measured


async def test_it_measures_each_operation():
    found = await measured(20)
    assert len(found) == 4
    assert {len(values) for values in found.values()} == {20}
    assert min(min(values) for values in found.values()) > 0


def test_a_demand_that_does_not_hold_ends_with_an_error(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr(api_keys, "DEMANDED_US", {USED: 0.0})
    with pytest.raises(typer.Exit):
        main(calls=5, demand=True)
    monkeypatch.setattr(api_keys, "DEMANDED_US", {USED: 1e9})
    main(calls=5, demand=True)
    assert USED in capsys.readouterr().out
