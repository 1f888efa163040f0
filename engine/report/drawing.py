"""Figures of a report as SVG: small, sharp on paper, and without a script.

Nothing is said by colour alone: strategies differ in their dash and mark too, and every figure has its table below it.
All texts are the report's own; they are escaped all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 26, 52
GREY = "#6b7684"
LINE_PX = 14
"""Between two names."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a strategy is drawn."""

    name: str
    colour: str
    dash: str
    mark: str


LOOKS: Mapping[str, Look] = {
    "answer_augmentation": Look("Answers", "#1f6fb5", "none", "circle"),
    "question_rephrase": Look("Rephrasings", "#0f8465", "9 4", "square"),
    "new_question": Look("New questions", "#c4501c", "2 4", "diamond"),
    "real_question": Look("Real questions", "#6a4db3", "9 4 2 4", "triangle"),
}
NAMES = {
    "untuned": "Student, untuned",
    "untuned_few_shot": "Student, shown examples",
    "seeds_only": "Seeds alone",
    "teacher": "Teacher",
    **{key: look.name for key, look in LOOKS.items()},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A mark with its interval, in a figure of rows."""

    label: str
    mean: float
    low: float
    high: float
    arm: str
    filled: bool = True


def named(arm: str) -> str:
    """What readers call a strategy or a baseline."""
    return NAMES.get(arm, arm.replace("_", " "))


def curves(
    bands: Sequence[Mapping[str, Any]],
    points: Sequence[Mapping[str, Any]],
    lines: Sequence[tuple[str, float]],
    said: str,
) -> Markup:
    """Accuracy over teacher queries (log scale): a curve with its 80 % band a strategy, measured points with theirs,
    and what needs no queries as lines. `said` is what a screen reader hears. Nothing where there is nothing to draw."""
    queries = [q for band in bands for q in band["queries"] if q > 0] + [point["budget"] for point in points]
    if not queries:
        return Markup("")
    heights = [value for point in points for value in (point["low"], point["high"])] + [value for _, value in lines]
    heights += [value for band in bands for value in (*band["low80"], *band["high80"])]
    across = _log(min(queries), max(queries), LEFT, WIDTH - RIGHT)
    bottom, top = max(0.0, 0.1 * math.floor(10 * min(heights))), min(1.0, 0.1 * math.ceil(10 * max(heights)))
    up = _linear(bottom, max(top, bottom + 0.1), HEIGHT - BOTTOM, TOP)
    parts = _axes(across, up, min(queries), max(queries), bottom, max(top, bottom + 0.1))
    for band in bands:
        parts += _band(band, across, up)
    below = math.inf  # names that would lie on each other are moved up
    for at, (name, value) in enumerate(sorted(lines, key=lambda line: line[1])):
        y = up(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-dasharray="{3 + 3 * at} 3"/>')
        below = min(y - 4, below - LINE_PX)
        parts.append(_text(WIDTH - RIGHT - 4, below, f"{name} {100 * value:.0f} %", anchor="end", colour=GREY))
    for point in points:
        look = LOOKS[point["strategy"]]
        x = across(point["budget"])
        parts.append(f'<path d="M{x:.1f} {up(point["low"]):.1f}V{up(point["high"]):.1f}" stroke="{look.colour}"/>')
        parts.append(_mark(x, up(point["mean"]), look))
    return _svg(parts, WIDTH, HEIGHT, said)


def legend(strategies: Sequence[str]) -> Markup:
    """What line and mark each strategy has."""
    parts, x = [], 4.0
    for key in strategies:
        look = LOOKS[key]
        parts.append(f'<path d="M{x} 10h34" stroke="{look.colour}" stroke-width="2" stroke-dasharray="{look.dash}"/>')
        parts.append(_mark(x + 17, 10, look))
        parts.append(_text(x + 40, 14, look.name))
        x += 60 + 8 * len(look.name)
    return _svg(parts, max(200, round(x)), 22, "Line and mark of each strategy")


def rows(found: Sequence[Row], unit: str, said: str, *, zero: bool = False) -> Markup:
    """A row a mark with its interval. `unit` stands on the axis; with `zero` a line stands at 0."""
    if not found:
        return Markup("")
    left, step = 290, 24
    height = TOP + step * len(found) + BOTTOM
    low, high = min(row.low for row in found), max(row.high for row in found)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    ticks = _ticks(low, high)
    across = _linear(ticks[0], ticks[-1], left, WIDTH - RIGHT)
    base = height - BOTTOM
    parts = []
    for tick in ticks:
        parts.append(f'<path d="M{across(tick):.1f} {TOP}V{base}" stroke="#d5dae0"/>')
        parts.append(_text(across(tick), base + 18, f"{tick:g}", anchor="middle"))
    parts.append(_text((left + WIDTH - RIGHT) / 2, base + 40, unit, anchor="middle"))
    if zero:
        parts.append(f'<path d="M{across(0.0):.1f} {TOP}V{base}" stroke="{GREY}" stroke-width="2"/>')
    for at, row in enumerate(found):
        y = TOP + step * (at + 0.5)
        look = LOOKS.get(row.arm, Look("", GREY, "none", "circle"))
        parts.append(_text(left - 10, y + 4, row.label, anchor="end"))
        parts.append(f'<path d="M{across(row.low):.1f} {y:.1f}H{across(row.high):.1f}" stroke="{look.colour}"/>')
        parts.append(_mark(across(row.mean), y, look, filled=row.filled))
    return _svg(parts, WIDTH, height, said)


# --- parts ------------------------------------------------------------------------------------------------


def _svg(parts: Sequence[str], width: int, height: int, said: str) -> Markup:
    return Markup(  # noqa: S704 - numbers and escaped text only
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-size="12" stroke-width="1.5" fill="none" '
        f'style="max-width:{width}px">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, *, anchor: str = "start", colour: str = "#1c2530") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" stroke="none">{escape(said)}</text>'


def _mark(x: float, y: float, look: Look, *, filled: bool = True) -> str:
    style = f'stroke="{look.colour}" stroke-width="2" fill="{look.colour if filled else "#ffffff"}"'
    if look.mark == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {style}/>'
    shapes = {
        "square": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
        "triangle": ((0, -6), (5.5, 4), (-5.5, 4)),
    }
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[look.mark])
    return f'<polygon points="{corners}" {style}/>'


def _band(band: Mapping[str, Any], across: Callable[[float], float], up: Callable[[float], float]) -> list[str]:
    look = LOOKS[band["strategy"]]
    over = [(across(q), up(high)) for q, high in zip(band["queries"], band["high80"], strict=True)]
    under = [(across(q), up(low)) for q, low in zip(band["queries"], band["low80"], strict=True)]
    line = [(across(q), up(mean)) for q, mean in zip(band["queries"], band["mean"], strict=True)]
    area = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*over, *reversed(under)])
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    return [
        f'<polygon points="{area}" fill="{look.colour}" fill-opacity="0.10"/>',
        f'<polyline points="{path}" stroke="{look.colour}" stroke-width="2.2" stroke-dasharray="{look.dash}"/>',
    ]


def _axes(
    across: Callable[[float], float],
    up: Callable[[float], float],
    fewest: float,
    most: float,
    bottom: float,
    top: float,
) -> list[str]:
    parts = []
    for tick in _ticks(100 * bottom, 100 * top):
        if 100 * bottom - 1e-9 <= tick <= 100 * top + 1e-9:
            y = up(tick / 100)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d5dae0"/>')
            parts.append(_text(LEFT - 8, y + 4, f"{tick:g} %", anchor="end"))
    last = -math.inf
    for power in range(math.floor(math.log10(fewest)), math.ceil(math.log10(most)) + 1):
        for factor in (1, 2, 5):
            tick = factor * 10.0**power
            if fewest <= tick <= most and across(tick) - last > 46:
                last = across(tick)
                parts.append(f'<path d="M{last:.1f} {HEIGHT - BOTTOM}v5" stroke="{GREY}"/>')
                parts.append(_text(last, HEIGHT - BOTTOM + 20, f"{tick:,.0f}", anchor="middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 10, "Teacher queries (log scale)", anchor="middle"))
    parts.append(_text(4, 12, "Accuracy on the test items", colour=GREY))
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers around both ends."""
    span = max(high - low, 1e-6)
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (factor * step) <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(at * step, 10) for at in range(first, max(last, first + 1) + 1)]


def _linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (end - start) * (value - low) / (high - low or 1.0)


def _log(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    to = _linear(math.log(low), math.log(high) if high > low else math.log(low) + 1, start, end)
    return lambda value: to(math.log(max(value, low)))
