"""What stands in the figures of curves, as Plotly's plain dictionaries: bands, marks, lines, measured points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import Crossover, CurveBand, Interval, Measurement
from pages.shared import words
from pages.shared.chart_axes import Spent
from pages.shared.chart_style import GREY, STYLES

SIDE_BY_SIDE = 1.06
"""Factor between points that share a budget."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An accuracy that depends on no budget: a line across the plot with its interval."""

    name: str
    interval: Interval
    dash: str


def band(band: CurveBand, axis: Spent) -> list[dict[str, Any]]:
    """The 80 % band as one closed outline, and the curve upon it; an assumed band is hatched."""
    style = STYLES[band.strategy]
    name = words.STRATEGIES[band.strategy] + (" (assumed)" if band.assumed else "")
    low, high = ([100 * value for value in side] for side in (band.low80, band.high80))
    places = [axis.at(queries) for queries in band.queries]
    outline: dict[str, Any] = {
        "type": "scatter",
        "x": [*places, *reversed(places)],
        "y": [*high, *reversed(low)],
        "mode": "lines",
        "fill": "toself",
        "fillcolor": style.fill,
        "line": {"width": 0.8, "color": style.colour, "dash": style.dash},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": band.strategy.value,
    }
    if band.assumed:
        outline["fillpattern"] = {"shape": style.hatch, "fgcolor": style.colour, "fgopacity": 0.2, "size": 12}
    curve = {
        "type": "scatter",
        "x": places,
        "y": [100 * value for value in band.mean],
        "customdata": list(zip(low, high, strict=True)),
        "mode": "lines+markers",
        "name": name,
        "legendgroup": band.strategy.value,
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
        "marker": {"symbol": style.marker, "size": 8, "maxdisplayed": 7},
        "hovertemplate": "%{y:.0f} % (80 %: %{customdata[0]:.0f} to %{customdata[1]:.0f})",
    }
    return [outline, curve]


def before(bands: Sequence[CurveBand], axis: Spent, what: str) -> list[dict[str, Any]]:
    """Faint curves without their bands: what was expected before `what`; one entry in the legend."""
    lines = [
        {
            "type": "scatter",
            "x": [axis.at(queries) for queries in band.queries],
            "y": [100 * value for value in band.mean],
            "mode": "lines+markers",
            "line": {"color": STYLES[band.strategy].colour, "dash": STYLES[band.strategy].dash, "width": 1.6},
            "marker": {"symbol": f"{STYLES[band.strategy].marker}-open", "size": 6, "maxdisplayed": 5},
            "opacity": 0.75,
            "hoverinfo": "skip",
            "showlegend": False,
            "legendgroup": band.strategy.value,
            "name": f"{words.STRATEGIES[band.strategy]}, before {what}",
        }
        for band in bands
    ]
    entry = {
        "type": "scatter",
        "x": [axis.at(axis.left)],
        "y": [None],
        "mode": "lines",
        "line": {"color": GREY, "width": 1.6},
        "opacity": 0.6,
        "hoverinfo": "skip",
        "name": f"Thin: before {what}",
    }
    return [*lines, entry]


def budget(queries: int, axis: Spent) -> dict[str, Any]:
    """An upright line at the user's budget, named at its top on the side that has room."""
    return {
        "type": "scatter",
        "x": [axis.at(queries), axis.at(queries)],
        "y": [0, 1],
        "yaxis": "y2",
        "mode": "lines+text",
        "text": ["", f" Your budget: {axis.said(queries)} "],
        "textposition": "bottom right" if queries < math.sqrt(axis.left * axis.right) else "bottom left",
        "line": {"color": GREY, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def crossover(crossover: Crossover, axis: Spent) -> dict[str, Any]:
    """Where one strategy overtakes another: the median with its 80 % range, low in the plot."""
    at = crossover.budget_ratio
    low, middle, high = (axis.at(ratio * axis.seeds) for ratio in (at.low80, at.mean, at.high80))
    end, colour, start = words.STRATEGIES[crossover.end], STYLES[crossover.end].colour, STYLES[crossover.start]
    return {
        "type": "scatter",
        "x": [middle],
        "y": [0.04 + 0.045 * list(words.STRATEGIES).index(crossover.start)],
        "yaxis": "y2",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - middle],
            "arrayminus": [middle - low],
            "color": GREY,
            "thickness": 1.5,
            "width": 5,
        },
        "mode": "markers",
        "cliponaxis": False,  # whole where it stands at the edge
        # The colour of who overtakes, the shape of who is overtaken.
        "marker": {"symbol": f"{start.marker}-open", "size": 10, "color": colour, "line": {"width": 2.5}},
        "name": f"{end} overtake {words.STRATEGIES[crossover.start].lower()} (80 % range)",
        "hovertemplate": f"about {words.ratio(at.mean)} queries per seed",
    }


def reference(reference: Reference, axis: Spent, share: float) -> list[dict[str, Any]]:
    """A line across the plot, named in the legend; its interval stands `share` of the way along it."""
    middle = 100 * reference.interval.mean
    left, right = axis.at(axis.left), axis.at(axis.right)
    line = {
        "type": "scatter",
        "x": [left, right],
        "y": [middle, middle],
        "mode": "lines",
        "line": {"color": GREY, "dash": reference.dash, "width": 2},
        "hoverinfo": "skip",
        "name": f"{reference.name}: {middle:.0f} %",
        "legendgroup": reference.name,
    }
    mark = {
        "type": "scatter",
        "x": [left * (right / left) ** share],
        "y": [middle],
        "error_y": _error(reference.interval, GREY),
        "mode": "markers",
        "marker": {"symbol": "line-ew", "size": 12, "line": {"width": 2.5, "color": GREY}},
        "hovertemplate": f"{reference.name}: {words.percent(reference.interval)}<extra></extra>",
        "legendgroup": reference.name,
        "showlegend": False,
    }
    return [line, mark]


def _error(interval: Interval, colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (interval.high80 - interval.mean)],
        "arrayminus": [100 * (interval.mean - interval.low80)],
        "color": colour,
        "thickness": 1.8,
        "width": 5,
    }


def measured(measured: Sequence[tuple[Measurement, Interval]], axis: Spent) -> list[dict[str, Any]]:
    """Measured accuracies of strategies, with intervals, one trace a strategy.

    Points of one budget stand side by side, so that none hides another; what is read is the true budget.
    """
    order = list(STYLES)
    places: dict[int, list[Measurement]] = {}
    drawn = [(m, i) for m, i in measured if m.cell.arm in STYLES and m.cell.budget > 0]
    for m, _ in sorted(drawn, key=lambda pair: (order.index(pair[0].cell.arm), pair[0].cell.replicate)):
        places.setdefault(m.cell.budget, []).append(m)

    def place(m: Measurement) -> float:
        beside = places[m.cell.budget]
        return m.cell.budget * SIDE_BY_SIDE ** (beside.index(m) - (len(beside) - 1) / 2)

    traces = []
    for strategy, style in STYLES.items():
        rows = [(m, i) for m, i in drawn if m.cell.arm is strategy]
        if not rows:
            continue
        errors = [_error(i, style.colour) for _, i in rows]
        traces.append(
            {
                "type": "scatter",
                "x": [axis.at(place(m)) for m, _ in rows],
                "y": [100 * i.mean for _, i in rows],
                "error_y": errors[0] | {side: [error[side][0] for error in errors] for side in ("array", "arrayminus")},
                "customdata": [
                    [f"{m.cell.budget:,}", 100 * i.low80, 100 * i.high80, m.correct, m.scored] for m, i in rows
                ],
                "mode": "markers",
                "marker": {"symbol": style.marker, "size": 11, "color": style.colour, "line": {"width": 1}},
                "name": f"{words.STRATEGIES[strategy]}, measured",
                "legendgroup": strategy.value,
                "showlegend": False,  # colour and marker are the curve's
                "hovertemplate": "%{y:.0f} % measured (80 %: %{customdata[1]:.0f} to %{customdata[2]:.0f})<br>"
                "%{customdata[3]} of %{customdata[4]} right, %{customdata[0]} queries",
            }
        )
    return traces
