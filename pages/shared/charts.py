"""Domain values turned into Plotly figures. No widgets, no queries, and no colour that works alone.

A strategy has the same colour, dash, marker and name in every figure. Text takes its colour from the
theme, so that the figures read in light and in dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from engine.domain import Crossover, CurveBand, Interval, Measurement, Recommendation, Strategy
from engine.evidence import ACCURACY, Point
from pages.shared import words

GREY = "#7a8797"
"""Readable on both backgrounds; for marks that belong to no strategy."""

SIDE_BY_SIDE = 1.06
"""Factor between points that share a budget."""

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d"]}
"""For `st.plotly_chart(config=...)`: what stays is the download of the picture."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a strategy looks; Okabe-Ito hues at a lightness that contrasts with white and with near-black."""

    colour: str
    fill: str
    dash: str
    marker: str
    hatch: str
    """Fills an assumed band."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An accuracy that depends on no budget: a line across the plot with its interval."""

    name: str
    interval: Interval
    dash: str


STYLES: dict[Strategy, Style] = {
    Strategy.ANSWER_AUGMENTATION: Style("#2f80c8", "rgba(47,128,200,0.09)", "solid", "circle", "/"),
    Strategy.QUESTION_REPHRASE: Style("#159a76", "rgba(21,154,118,0.09)", "dash", "square", "."),
    Strategy.NEW_QUESTION: Style("#d9602b", "rgba(217,96,43,0.09)", "dot", "diamond", "\\"),
    Strategy.REAL_QUESTION: Style("#7b5fc4", "rgba(123,95,196,0.09)", "dashdot", "triangle-up", "x"),
}


def curves(
    advice: Recommendation,
    measured: Sequence[tuple[Measurement, Interval]] = (),
    *,
    references: Sequence[Reference] = (),
    span: tuple[float, float] | None = None,
    low: float = 0.0,
    budget: bool | None = None,
) -> go.Figure:
    """The fitted curves with their 80 % bands, the user's budget, the crossovers and what was measured.

    `low` is where the accuracy axis begins, in percent; `span` is the range of queries that is shown, where
    not the whole curves are. `budget` marks the user's; None marks it where nothing was measured.
    """
    traces: list[dict[str, Any]] = []
    for band in advice.curves:
        traces += _band(band)
    queries = [q for band in advice.curves for q in (band.queries[0], band.queries[-1])]
    left, right = span or (min(queries, default=1.0), max(queries, default=1.0))
    traces += [
        _crossover(crossover, advice)
        for crossover in words.changes_of_winner(advice)
        if left <= crossover.budget_ratio.mean * advice.situation.seeds <= right
    ]
    traces += [
        trace
        for at, reference in enumerate(sorted(references, key=lambda r: r.interval.mean))
        for trace in _reference(reference, left, right, 0.02 + 0.03 * at)
    ]
    traces += _measured(measured)
    if not measured if budget is None else budget:
        traces.append(_budget(advice))
    return _figure(
        traces,
        xaxis=_query_axis(left, right, advice.situation.seeds) if queries else {},
        yaxis={"title": {"text": "Accuracy on your test items, %"}, "range": [low, 100], "fixedrange": True},
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        height=560 if references else 460,  # more names in the legend
        hovermode="closest" if measured else "x unified",
    )


def published(points: Iterable[Point]) -> go.Figure:
    """Published accuracies against synthetic examples: one line for each study, student and strategy.

    Rows without synthetic examples have no place on the log axis and are left to the table.
    """
    series: dict[tuple[str, str, str, str], list[Point]] = {}
    for point in points:
        if point.synthetic_n and point.metric == ACCURACY:
            series.setdefault((point.strategy, point.source, point.student, point.task), []).append(point)
    traces: list[dict[str, Any]] = []
    named: set[str] = set()
    order = [*(strategy.value for strategy in Strategy), *words.OTHER_ROWS]
    for (strategy, source, student, task), rows in sorted(series.items(), key=lambda kv: order.index(kv[0][0])):
        style, name = _look(strategy)
        rows.sort(key=lambda point: point.synthetic_n or 0)
        traces.append(
            {
                "type": "scatter",
                "x": [point.synthetic_n for point in rows],
                "y": [point.value for point in rows],
                "mode": "lines+markers",
                "name": name,
                "legendgroup": name,
                "showlegend": name not in named,
                "line": {"color": style.colour, "dash": style.dash, "width": 1.5},
                "marker": {"symbol": style.marker, "size": 8},
                "hovertemplate": f"{name}: %{{y:.1f}} %<br>%{{x:,}} examples<br>{task}, {student}, {source}"
                "<extra></extra>",
            }
        )
        named.add(name)
    return _figure(
        traces,
        xaxis={
            "title": {"text": "Synthetic training examples (log scale)"},
            "type": "log",
            "tickvals": [10**k for k in range(9)],
            "ticktext": [words.short(10**k) for k in range(9)],
            "fixedrange": True,
        },
        yaxis={"title": {"text": "Published accuracy, %"}, "fixedrange": True},
        hovermode="closest",
    )


# --- parts ---------------------------------------------------------------------------------------------


def _figure(traces: Iterable[dict[str, Any]], **layout: Any) -> go.Figure:
    """A figure from plain dictionaries: checked by Plotly's front end, not slowly, one by one, in Python."""
    return go.Figure(
        {
            "data": list(traces),
            "layout": {
                "height": 460,
                "margin": {"l": 8, "r": 28, "t": 16, "b": 8},
                "legend": {"orientation": "h", "yanchor": "top", "y": -0.28, "x": 0, "xanchor": "left"},
                "dragmode": False,
                "uirevision": "kept",
                **layout,
            },
        },
        skip_invalid=True,
    )


def _look(strategy: str) -> tuple[Style, str]:
    if strategy in set(Strategy):
        return STYLES[Strategy(strategy)], words.row(strategy)
    return Style(GREY, "rgba(122,135,151,0.09)", "longdash", "cross", "x"), words.row(strategy)


def _band(band: CurveBand) -> list[dict[str, Any]]:
    """The 80 % band as one closed outline, and the curve upon it; an assumed band is hatched."""
    style = STYLES[band.strategy]
    name = words.STRATEGIES[band.strategy] + (" (assumed)" if band.assumed else "")
    low, high = ([100 * value for value in side] for side in (band.low80, band.high80))
    outline: dict[str, Any] = {
        "type": "scatter",
        "x": [*band.queries, *reversed(band.queries)],
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
        "x": list(band.queries),
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


def _budget(advice: Recommendation) -> dict[str, Any]:
    """An upright line at the user's budget, named at its top on the side that has room."""
    budget = advice.situation.queries
    spans = [(band.queries[0], band.queries[-1]) for band in advice.curves]
    left, right = (spans[0][0], spans[0][1]) if spans else (budget, budget)
    return {
        "type": "scatter",
        "x": [budget, budget],
        "y": [0, 1],
        "yaxis": "y2",
        "mode": "lines+text",
        "text": ["", f" Your budget: {budget:,} "],
        "textposition": "bottom right" if budget < math.sqrt(left * right) else "bottom left",
        "line": {"color": GREY, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _crossover(crossover: Crossover, advice: Recommendation) -> dict[str, Any]:
    """Where one strategy overtakes another: the median with its 80 % range, low in the plot."""
    at, seeds = crossover.budget_ratio, advice.situation.seeds
    end = words.STRATEGIES[crossover.end]
    return {
        "type": "scatter",
        "x": [at.mean * seeds],
        "y": [0.04 + 0.045 * list(words.STRATEGIES).index(crossover.start)],
        "yaxis": "y2",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [(at.high80 - at.mean) * seeds],
            "arrayminus": [(at.mean - at.low80) * seeds],
            "color": GREY,
            "thickness": 1.5,
            "width": 5,
        },
        "mode": "markers",
        "marker": {"symbol": "x-thin", "size": 10, "line": {"width": 2.5, "color": STYLES[crossover.end].colour}},
        "name": f"{end} overtake {words.STRATEGIES[crossover.start].lower()} (80 % range)",
        "hovertemplate": f"about {words.ratio(at.mean)} queries per seed",
    }


def _reference(reference: Reference, left: float, right: float, share: float) -> list[dict[str, Any]]:
    """A line across the plot, named in the legend; its interval stands `share` of the way along it."""
    middle = 100 * reference.interval.mean
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


def _measured(measured: Sequence[tuple[Measurement, Interval]]) -> list[dict[str, Any]]:
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
                "x": [place(m) for m, _ in rows],
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


def _query_axis(low: float, high: float, seeds: int) -> dict[str, Any]:
    """Queries on a log axis; under each tick the same budget as queries per seed."""
    ticks = [10**k for k in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]
    if len(ticks) < 4:
        ticks = sorted({factor * tick for tick in (10 ** (math.floor(math.log10(low))), *ticks) for factor in (1, 3)})
        ticks = [tick for tick in ticks if low <= tick <= high]
    return {
        "title": {"text": "Teacher queries, and queries per seed (log scale)"},
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [f"{words.short(tick)}<br>{words.ratio(tick / seeds)}/seed" for tick in ticks],
        "hoverformat": ",.0f",
        "fixedrange": True,
    }
