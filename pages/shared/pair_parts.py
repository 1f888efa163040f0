"""The comparisons of a run as a figure with intervals and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from engine.domain import Strategy
from engine.run_pairs import Contrast
from pages.shared import words
from pages.shared.chart_style import GREY, STYLES, Figure, figure

BAND = "rgba(122,135,151,0.28)"
ROW_PX = 40
NO_WINNER = "none"


def label(pair: Contrast) -> str:
    """`New questions −`, `your seeds alone, 1,600`: two lines, since a phone is narrow."""
    return f"{words.arm(pair.one)} −<br>{words.arm(pair.other).lower()}, {pair.budget:,}"


def chart(pairs: Sequence[Contrast]) -> Figure:
    """One row a pair: the difference with its 95 % interval, on a grey band of what would drown in noise."""
    several = len({pair.seeds for pair in pairs}) > 1
    rows = [label(pair) + (f", {pair.seeds:,} seeds" if several else "") for pair in pairs]
    band_x: list[float | None] = []
    band_y: list[str | None] = []
    for row, pair in zip(rows, pairs, strict=True):
        band_x += [-100 * pair.detectable, 100 * pair.detectable, None]
        band_y += [row, row, None]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": band_x,
            "y": band_y,
            "mode": "lines",
            "line": {"color": BAND, "width": 18},
            "name": "Too small for this pilot to show",
            "hoverinfo": "skip",
        }
    ]
    for found, name in ((True, "Differs, over all pairs together"), (False, "Not told apart")):
        traces += _marks([(row, pair) for row, pair in zip(rows, pairs, strict=True) if _found(pair) is found], name)
    return figure(
        traces,
        xaxis={
            "title": {"text": "Difference, points (95 %)"},
            "zeroline": True,
            "zerolinewidth": 2,
            "fixedrange": True,
        },
        yaxis={
            "title": {"text": "Which, at how many queries"},
            "categoryorder": "array",
            "categoryarray": rows[::-1],
            "automargin": True,
            "fixedrange": True,
        },
        height=150 + ROW_PX * len(pairs),
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "xanchor": "left"},
        hovermode="closest",
    )


def _found(pair: Contrast) -> bool:
    return pair.winner is not None


def _marks(rows: Sequence[tuple[str, Contrast]], name: str) -> list[dict[str, Any]]:
    if not rows:
        return []
    # Filled or hollow, so that colour does not say it alone.
    found = _found(rows[0][1])
    colours = [_colour(pair) for _, pair in rows]
    error: dict[str, Any] = {"type": "data", "symmetric": False, "thickness": 1.8, "width": 5, "color": GREY}
    error["array"] = [100 * (pair.found.high - pair.found.difference) for _, pair in rows]
    error["arrayminus"] = [100 * (pair.found.difference - pair.found.low) for _, pair in rows]
    return [
        {
            "type": "scatter",
            "x": [100 * pair.found.difference for _, pair in rows],
            "y": [row for row, _ in rows],
            "error_x": error,
            "mode": "markers",
            "name": name,
            "marker": {
                "size": 11,
                "color": colours if found else "rgba(0,0,0,0)",
                "symbol": [STYLES[pair.one].marker if isinstance(pair.one, Strategy) else "circle" for _, pair in rows],
                "line": {"width": 2, "color": colours},
            },
            "customdata": [
                [100 * pair.found.low, 100 * pair.found.high, pair.adjusted_p, pair.found.items] for _, pair in rows
            ],
            "hovertemplate": "%{y}<br>%{x:+.1f} points (95 %: %{customdata[0]:+.1f} to %{customdata[1]:+.1f})<br>"
            "p over all pairs %{customdata[2]:.3f}, %{customdata[3]} items<extra></extra>",
        }
    ]


def _colour(pair: Contrast) -> str:
    winner = pair.winner
    return STYLES[winner].colour if isinstance(winner, Strategy) else GREY


def table(pairs: Sequence[Contrast], *, partial: bool = False) -> pd.DataFrame:
    """One row a pair; points of accuracy, or of the items' mean value where they count with `partial` credit."""
    one, other = ("one higher", "other higher") if partial else ("only one right", "only the other")
    test = "sign test" if partial else "McNemar"
    return pd.DataFrame(
        [
            {
                "What": words.arm(pair.one),
                "Against": words.arm(pair.other),
                "Queries": pair.budget,
                "Seeds": pair.seeds,
                "Points": 100 * pair.found.difference,
                "95 % from": 100 * pair.found.low,
                "95 % to": 100 * pair.found.high,
                "Better": NO_WINNER if pair.winner is None else words.arm(pair.winner),
                "p": pair.found.p,
                "p, all pairs (Holm)": pair.adjusted_p,
                "Smallest to be found": 100 * pair.detectable,
                "Noise: items": 100 * pair.found.item_error,
                "Noise: training seeds": _points(pair.found.seed_error),
                "Noise: data made again": _points(pair.found.pool_error),
                "Adapters": f"{pair.runs[0]} and {pair.runs[1]}",
                "Items": pair.found.items,
                "Families": pair.found.families,
                f"First adapters: {one}": pair.first.won,
                f"First adapters: {other}": pair.first.lost,
                f"First adapters: p ({test})": pair.first.p,
            }
            for pair in pairs
        ]
    )


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share
