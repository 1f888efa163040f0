"""The law as somebody has set it: one curve a strategy, where the lead changes hands, and how it was before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from engine import law
from engine.law_by_hand import Drawn
from pages.shared import words
from pages.shared.chart_axes import log_axis
from pages.shared.chart_style import GREY, STYLES, Figure, figure

LABELS: dict[str, str] = {
    "q_rephrase": "Quality of a rephrasing",
    "q_new": "Quality of a new question",
    "reach_answers": "Reach of answers",
    "reach_rephrase": "Reach of rephrasings",
    "reach_new": "Reach of new questions",
    "reach_exponent": "Exponent of reach",
    "seed_weight": "Worth of one of your examples",
    "beta": "Steepness of learning",
    "ceiling": "Ceiling",
    "half": "Half-way point",
    "start": "Start",
}
"""Every parameter that can be moved, as the page calls it."""


def curves(drawn: Drawn, before: Drawn | None = None) -> Figure:
    """The curves over queries per seed; `before` is drawn faint."""
    traces: list[dict[str, Any]] = []
    ratios = drawn.ratios.tolist()
    for m, strategy in enumerate(law.STRATEGIES):
        style, name = STYLES[strategy], words.STRATEGIES[strategy]
        traces.append(
            {
                "type": "scatter",
                "x": ratios,
                "y": [round(100 * float(y), 3) for y in drawn.accuracy[:, m]],
                "mode": "lines+markers",
                "name": name,
                "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
                "marker": {"symbol": style.marker, "size": 8, "maxdisplayed": 7},
                "hovertemplate": "%{y:.1f} %",
            }
        )
        if before is not None:
            traces.append(_faint(before, m))
    traces += [_change(drawn, at) for at in range(len(drawn.changes))]
    traces += [_reach(drawn), _seeds_only(drawn)]
    if before is not None:
        traces.append(
            {"type": "scatter", "x": [ratios[0]], "y": [None], "mode": "lines", "name": "Thin: published medians"}
            | {"line": {"color": GREY, "width": 1.6}, "opacity": 0.6, "hoverinfo": "skip"}
        )
    highest = max(float(each.accuracy.max()) for each in (drawn, before) if each is not None)
    return figure(
        traces,
        xaxis=log_axis(ratios[0], ratios[-1], words.ratio)
        | {"title": {"text": "Teacher queries per seed (budget ratio, log scale)"}, "hoverformat": ",.3~g"},
        yaxis={
            "title": {"text": "Accuracy by the law, %"},
            "range": [0, 80 if highest < 0.78 else 100],
            "fixedrange": True,
        },
        height=520,
        hovermode="x unified",
    )


def lead(drawn: Drawn) -> str:
    """Who leads where, in words, as the end of a sentence."""
    turns = [(drawn.leader, "")] + [(c.end, f"{words.ratio(c.ratio)} queries per seed") for c in drawn.changes]
    return words.leading(turns)


def takeaway(drawn: Drawn) -> str:
    """Who leads where, with the number of seeds."""
    return f"With {drawn.seeds:,} labelled examples, {lead(drawn)}"


def moved(values: Mapping[str, float], medians: Mapping[str, float], drawn: Drawn, before: Drawn) -> str:
    """What was moved and what that did; before anything is moved, what to look at."""
    changed = [name for name in LABELS if values[name] != medians[name]]
    if not changed:
        return (
            "Nothing is moved yet: these are the medians of what published studies say. Make new questions better and "
            "watch where they overtake, or give answers a longer reach."
        )
    what = "; ".join(
        f"{LABELS[name].lower()} from {number(medians[name])} to {number(values[name])}" for name in changed
    )
    now, then = lead(drawn), lead(before)
    at = 30.0
    best, was = 100 * drawn.at(at).max(), 100 * before.at(at).max()
    led = f"Now {now}; before, {then}." if now != then else f"Who leads where stays the same: {now}."
    return f"You moved {what}. {led} The best at {at:.0f} queries per seed goes from {was:.1f} % to {best:.1f} %."


def number(value: float) -> str:
    """A parameter with two figures."""
    return f"{float(f'{value:.2g}'):,.10g}"


def table(drawn: Drawn, before: Drawn | None = None) -> pd.DataFrame:
    """Every point that is drawn, one row a ratio, in percent."""
    columns: dict[str, Any] = {"Queries per seed": [float(f"{r:.3g}") for r in drawn.ratios]}
    for m, strategy in enumerate(law.STRATEGIES):
        name = words.STRATEGIES[strategy]
        columns[f"{name}, %"] = (100 * drawn.accuracy[:, m]).round(1)
        if before is not None:
            columns[f"{name} at the medians, %"] = (100 * before.accuracy[:, m]).round(1)
    return pd.DataFrame(columns)


def _faint(before: Drawn, m: int) -> dict[str, Any]:
    style = STYLES[law.STRATEGIES[m]]
    return {
        "type": "scatter",
        "x": before.ratios.tolist(),
        "y": [round(100 * float(y), 3) for y in before.accuracy[:, m]],
        "mode": "lines",
        "line": {"color": style.colour, "dash": style.dash, "width": 1.6},
        "opacity": 0.6,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _change(drawn: Drawn, at: int) -> dict[str, Any]:
    """Where the lead changes hands: the colour of who overtakes, the shape of who is overtaken."""
    change = drawn.changes[at]
    end, start = words.STRATEGIES[change.end], words.STRATEGIES[change.start]
    height = 100 * float(drawn.at(change.ratio).max())
    return {
        "type": "scatter",
        "x": [change.ratio, change.ratio],
        "y": [0, height],
        "mode": "lines+markers+text",
        "line": {"color": GREY, "width": 1.5, "dash": "dot"},
        "marker": {
            "symbol": ["line-ew", f"{STYLES[change.start].marker}-open"],
            "size": [1, 14],
            "color": STYLES[change.end].colour,
            "line": {"width": 3},
        },
        "text": ["", f"{words.ratio(change.ratio)} "],
        "textposition": "top left",
        "name": f"{end} overtake {start.lower()}",
        "hoverinfo": "skip",
    }


def _reach(drawn: Drawn) -> dict[str, Any]:
    """Each strategy's reach on its own curve."""
    return {
        "type": "scatter",
        "x": drawn.reach_ratios.tolist(),
        "y": [100 * float(y) for y in drawn.reach_accuracy],
        "mode": "markers",
        "marker": {
            "symbol": "line-ns",
            "size": 20,
            "line": {"width": 3, "color": [STYLES[m].colour for m in law.STRATEGIES]},
        },
        "name": "Upright stroke: the reach, 63 % of all it can give",
        "hoverinfo": "skip",
    }


def _seeds_only(drawn: Drawn) -> dict[str, Any]:
    level = 100 * drawn.seeds_only
    return {
        "type": "scatter",
        "x": [float(drawn.ratios[0]), float(drawn.ratios[-1])],
        "y": [level, level],
        "mode": "lines",
        "line": {"color": GREY, "width": 1.5, "dash": "longdash"},
        "name": f"Your labelled examples alone: {level:.0f} %",
        "hoverinfo": "skip",
    }
