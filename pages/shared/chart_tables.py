"""The values of each figure as a table: what is drawn, and nothing else, one value a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from engine import offers
from engine.domain import CurveBand, Interval, Measurement, Recommendation, Strategy
from engine.evidence import Point
from pages.shared import charts, words


def curves(
    advice: Recommendation,
    measured: Sequence[tuple[Measurement, Interval]] = (),
    before: Recommendation | None = None,
    what: str = "your data",
) -> pd.DataFrame:
    """Every point of the curves, of the fainter ones before them, and of what was measured; accuracies in percent.

    The range is the 80 % interval. Money only where the price of a query is known.
    """
    seeds, each = advice.situation.seeds, offers.query_price(advice.situation)

    def row(strategy: Strategy, what: str, queries: float, at: Interval) -> dict[str, Any]:
        money = {} if not each else {"Spent, $": round(queries * each, 4)}
        return {
            "Strategy": words.STRATEGIES[strategy],
            "What": what,
            **money,
            "Queries": round(queries),
            "Queries per seed": round(queries / seeds, 2),
            "Accuracy, %": round(100 * at.mean, 1),
            "80 % from": round(100 * at.low80, 1),
            "to": round(100 * at.high80, 1),
        }

    def along(bands: Iterable[CurveBand], what: str) -> list[dict[str, Any]]:
        return [
            row(band.strategy, f"{what}, assumed" if band.assumed else what, queries, Interval(mean, low, high))
            for band in bands
            for queries, mean, low, high in zip(band.queries, band.mean, band.low80, band.high80, strict=True)
        ]

    points = [
        row(m.cell.arm, "measured", m.cell.budget, interval)
        for m, interval in measured
        if isinstance(m.cell.arm, Strategy)
    ]
    return pd.DataFrame(
        points
        + along(advice.curves, "expected" if before is None else f"expected with {what}")
        + ([] if before is None else along(before.curves, "expected before"))
    )


def published(points: Iterable[Point]) -> pd.DataFrame:
    """Every published point that is drawn; papers give no intervals for them."""
    return pd.DataFrame(
        [
            {
                "Strategy": words.row(p.strategy),
                "Synthetic examples": p.synthetic_n,
                "Published accuracy, %": p.value,
                "Benchmark": p.task,
                "Student": p.student,
                "Source": p.reference,
            }
            for rows in charts.series(points).values()
            for p in rows
        ]
    )
