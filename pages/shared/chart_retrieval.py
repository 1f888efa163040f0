"""A retrieval pilot as a figure: quality against what a search costs, in money or in time. No widgets, no queries."""

from __future__ import annotations

from typing import Any

import pandas as pd

from engine.retrieval.advice import SIDES, RetrievalAdvice, Way
from pages.shared.chart_axes import log_axis
from pages.shared.chart_style import GREY, Figure, figure

LOOKS = {
    "untuned": (GREY, "x"),
    "plain": ("#2f80c8", "circle"),
    "softqe": ("#d9602b", "diamond"),
    "query_rephrase": ("#159a76", "square"),
    "new_query": ("#7b5fc4", "triangle-up"),
    "expansion_at_search": ("#b0418f", "star"),
    "expansion_at_search_tuned": ("#8a6d00", "hexagram"),
}
"""Colour and marker of a way to serve a search."""
PRICE, TIME = "Price", "Time"


def spent(way: Way, by: str) -> float | None:
    """Dollars a thousand searches, or milliseconds a search with the teacher's."""
    return way.usd_per_thousand if by == PRICE else way.total_ms


def quality(advice: RetrievalAdvice, side: str, by: str) -> Figure:
    """nDCG@10 of each way on one side, with 80 % intervals; ways whose price or time is unknown have no place."""
    traces: list[dict[str, Any]] = []
    for way in advice.ways:
        at, found = spent(way, by), way.quality.get(side)
        if at is None or found is None:
            continue
        colour, marker = LOOKS[way.arm]
        mean = 100 * found["mean"]
        traces.append(
            {
                "type": "scatter",
                "x": [at],
                "y": [mean],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [100 * found["high80"] - mean],
                    "arrayminus": [mean - 100 * found["low80"]],
                    "thickness": 1.5,
                },
                "mode": "markers",
                "cliponaxis": False,  # who asks nobody stands at nought, on the axis itself
                "name": way.name,
                "marker": {"color": colour, "symbol": marker, "size": 11},
                "hovertemplate": f"{way.name}: %{{y:.1f}}<br>%{{x:.4g}}<extra></extra>",
            }
        )
    title = (
        "Teacher queries, $ per 1,000 searches"
        if by == PRICE
        else "Milliseconds a search, the teacher's included (log)"
    )
    return figure(
        traces,
        xaxis={"title": {"text": title}} | _axis([trace["x"][0] for trace in traces], by),
        yaxis={"title": {"text": f"nDCG@10 {SIDES[side]}, points"}, "range": [0, 100], "fixedrange": True},
        hovermode="closest",
    )


def _axis(values: list[float], by: str) -> dict[str, Any]:
    """Dollars from nought; milliseconds on a log scale with room on both sides."""
    if by == PRICE or not values:
        return {"rangemode": "tozero", "fixedrange": True}
    return log_axis(min(values) / 2, max(values) * 2, "{:,g}".format)


def table(advice: RetrievalAdvice) -> pd.DataFrame:
    """A row a way; what is unknown is empty."""
    rows = []
    for way in advice.ways:
        row: dict[str, Any] = {"Way": way.name}
        for side, found in way.quality.items():
            row[f"nDCG@10, {SIDES[side]}"] = 100 * found["mean"]
            row[f"80 % interval, {SIDES[side]}"] = f"{100 * found['low80']:.1f} to {100 * found['high80']:.1f}"
        row["$ per 1,000 searches"] = way.usd_per_thousand
        row["$ once, for training"] = way.usd_once
        row["Search, ms"] = way.search_ms
        row["Teacher, ms"] = way.teacher_ms
        rows.append(row)
    return pd.DataFrame(rows)
