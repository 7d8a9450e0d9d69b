"""What the model's card says of itself: the sources that it was trained on, and its figures on sources kept aside."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tools.helper import ROOT

CARD = ROOT / "models/ngrams.json"


def card(path: Path = CARD) -> Mapping[str, Any]:
    """The card; nothing where there is no model."""
    if not path.exists():
        return {}
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def trained_on(found: Mapping[str, Any], data_sha256: str, sources: Collection[str]) -> frozenset[str]:
    """Which of a file's sources the model has seen: all of them if it was trained on that file."""
    if found.get("data_sha256") == data_sha256:
        return frozenset(sources)
    named = found.get("sources", ())
    return frozenset(sources) & frozenset(named if isinstance(named, Mapping | list) else ())


def held_out(found: Mapping[str, Any], measured: Path | None) -> Mapping[str, Any] | None:
    """Figures on sources that were kept aside in turn, from ``training evaluate`` or from the card."""
    figures = json.loads(measured.read_text(encoding="utf-8")) if measured else found.get("held_out")
    return figures if isinstance(figures, Mapping) else None
