"""The atlas as figures: what was measured in one world with one number of seeds, and who won where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from engine.atlas.design import BUDGETS, CROSSING, MIXED, SEEDS, SEEDS_ONLY, UNTUNED
from engine.atlas.views import Lead, Missing, Point, Winner, World
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
HOVER = "%{y:,} labelled examples, %{customdata[0]:,} examples asked for, %{x:.3~g} per seed"


def name(arm: str) -> str:
    """An arm as users read it."""
    return "Half and half" if arm == MIXED else words.arm(arm_of(arm))


def clear(lead: Lead) -> bool:
    """Whether a lead is called one."""
    return lead.p_best >= SURE


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
    sure = [winner for winner in found if clear(winner.lead)]
    if not found:
        return f"{where}: no budget is measured for every strategy"
    if not sure:
        return f"{where}: too close to call at every measured budget"
    turns: list[tuple[Strategy, str]] = []
    for winner in sure:
        if not turns or turns[-1][0] != winner.lead.arm:
            turns.append((Strategy(winner.lead.arm), f"{winner.budget:,} examples"))
    if len(turns) == 1:
        at = "every measured budget" if len(sure) == len(found) else f"{len(sure)} of {len(found)} measured budgets"
        return f"{where}: {words.STRATEGIES[turns[0][0]].lower()} are clearly ahead at {at}"
    return f"{where}: {words.leading(turns)}"


def said(world: World, seeds: int, budget: int) -> str:
    """The comparison at one place, in a sentence."""
    found = world.winner(seeds, budget)
    if found is None:
        gap = next(one for one in world.missing() if (one.seeds, one.budget) == (seeds, budget))
        return f"Not measured here: {words.listed([name(arm).lower() for arm in gap.arms])}. So no strategy wins."
    among = words.listed([name(arm).lower() for arm in found.compared])
    verdict = "{} win by" if clear(found.lead) else "too close to call; {} are ahead by"
    told = (
        f"**{budget:,} examples, {words.ratio(found.ratio)} per seed.** Among {among}: "
        f"{verdict.format(name(found.lead.arm).lower())} {_points(found.lead)}."
    )
    return told if found.real is None else f"{told} {_real(found.real)}, for who has unlabelled inputs."


def _real(over: Lead) -> str:
    return f"Real questions: {_points(over, '+')} against that"


def _points(lead: Lead, sign: str = "-") -> str:
    mean, low, high = (f"{100 * value:{sign}.1f}" for value in (lead.mean, lead.low80, lead.high80))
    return f"{mean} points (80 %: {low} to {high})"


def winners(found: Sequence[Winner], missing: Sequence[Missing], seeds: int, budget: int) -> Figure:
    """Examples per seed against seeds: each place in the colour of who is clearly ahead there, if anybody is."""
    traces: list[dict[str, Any]] = []
    sure = [one for one in found if clear(one.lead)]
    for arm in sorted({one.lead.arm for one in sure}, key=list(Strategy).index):
        style = _style(arm)
        marker = {"symbol": style.marker, "size": 18, "color": style.colour, "line": {"width": 0}}
        traces.append(_places([one for one in sure if one.lead.arm == arm], name(arm), marker))
    close = {"symbol": "circle-open", "size": 10, "color": GREY, "line": {"width": 2}}
    traces.append(_places([one for one in found if not clear(one.lead)], "Too close to call", close))
    real = [one for one in found if one.real is not None and clear(one.real)]
    over = STYLES[Strategy.REAL_QUESTION]
    marker = {"symbol": f"{over.marker}-open", "size": 26, "color": over.colour, "line": {"width": 2}}
    traces.append(_marks([(one.seeds, one.budget) for one in real], "Real questions clearly ahead", marker))
    marker = {"symbol": "x-thin", "size": 9, "color": GREY, "line": {"width": 1.5, "color": GREY}}
    traces.append(
        _marks([(one.seeds, one.budget) for one in missing], "Not measured", marker)
        | {
            "customdata": [[one.budget, words.listed([name(arm).lower() for arm in one.arms])] for one in missing],
            "hovertemplate": f"{HOVER}<br>not measured: %{{customdata[1]}}<extra></extra>",
        }
    )
    marker = {"symbol": "square-open", "size": 34, "color": GREY, "line": {"width": 2}}
    traces.append(_marks([(seeds, budget)], "Shown above", marker))
    left, right = 0.65 * BUDGETS[0] / SEEDS[-1], 1.6 * BUDGETS[-1] / SEEDS[0]
    ticks = (0.1, 0.3, 1, *CROSSING, 100)
    return figure(
        [trace for trace in traces if trace["x"]],
        xaxis=log_axis(left, right, words.ratio)
        | {"title": {"text": "Ratio: examples asked for per seed (log scale)"}, "tickvals": ticks}
        | {"ticktext": [words.ratio(tick) for tick in ticks]},
        yaxis=log_axis(18, 1700, words.short)
        | {"title": {"text": "Seeds: labelled examples (log scale)"}, "tickvals": list(SEEDS)}
        | {"ticktext": [f"{size:,}" for size in SEEDS]},
        shapes=[
            {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
            | {"line": {"color": GREY, "width": 1, "dash": "dot"}}
            for at in CROSSING
        ],
        height=400,
        hovermode="closest",
    )


def _marks(places: Sequence[tuple[int, int]], label: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [budget / seeds for seeds, budget in places],
        "y": [seeds for seeds, _ in places],
        "mode": "markers",
        "name": label,
        "marker": marker,
        "hoverinfo": "skip",
    }


def _places(found: Sequence[Winner], label: str, marker: dict[str, Any]) -> dict[str, Any]:
    """Places of the map with what a pointer reads there."""
    return _marks([(one.seeds, one.budget) for one in found], label, marker) | {
        "customdata": [[one.budget, _told(one)] for one in found],
        "hovertemplate": f"{HOVER}<br>%{{customdata[1]}}<extra></extra>",
    }


def _told(one: Winner) -> str:
    ahead = f"{name(one.lead.arm)} ahead by {_points(one.lead)}, likely best with {words.chance(one.lead.p_best)}"
    return ahead if one.real is None else f"{ahead}<br>{_real(one.real)}"


def winners_takeaway(found: Sequence[Winner]) -> str:
    """How many places have a clear winner, whose they are, at which ratios and budgets; the title of the map."""
    sure = [one for one in found if clear(one.lead)]
    if not found:
        return "No place is measured for every strategy yet"
    each = []
    for arm in dict.fromkeys(one.lead.arm for one in sure):
        mine = [one for one in sure if one.lead.arm == arm]
        ratios, budgets = sorted(one.ratio for one in mine), sorted(one.budget for one in mine)
        per_seed = words.span(words.ratio(ratios[0]), words.ratio(ratios[-1]))
        asked_for = words.span(f"{budgets[0]:,}", f"{budgets[-1]:,}")
        each.append(f"{name(arm).lower()} at {len(mine)} ({per_seed} examples per seed, {asked_for} in all)")
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


def winners_table(found: Sequence[Winner], missing: Sequence[Missing]) -> pd.DataFrame:
    """Every place of the map, also those where nobody wins because somebody was not measured."""
    rows: list[dict[str, Any]] = [
        _where(one.seeds, one.budget)
        | {
            "Winner": name(one.lead.arm) if clear(one.lead) else "too close to call",
            "Ahead": name(one.lead.arm),
            "Likely best, %": round(100 * one.lead.p_best),
            "Lead, points": round(100 * one.lead.mean, 1),
            "80 % from": round(100 * one.lead.low80, 1),
            "to": round(100 * one.lead.high80, 1),
            "Compared": ", ".join(name(arm) for arm in one.compared),
            "Real questions over that, points": None if one.real is None else round(100 * one.real.mean, 1),
        }
        for one in found
    ]
    rows += [
        _where(one.seeds, one.budget)
        | {"Winner": "not measured", "Not measured": ", ".join(name(arm) for arm in one.arms)}
        for one in missing
    ]
    return pd.DataFrame(rows)


def _where(seeds: int, budget: int) -> dict[str, Any]:
    ratio = float(f"{budget / seeds:.3g}")
    return {"Labelled examples": seeds, "Examples asked for": budget, "Examples per seed": ratio}
