"""Plots as SVG, for a page that needs nothing else: lines over time, bars, and a histogram.

Colours are classes (`c0`, `c1`, …), so that the page's style can give them for light and for dark. Every plot has a title
and a description for those who do not see it.
"""

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 260
LEFT, RIGHT, TOP, BOTTOM = 68, 18, 30, 42
POINTS_MAX: Final = 480
"""More points than this stand closer than a pixel or two."""
TICKS: Final = 5
NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name, and a value for each x."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn: a title, what the axes are, and one sentence that tells what is seen."""

    title: str
    x_label: str
    y_label: str
    tells: str = ""


def nice_step(span: float, steps: int = TICKS) -> float:
    """Give a round step that divides a span into about so many."""
    raw = span / steps
    if raw < sys.float_info.min:
        # Nothing, or so little that it has no logarithm.
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(nice * power for nice in NICE if nice * power >= raw * 0.999)


def ticks(most: float, steps: int = TICKS) -> list[float]:
    """Give round numbers from 0 to at least `most`."""
    step = nice_step(most, steps)
    return [number * step for number in range(max(1, math.ceil(most / step - 1e-9)) + 1)]


def shown(value: float) -> str:
    """Show a number in a few characters."""
    size = abs(value)
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit * 0.99995:
            return f"{value / unit:.4g}{name}"
    return f"{value:.3g}" if size else "0"


def thinned(values: Sequence[float], most: int = POINTS_MAX) -> list[int]:
    """Choose which of many points to draw: in each stretch the first of its greatest, and always the ends."""
    if len(values) <= most:
        return list(range(len(values)))
    edges = [len(values) * number // most for number in range(most + 1)]
    peaks = [max(range(a, b), key=lambda at: (values[at], -at)) for a, b in itertools.pairwise(edges)]
    return sorted({0, *peaks, len(values) - 1})


def lines(plot: Plot, xs: Sequence[float], series: Sequence[Series]) -> str:
    """Draw lines over a common x. Without any point, say so in their place."""
    if not xs:
        return _framed(plot, ['<text x="50%" y="50%" class="note" text-anchor="middle">no samples</text>'])
    x_most = max(*xs, 1e-9)
    scale = _Scale(xs[0], x_most, max((max(one.values, default=0.0) for one in series), default=0.0))
    parts = scale.axes(plot)
    for number, one in enumerate(series):
        chosen = thinned(one.values)
        points = " ".join(f"{scale.x(xs[at]):.1f},{scale.y(one.values[at]):.1f}" for at in chosen)
        if len(chosen) == 1:
            x, y = points.split(",")
            parts.append(f'<circle class="dot c{number}" cx="{x}" cy="{y}" r="3"/>')
        parts.append(f'<polyline class="line c{number}" points="{points}"/>')
    return _framed(plot, [*parts, *_legend([one.name for one in series])])


def bars(plot: Plot, names: Sequence[str], values: Sequence[float]) -> str:
    """Draw a bar for each name, with its value over it."""
    scale = _Scale(0.0, max(1, len(names)), max(values, default=0.0))
    parts = scale.axes(plot, has_x=False)
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        left, right = scale.x(number + 0.2), scale.x(number + 0.8)
        top, middle = scale.y(value), (left + right) / 2
        parts += [
            (
                f'<rect class="bar c0" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
                f' height="{scale.y(0) - top:.1f}"/>'
            ),
            f'<text class="value" x="{middle:.1f}" y="{top - 5:.1f}" text-anchor="middle">{shown(value)}</text>',
            f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(name)}</text>',
        ]
    return _framed(plot, parts)


def histogram(plot: Plot, step: float, counts: Sequence[int], beyond: int = 0) -> str:
    """Draw counts in steps from 0; `beyond` is the bar after the last step that is drawn."""
    last = max((number for number, found in enumerate(counts) if found), default=0)
    drawn = list(counts if beyond else counts[: last + 2])
    scale = _Scale(0.0, (len(drawn) + 2 * bool(beyond)) * step, max([*drawn, beyond], default=0))
    parts = scale.axes(plot)
    shown_bars = [(number * step, found) for number, found in enumerate(drawn)]
    shown_bars += [((len(drawn) + 1) * step, beyond)] if beyond else []
    for at, found in shown_bars:
        if found:
            left, right, top = scale.x(at), scale.x(at + step), scale.y(found)
            parts.append(
                f'<rect class="bar c0" x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(1.0, right - left - 1):.1f}"'
                f' height="{scale.y(0) - top:.1f}"/>'
            )
    if beyond:
        parts.append(
            f'<text class="value" x="{scale.x((len(drawn) + 2) * step):.1f}" y="{scale.y(beyond) - 5:.1f}"'
            f' text-anchor="end">later: {shown(beyond)}</text>'
        )
    return _framed(plot, parts)


class _Scale:
    """From values to places in the picture: x from `x_least` to `x_most`, y from 0 to a round number."""

    def __init__(self, x_least: float, x_most: float, y_most: float) -> None:
        self.x_least = min(x_least, x_most)
        self.x_span = (x_most - self.x_least) or 1.0
        self.y_ticks = ticks(y_most)
        self.y_most = self.y_ticks[-1] or 1.0

    def x(self, value: float) -> float:
        """Give the place of an x."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.x_least) / self.x_span

    def y(self, value: float) -> float:
        """Give the place of a y."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.y_most

    def axes(self, plot: Plot, *, has_x: bool = True) -> list[str]:
        """Draw the grid, numbers at the axes, and what they are."""
        parts = []
        for value in self.y_ticks:
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{shown(value)}</text>'
            )
        for x_value in self._x_ticks() if has_x else []:
            x = self.x(x_value)
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{shown(x_value)}</text>'
            )
        base = HEIGHT - BOTTOM
        parts += [
            f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>',
            (
                f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}"'
                f' text-anchor="middle">{escape(plot.x_label)}</text>'
            ),
            (
                f'<text class="label" transform="rotate(-90)" x="{-(TOP + HEIGHT - BOTTOM) / 2:.0f}" y="14"'
                f' text-anchor="middle">{escape(plot.y_label)}</text>'
            ),
        ]
        return parts

    def _x_ticks(self) -> list[float]:
        """Give round numbers between the ends."""
        step = nice_step(self.x_span, 8)
        first = math.ceil(self.x_least / step - 1e-9)
        last = math.floor((self.x_least + self.x_span) / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def _legend(names: Sequence[str]) -> list[str]:
    """Name the lines, above them."""
    if len(names) < 2:
        return []
    parts, x = [], float(LEFT)
    for number, name in enumerate(names):
        parts.append(f'<path class="line c{number}" d="M{x:.0f} 11h22"/>')
        parts.append(f'<text class="legend" x="{x + 27:.0f}" y="15">{escape(name)}</text>')
        x += 42 + 6.6 * len(name)
    return parts


def _framed(plot: Plot, parts: Sequence[str]) -> str:
    """Put parts into a picture with a title and a description."""
    name = "".join(letter if letter.isalnum() else "-" for letter in plot.title.lower())
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-tells"'
        f' xmlns="http://www.w3.org/2000/svg"><title id="{name}-title">{escape(plot.title)}</title>'
        f'<desc id="{name}-tells">{escape(plot.tells or plot.title)}</desc>' + "".join(parts) + "</svg>"
    )
