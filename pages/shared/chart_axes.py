"""The axis of what is spent: queries or dollars below, the budget ratio above, both on a log scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pages.shared import words


@dataclass(frozen=True, slots=True)
class Spent:
    """From `left` to `right` queries; drawn in dollars where the price of one query is known and not 0."""

    left: float
    right: float
    seeds: int
    usd_per_query: float | None = None

    def at(self, queries: float) -> float:
        """Where so many queries lie."""
        return queries * self.usd_per_query if self.usd_per_query else queries

    def said(self, queries: int) -> str:
        """So many queries in words: `3,000 queries`, or `$4.50`."""
        return words.dollars(self.at(queries)) if self.usd_per_query else f"{queries:,} queries"

    @property
    def hover(self) -> str:
        """Plotly's format of a value of this axis."""
        return (
            "$,.4~g" if self.usd_per_query and self.at(self.right) < 10 else "$,.2f" if self.usd_per_query else ",.0f"
        )

    def layout(self) -> dict[str, Any]:
        """`xaxis` and, for the ratio, `xaxis2`."""
        money = bool(self.usd_per_query)
        below = log_axis(self.at(self.left), self.at(self.right), words.dollars if money else words.short)
        title = "Spent on queries, US dollars (log scale)" if money else "Teacher queries (log scale)"
        above = log_axis(self.left / self.seeds, self.right / self.seeds, words.ratio)
        return {
            "xaxis": below | {"title": {"text": title}, "hoverformat": self.hover},
            "xaxis2": above
            | {
                "title": {"text": "Queries per seed (budget ratio)", "standoff": 6},
                "overlaying": "x",
                "side": "top",
                "showgrid": False,
            },
        }

    def ratio_trace(self) -> dict[str, Any]:
        """Nothing to see: Plotly draws an axis only where something stands on it."""
        return {
            "type": "scatter",
            "x": [self.left / self.seeds],
            "y": [None],
            "xaxis": "x2",
            "hoverinfo": "skip",
            "showlegend": False,
        }


def log_axis(low: float, high: float, text: Any) -> dict[str, Any]:
    """A log axis from `low` to `high`; `text` turns a tick's value into what stands beside it."""
    ticks = _ticks(low, high)
    return {
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [text(tick) for tick in ticks],
        "fixedrange": True,
    }


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with their threefold where there are fewer than four."""
    ticks = [10.0**k for k in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]
    if len(ticks) < 4:
        ticks = sorted({factor * tick for tick in (10.0 ** math.floor(math.log10(low)), *ticks) for factor in (1, 3)})
        ticks = [tick for tick in ticks if low <= tick <= high]
    return ticks
