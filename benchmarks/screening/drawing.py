"""Curves as SVG, drawn without a library: lines, a grid, a legend."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

_WIDTH, _HEIGHT, _LEFT, _TOP = 560, 400, 60, 20
_PLOT_WIDTH, _PLOT_HEIGHT = 460, 320
_COLOURS = ("#1f5fa8", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b")
_FONT = 'font-family="sans-serif" font-size="11"'
_LEAST = 0.0005  # the leftmost rate of a logarithmic axis

Points = Sequence[Sequence[float]]


def draw(lines: Mapping[str, Points], x_label: str, y_label: str, *, logarithmic: bool = False) -> str:
    """Return an SVG document with one line for each name. Both axes end at 1; a logarithmic one begins at 0.05 %."""

    def x(value: float) -> float:
        share = (log10(max(value, _LEAST)) - log10(_LEAST)) / -log10(_LEAST) if logarithmic else value
        return round(_LEFT + share * _PLOT_WIDTH, 1)

    def y(value: float) -> float:
        return round(_TOP + (1 - value) * _PLOT_HEIGHT, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    marks = (0.001, 0.01, 0.05, 0.1, 0.5, 1.0) if logarithmic else (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    for mark in marks:
        parts.append(f'<path d="M{x(mark)} {_TOP}V{_TOP + _PLOT_HEIGHT}" stroke="#ddd"/>')
        label_y = _TOP + _PLOT_HEIGHT + 15
        parts.append(f'<text x="{x(mark)}" y="{label_y}" text-anchor="middle">{100 * mark:g} %</text>')
    for mark in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(f'<path d="M{_LEFT} {y(mark)}H{_LEFT + _PLOT_WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(mark) + 4}" text-anchor="end">{100 * mark:g} %</text>')
    for index, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        path = " ".join(f"{x(across)},{y(up)}" for across, up in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = _TOP + _PLOT_HEIGHT - 14 * (len(lines) - index)
        parts.append(
            f'<text x="{_LEFT + _PLOT_WIDTH - 8}" y="{at}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    middle = _LEFT + _PLOT_WIDTH / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(f'<text transform="translate(14 180) rotate(-90)" text-anchor="middle">{escape(y_label)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
