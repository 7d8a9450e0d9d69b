"""Curve of detection rate against false positives, as PNG. Requires matplotlib, used here only."""

from collections.abc import Mapping, Sequence
from io import BytesIO

from domain.screening.figures import Point


class NoDrawing(Exception):
    """matplotlib is not installed."""


def draw_curves(curves: Mapping[str, Sequence[Point]], marks: Mapping[str, float]) -> bytes:
    """Return a PNG with a curve per kind of text, and lines at requested rates.

    Raises:
        NoDrawing: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError:
        raise NoDrawing("the curve needs matplotlib: pip install 'matplotlib>=3.10'") from None
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        axes.step([max(point.fpr, 1e-4) for point in points], [point.tpr for point in points], where="post", label=name)
    for name, rate in marks.items():
        axes.axvline(rate, linestyle=":", color="grey")
        axes.annotate(name, (rate, 0.02), rotation=90, fontsize=8, ha="right")
    axes.set_xscale("log")
    axes.set_xlim(1e-4, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("harmless texts reviewed or blocked")
    axes.set_ylabel("attacks found")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=120, metadata={"Software": None})
    return drawn.getvalue()
