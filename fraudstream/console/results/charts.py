"""Charts as SVG that the server draws: the numbers stand in a table beside each, so a chart is an image with a name.

The drawing is stretched to the width of its place; texts are outside of it, so that they are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
GAP = 0.25
"""Of a bar's place."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series of numbers, None where there is none; `kind` is its colour in the stylesheet."""

    label: str
    kind: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Shape:
    """A path of the drawing."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with what stands around it; `style` is `bars` or `lines`."""

    title: str
    style: str
    lines: tuple[Line, ...]
    shapes: tuple[Shape, ...]
    top: float
    unit: str
    first: str
    last: str


def bars(title: str, names: Sequence[str], lines: Sequence[Line], unit: str = "") -> Chart:
    """Draw stacked bars, one a name."""
    top = max((sum(line.values[at] or 0.0 for line in lines) for at in range(len(names))), default=0.0)
    place = WIDTH / max(1, len(names))
    below, shapes = [0.0] * len(names), []
    for line in lines:
        parts = []
        for at, value in enumerate(line.values):
            if value and top:
                low, high = below[at] / top, (below[at] + value) / top
                left, right = (at + GAP / 2) * place, (at + 1 - GAP / 2) * place
                parts.append(f"M{left:.1f} {_y(low)}V{_y(high)}H{right:.1f}V{_y(low)}Z")
                below[at] += value
        shapes.append(Shape(line.kind, "".join(parts)))
    return _chart(title, "bars", names, lines, shapes, top, unit)


def curves(
    title: str, names: Sequence[str], lines: Sequence[Line], unit: str = "", top: float | None = None
) -> Chart:
    """Draw a line for each series, with gaps where there is no number; `top`: of the scale, by default the largest number."""
    numbers = [value for line in lines for value in line.values if value is not None]
    scale = top if top is not None else max(numbers, default=0.0)
    place = WIDTH / max(1, len(names))
    shapes = []
    for line in lines:
        parts, pen = [], "M"
        for at, value in enumerate(line.values):
            if value is None or not scale:
                pen = "M"
                continue
            x, y = (at + 0.5) * place, _y(min(value / scale, 1.0))
            alone = pen == "M" and (at + 1 == len(line.values) or line.values[at + 1] is None)
            parts.append(f"M{x - place / 8:.1f} {y}H{x + place / 8:.1f}" if alone else f"{pen}{x:.1f} {y}")
            pen = "L"
        shapes.append(Shape(line.kind, "".join(parts)))
    return _chart(title, "lines", names, lines, shapes, scale, unit)


def _chart(
    title: str,
    style: str,
    names: Sequence[str],
    lines: Sequence[Line],
    shapes: Sequence[Shape],
    top: float,
    unit: str,
) -> Chart:
    first, last = (names[0], names[-1]) if names else ("", "")
    return Chart(title, style, tuple(lines), tuple(shapes), top, unit, first, last)


def _y(share: float) -> str:
    return f"{HEIGHT * (1 - share):.2f}"
