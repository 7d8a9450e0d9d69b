"""Content of the model's card: its training sources, and its figures on held-out sources."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tools.helper import ROOT

CARD = ROOT / "models/ngrams.json"


def card(path: Path = CARD) -> Mapping[str, Any]:
    """Return the card; empty without a model."""
    if not path.exists():
        return {}
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def trained_on(found: Mapping[str, Any], data_sha256: str, sources: Collection[str]) -> frozenset[str]:
    """Return a file's sources that the model was trained on: all of them if it was trained on that file."""
    if found.get("data_sha256") == data_sha256:
        return frozenset(sources)
    named = found.get("sources", ())
    return frozenset(sources) & frozenset(named if isinstance(named, Mapping | list) else ())


def held_out(found: Mapping[str, Any], measured: Path | None) -> Mapping[str, Any] | None:
    """Return figures on held-out sources, from ``training evaluate`` or from the card."""
    figures = json.loads(measured.read_text(encoding="utf-8")) if measured else found.get("held_out")
    return figures if isinstance(figures, Mapping) else None
