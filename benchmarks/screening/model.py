"""What the model's card says of itself: the sources that it was trained on, and its figures on sources kept aside."""

import json
from collections.abc import Mapping
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


def trained_on(found: Mapping[str, Any]) -> frozenset[str]:
    """Names of the sources that the model has seen."""
    sources = found.get("sources", ())
    return frozenset(sources if isinstance(sources, Mapping | list) else ())


def held_out(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Figures on sources that were kept aside in turn."""
    figures = found.get("held_out")
    return figures if isinstance(figures, Mapping) else None
