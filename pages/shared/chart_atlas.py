"""The atlas as figures: what was measured in one world with one number of seeds, and who won where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from engine.atlas.design import BUDGETS, MIXED, SEEDS, SEEDS_ONLY, UNTUNED
from engine.atlas.views import Point, Winner, World
from engine.domain import Strategy
from engine.domain import arm as arm_of
from pages.shared import words
from pages.shared.chart_axes import log_axis
from pages.shared.chart_style import GREY, STYLES, Figure, Style, figure

WORLDS = {
    "maths": "Maths word problems",
    "sql": "Questions to SQL",
    "facts": "Multiple choice",
    "tickets": "Tickets to JSON",
    "open": "Open answers",
}
MIX = Style(GREY, "rgba(122,135,151,0.09)", "longdash", "x", "x")
SURE = 0.9
"""From this chance on a winner is called one."""


def name(arm: str) -> str:
    """An arm as users read it."""
    return "Half and half" if arm == MIXED else words.arm(arm_of(arm))


def _style(arm: str) -> Style:
    return STYLES[Strategy(arm)] if arm in set(Strategy) else MIX


def curves(world: World, arms: Sequence[str], seeds: int, budget: int) -> Figure:
    """Accuracy over examples asked for, with 80 % intervals; baselines as level lines; the chosen budget marked."""
    traces: list[dict[str, Any]] = []
    highest = 0.0
    for arm in arms:
        points = world.curve(arm, seeds)
        if not points:
            continue
        style = _style(arm)
        highest = max(highest, *(point.high80 for point in points))
        traces.append(
            {
                "type": "scatter",
                "x": [point.budget for point in points],
                "y": [round(100 * point.mean, 2) for point in points],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [round(100 * (point.high80 - point.mean), 2) for point in points],
                    "arrayminus": [round(100 * (point.mean - point.low80), 2) for point in points],
                    "thickness": 1.2,
                    "width": 4,
                },
                "mode": "lines+markers",
                "name": name(arm),
                "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
                "marker": {"symbol": style.marker, "size": 9},
                "hovertemplate": "%{y:.1f} %",
            }
        )
    left, right = BUDGETS[0] * 0.85, BUDGETS[-1] * 1.15
    for arm, dash in ((SEEDS_ONLY, "dash"), (UNTUNED, "dot")):
        for point in world.curve(arm, seeds):
            highest = max(highest, point.mean)
            traces.append(
                {
                    "type": "scatter",
                    "x": [left, right],
                    "y": [round(100 * point.mean, 2)] * 2,
                    "mode": "lines",
                    "name": name(arm),
                    "line": {"color": GREY, "dash": dash, "width": 1.6},
                    "hovertemplate": "%{y:.1f} %",
                }
            )
    ratios = log_axis(left / seeds, right / seeds, words.ratio)
    # Plotly draws the upper axis only where something stands on it.
    traces.append({"type": "scatter", "x": [1], "y": [None], "xaxis": "x2", "showlegend": False, "hoverinfo": "skip"})
    return figure(
        traces,
        xaxis=log_axis(left, right, words.short)
        | {"title": {"text": "Examples asked for (log scale)"}, "tickvals": list(BUDGETS)}
        | {"ticktext": [f"{size:,}" for size in BUDGETS]},
        xaxis2=ratios
        | {"title": {"text": "Examples per seed", "standoff": 6}, "overlaying": "x", "side": "top", "showgrid": False},
        yaxis={
            "title": {"text": "Right on 500 test items, %"},
            "range": [0, 100 if highest > 0.78 else 80],
            "fixedrange": True,
        },
        shapes=[
            {"type": "line", "x0": budget, "x1": budget, "y0": 0, "y1": 1, "yref": "paper"}
            | {"line": {"color": GREY, "width": 1.5}}
        ],
        margin={"l": 8, "r": 28, "t": 56, "b": 8},
        height=480,
        hovermode="x unified",
    )


def takeaway(world: World, seeds: int) -> str:
    """Who is clearly ahead from which budget on; the title of the curves."""
    where = f"{WORLDS[world.name]}, {seeds:,} labelled examples"
    found = [winner for budget in BUDGETS if (winner := world.winner(seeds, budget)) is not None]
    sure = [winner for winner in found if winner.p_best >= SURE]
    if not found:
        return f"{where}: fewer than two strategies are measured"
    if not sure:
        return f"{where}: too close to call at every measured budget"
    turns: list[tuple[Strategy, str]] = []
    for winner in sure:
        if not turns or turns[-1][0] != winner.arm:
            turns.append((Strategy(winner.arm), f"{winner.budget:,} examples"))
    if len(turns) == 1:
        at = "every measured budget" if len(sure) == len(found) else f"{len(sure)} of {len(found)} measured budgets"
        return f"{where}: {words.STRATEGIES[turns[0][0]].lower()} are clearly ahead at {at}"
    return f"{where}: {words.leading(turns)}"


def said(found: Winner | None) -> str:
    """The comparison at the chosen budget, in a sentence."""
    if found is None:
        return "At this budget fewer than two strategies are measured yet."
    among = words.listed([name(arm).lower() for arm in found.compared])
    lead = f"{100 * found.lead:.1f} points (80 %: {100 * found.low80:.1f} to {100 * found.high80:.1f})"
    ratio = words.ratio(found.budget / found.seeds)
    start = f"**{found.budget:,} examples, {ratio} per seed.** Among {among}: "
    if found.p_best < SURE:
        return f"{start}too close to call; {name(found.arm).lower()} are ahead by {lead}."
    return f"{start}{name(found.arm).lower()} win by {lead}."


def winners(found: Sequence[Winner], seeds: int, budget: int) -> Figure:
    """Budgets against seeds: a square a measured place in the colour of who is likely best, faint where unsure."""
    traces: list[dict[str, Any]] = []
    for arm in dict.fromkeys(one.arm for one in found):
        mine = [one for one in found if one.arm == arm]
        style = _style(arm)
        traces.append(
            {
                "type": "scatter",
                "x": [one.budget for one in mine],
                "y": [one.seeds for one in mine],
                "mode": "markers",
                "name": name(arm),
                "marker": {
                    "symbol": style.marker,
                    "size": 22,
                    "color": style.colour,
                    "opacity": [round(0.2 + 0.8 * max(0.0, (one.p_best - 1 / 3) * 1.5), 2) for one in mine],
                    "line": {"width": 0},
                },
                "customdata": [
                    [100 * one.p_best, 100 * one.lead, 100 * one.low80, 100 * one.high80, one.budget / one.seeds]
                    for one in mine
                ],
                "hovertemplate": "%{y:,} labelled examples, %{x:,} examples asked for (%{customdata[4]:.3~g} per seed)"
                "<br>likely best with %{customdata[0]:.0f} %, ahead by %{customdata[1]:.1f} points "
                "(80 %: %{customdata[2]:.1f} to %{customdata[3]:.1f})<extra>%{fullData.name}</extra>",
            }
        )
    traces.append(
        {
            "type": "scatter",
            "x": [budget],
            "y": [seeds],
            "mode": "markers",
            "name": "Shown above",
            "marker": {"symbol": "square-open", "size": 36, "color": GREY, "line": {"width": 2}},
            "hoverinfo": "skip",
        }
    )
    return figure(
        traces,
        xaxis=log_axis(75, 4300, words.short)
        | {"title": {"text": "Examples asked for (log scale)"}, "tickvals": list(BUDGETS)}
        | {"ticktext": [f"{size:,}" for size in BUDGETS]},
        yaxis=log_axis(18, 1700, words.short)
        | {"title": {"text": "Labelled examples (log scale)"}, "tickvals": list(SEEDS)}
        | {"ticktext": [f"{size:,}" for size in SEEDS]},
        height=400,
        hovermode="closest",
    )


def winners_takeaway(found: Sequence[Winner]) -> str:
    """How many places have a clear winner, and whose they are; the title of the map."""
    sure = [one for one in found if one.p_best >= SURE]
    if not found:
        return "No place has two measured strategies yet"
    arms = dict.fromkeys(one.arm for one in sure)
    each = [f"{name(arm).lower()} at {sum(one.arm == arm for one in sure)}" for arm in arms]
    told = f": {words.listed(each)}" if each else ""
    return f"{len(sure)} of {len(found)} measured places {'has' if len(sure) == 1 else 'have'} a clear winner{told}"


def table(points: Sequence[Point]) -> pd.DataFrame:
    """Every measured place of the curves."""
    return pd.DataFrame(
        [
            {
                "What": name(point.arm),
                "Labelled examples": point.seeds,
                "Examples asked for": point.budget,
                "Right, %": round(100 * point.mean, 1),
                "80 % from": round(100 * point.low80, 1),
                "to": round(100 * point.high80, 1),
                "Replicates": point.replicates,
            }
            for point in points
        ]
    )


def winners_table(found: Sequence[Winner]) -> pd.DataFrame:
    """Every place of the map."""
    return pd.DataFrame(
        [
            {
                "Labelled examples": one.seeds,
                "Examples asked for": one.budget,
                "Examples per seed": float(f"{one.budget / one.seeds:.3g}"),
                "Ahead": name(one.arm),
                "Likely best, %": round(100 * one.p_best),
                "Lead, points": round(100 * one.lead, 1),
                "80 % from": round(100 * one.low80, 1),
                "to": round(100 * one.high80, 1),
                "Compared": ", ".join(name(arm) for arm in one.compared),
            }
            for one in found
        ]
    )
