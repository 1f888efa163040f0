"""The map of what is spent against seeds: coloured by the strategy that is likely best, fainter where that is unsure.

A strategy's marker stands on its colour where the advice would name it, a white cross where it would be too close to
call, so that the map reads without colours.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from engine.advice_map import AdviceMap
from engine.domain import Strategy
from pages.shared import words
from pages.shared.chart_axes import log_axis
from pages.shared.chart_style import STYLES, Figure, figure, packed

EVERY_ROW, EVERY_COLUMN = 3, 3
"""Cells from one marker to the next."""
LARGE = 0.12
"""Share of the cells from which a strategy's name is written on the map."""
PILL = {"bgcolor": "rgba(17,22,32,0.85)", "font": {"color": "#ffffff", "size": 13}, "borderpad": 4, "borderwidth": 1.5}
"""Words on colours: they read on every one of them, in light and in dark."""


def advice_map(over: AdviceMap, here: AdviceMap) -> Figure:
    """The map, and on it the user's own situation: the only cell of `here`."""
    traces = _fields(over) + _markers(over)
    traces += [_scale(over), _mine(here)]
    unit = words.dollars if over.usd else words.ratio
    title = "Spent on queries, US dollars" if over.usd else "Teacher queries per seed: budget ratio"
    x, y = _edges(over.spent), _edges(over.seeds.astype(np.float64))
    return figure(
        traces,
        xaxis=log_axis(x[0], x[-1], unit) | {"title": {"text": f"{title} (log scale)"}},
        yaxis=log_axis(y[0], y[-1], words.short) | {"title": {"text": "Labelled examples (log scale)"}},
        annotations=[*_names(over, here), _you(over, here)],
        height=560,
        margin={"l": 8, "r": 12, "t": 64, "b": 8},
        hovermode="closest",
    )


def turns(row: AdviceMap) -> list[tuple[Strategy, float]]:
    """Who is likely best along the only row of a map, each with the sum spent from which it is."""
    known = [(int(m), float(at)) for m, at in zip(row.likeliest[0], row.spent, strict=True) if m >= 0]
    found = [next(group) for _, group in itertools.groupby(known, key=lambda cell: cell[0])]
    return [(row.strategies[m], at) for m, at in found]


def takeaway(row: AdviceMap) -> str:
    """What the map says of the user's number of seeds."""
    seeds = f"With {int(row.seeds[0]):,} labelled examples"
    found = turns(row)
    if not found:
        return f"{seeds}, no budget shown buys an example of every strategy"
    return f"{seeds}, {words.leading([(m, _place(row, at)) for m, at in found], 'are likely best')}"


def said(here: AdviceMap) -> str:
    """What the map says of the only cell of `here`."""
    if here.likeliest[0, 0] < 0:
        return "Your budget buys no example of some strategy."
    chances = sorted(zip(here.p_best[0, 0], here.strategies, strict=True), key=lambda pair: -pair[0])
    each = ", ".join(f"{words.STRATEGIES[m].lower()} {words.chance(p)}" for p, m in chances)
    advised = int(here.advised[0, 0])
    verdict = (
        f"Too close to call: the best two are expected within {here.threshold_points:.2g} points"
        if advised < 0
        else f"The advice names {words.STRATEGIES[here.strategies[advised]].lower()}"
    )
    return f"Likely best: {each}. {verdict}; between best and worst lie {here.at_stake[0, 0]:.1f} points."


def table(over: AdviceMap) -> pd.DataFrame:
    """Every cell that is drawn; chances in percent, accuracies in percentage points."""
    rows: list[dict[str, Any]] = []
    for y, seeds in enumerate(over.seeds):
        for x, spent in enumerate(over.spent):
            m = int(over.likeliest[y, x])
            if m < 0:
                continue
            advised = int(over.advised[y, x])
            queries = int(over.queries[y, x])
            rows.append(
                {"Labelled examples": int(seeds)}
                | ({"Spent, $": round(float(spent), 2)} if over.usd else {})
                | {
                    "Queries": queries,
                    "Queries per seed": float(f"{queries / seeds:.3g}"),
                    "Likeliest best": words.STRATEGIES[over.strategies[m]],
                    "Advice": "too close to call" if advised < 0 else words.STRATEGIES[over.strategies[advised]],
                }
                | {
                    f"{words.STRATEGIES[name]} best, %": round(100 * float(over.p_best[y, x, k]))
                    for k, name in enumerate(over.strategies)
                }
                | {"Best over worst, points": round(float(over.at_stake[y, x]), 1)}
            )
    return pd.DataFrame(rows)


def _place(over: AdviceMap, spent: float) -> str:
    return (
        words.dollars(float(f"{spent:.2g}")) if over.usd else f"{words.ratio(float(f'{spent:.2g}'))} queries per seed"
    )


def _edges(centres: np.ndarray) -> list[float]:
    """Borders of cells with these centres on a log axis: Plotly would put them half-way on a linear one."""
    log = np.log(centres)
    if len(log) < 2:
        return [float(centres[0]) / 1.1, float(centres[0]) * 1.1]
    middle = (log[1:] + log[:-1]) / 2
    ends = [2 * log[0] - middle[0]], [2 * log[-1] - middle[-1]]
    return [float(x) for x in np.exp(np.concatenate([ends[0], middle, ends[1]]))]


def _fields(over: AdviceMap) -> list[dict[str, Any]]:
    """For each strategy the cells in which it is likely best, and over them, without a colour, what a pointer reads."""
    percent = (100 * over.p_best).round()
    cells = {
        "type": "heatmap",
        "x": _edges(over.spent),
        "y": _edges(over.seeds.astype(np.float64)),
        "zmin": 100 / len(over.strategies),
        "zmax": 100,
        "showscale": False,
        "hoverongaps": False,
    }
    found = []
    for m, strategy in enumerate(over.strategies):
        mine = over.likeliest == m
        if not mine.any():
            continue
        colour = STYLES[strategy].colour
        rgb = ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
        found.append(
            cells
            | {
                "z": packed(np.where(mine, percent[..., m], np.nan)),
                "colorscale": [[0, f"rgba({rgb},0.12)"], [1, f"rgba({rgb},0.95)"]],
                "hoverinfo": "skip",
                "name": words.STRATEGIES[strategy],
            }
        )
    clear = [[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]]
    top = {"z": packed(percent.max(axis=2)), "colorscale": clear, "customdata": packed(_told(over))}
    return [*found, cells | top | {"hovertemplate": _hover(over)}]


def _told(over: AdviceMap) -> np.ndarray:
    """What `_hover` puts into its places. (Y, X, 5 + M)."""
    seeds, spent = np.broadcast_arrays(over.seeds[:, None].astype(np.float64), over.spent[None])
    ratio = over.queries / seeds
    return np.dstack([seeds, over.queries, ratio, spent, over.at_stake, (100 * over.p_best).round()])


def _hover(over: AdviceMap) -> str:
    money = "$%{customdata[3]:,.3~g}, " if over.usd else ""
    chances = [f"{words.STRATEGIES[name]}: %{{customdata[{5 + k}]}} %" for k, name in enumerate(over.strategies)]
    lines = [
        "%{customdata[0]:,} labelled examples",
        money + "%{customdata[1]:,} queries, %{customdata[2]:,.2~g} per seed",
        *chances,
        "Best over worst: %{customdata[4]:.1f} points",
    ]
    return "<br>".join(lines) + "<extra></extra>"


def _markers(over: AdviceMap) -> list[dict[str, Any]]:
    """One trace for each strategy that is named somewhere, and one for what is too close to call."""
    rows = range(EVERY_ROW // 2, len(over.seeds), EVERY_ROW)
    places = [(y, x) for y in rows for x in range(EVERY_COLUMN // 2, len(over.spent), EVERY_COLUMN)]
    places = [(y, x) for y, x in places if over.likeliest[y, x] >= 0]
    found = []
    for m in (*range(len(over.strategies)), -1):
        at = [(y, x) for y, x in places if over.advised[y, x] == m]
        if not at and m < 0:
            continue
        if not at and not (over.likeliest == m).any():
            continue
        style = STYLES[over.strategies[m]] if m >= 0 else None
        found.append(
            {
                "type": "scatter",
                "x": [float(over.spent[x]) for _, x in at] or [None],
                "y": [int(over.seeds[y]) for y, _ in at] or [None],
                "mode": "markers",
                "cliponaxis": False,  # whole at the edge of the map
                "marker": {
                    "symbol": style.marker,
                    "size": 8,
                    "color": style.colour,
                    "line": {"color": "#fff", "width": 1},
                }
                if style
                else {"symbol": "x", "size": 6, "color": "#ffffff", "line": {"color": "#111620", "width": 1}},
                "name": words.STRATEGIES[over.strategies[m]] if m >= 0 else "Too close to call",
                "hoverinfo": "skip",
            }
        )
    return found


def _scale(over: AdviceMap) -> dict[str, Any]:
    """Nothing to see but the bar that says what the fading means."""
    least = 100 / len(over.strategies)
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "showlegend": False,
        "marker": {
            "color": [least],
            "cmin": least,
            "cmax": 100,
            "colorscale": [[0, "rgba(122,135,151,0.12)"], [1, "rgba(122,135,151,0.95)"]],
            "showscale": True,
            "colorbar": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "len": 0.62,
                "thickness": 10,
                "title": {"text": "How likely it is best, %", "side": "top"},
                "tickvals": [round(least), 50, 75, 100],
                "outlinewidth": 0,
            },
        },
    }


def _mine(here: AdviceMap) -> dict[str, Any]:
    known = here.likeliest[0, 0] >= 0
    return {
        "type": "scatter",
        "x": [float(here.spent[0])],
        "y": [int(here.seeds[0])],
        "mode": "markers",
        "marker": {"symbol": "star", "size": 18, "color": "#ffffff", "line": {"color": "#111620", "width": 2}},
        "name": "Your situation",
        "customdata": _told(here)[0].tolist(),
        "hovertemplate": "Your situation<br>" + (_hover(here) if known else f"{said(here)}<extra></extra>"),
    }


def _you(over: AdviceMap, here: AdviceMap) -> dict[str, Any]:
    right = here.spent[0] > np.sqrt(over.spent[0] * over.spent[-1])
    up = here.seeds[0] < np.sqrt(float(over.seeds[0]) * float(over.seeds[-1]))
    return PILL | {
        "x": float(np.log10(here.spent[0])),
        "y": float(np.log10(here.seeds[0])),
        "text": "You",
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 2,
        "arrowcolor": "#111620",
        "ax": -26 if right else 26,
        "ay": -26 if up else 26,
        "standoff": 8,
        "bordercolor": "#ffffff",
    }


def _names(over: AdviceMap, here: AdviceMap) -> list[dict[str, Any]]:
    """The name of each strategy with a large field, in the half of the map that the user's situation is not in."""
    found = []
    low = here.seeds[0] < over.seeds[len(over.seeds) // 2]
    for m, strategy in enumerate(over.strategies):
        cells = np.argwhere(over.likeliest == m)
        if len(cells) < LARGE * over.likeliest.size:
            continue
        half = cells[(cells[:, 0] > 0.6 * len(over.seeds)) if low else (cells[:, 0] < 0.4 * len(over.seeds))]
        cells = half if len(half) > len(cells) / 8 else cells
        y, x = cells[((cells - cells.mean(axis=0)) ** 2).sum(axis=1).argmin()]
        found.append(
            PILL
            | {
                "x": float(np.log10(over.spent[x])),
                "y": float(np.log10(over.seeds[y])),
                "text": words.STRATEGIES[strategy],
                "showarrow": False,
                "bordercolor": STYLES[strategy].colour,
            }
        )
    return found
