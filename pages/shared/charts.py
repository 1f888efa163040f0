"""Domain values turned into Plotly figures. No widgets, no queries.

How they look is in `chart_style`, what stands in them in `chart_parts`, the axis of what is spent in `chart_axes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine import offers
from engine.case import REFUSE_STRETCH
from engine.domain import Interval, Measurement, Recommendation, Strategy
from engine.evidence import ACCURACY, Point
from pages.shared import chart_parts, words
from pages.shared.chart_axes import Spent
from pages.shared.chart_parts import Reference
from pages.shared.chart_style import CONFIG, STYLES, Figure, config, figure, look

__all__ = ["CONFIG", "STYLES", "Reference", "config", "curves", "published", "series"]


def curves(
    advice: Recommendation,
    measured: Sequence[tuple[Measurement, Interval]] = (),
    *,
    before: Recommendation | None = None,
    what: str = "your data",
    references: Sequence[Reference] = (),
    span: tuple[float, float] | None = None,
    low: float = 0.0,
    budget: bool | None = None,
) -> Figure:
    """The fitted curves with their 80 % bands, the user's budget, the crossovers and what was measured.

    In dollars where the situation has a price of one query, else in queries; queries per seed stand above.
    `before`, what was expected before `what`, is drawn faint. `low` is where the accuracy axis begins, in
    percent; `span` is the range of queries that is shown, where not the whole curves are. `budget` marks the
    user's; None marks it where nothing was measured.
    """
    situation = advice.situation
    marked = not measured if budget is None else budget
    queries = [q for band in advice.curves for q in (band.queries[0], band.queries[-1])]
    if marked and queries:
        queries.append(situation.queries)  # curves end where nothing is told any more
    left, right = span or (min(queries, default=1.0), max(queries, default=1.0))
    axis = Spent(left, right, situation.seeds, offers.query_price(situation))
    traces: list[dict[str, Any]] = []
    for band in advice.curves:
        traces += chart_parts.band(band, axis)
    if before is not None:
        traces += chart_parts.before(before.curves, axis, what)
    traces += [
        chart_parts.crossover(crossover, axis)
        for crossover in words.changes_of_winner(advice)
        if left <= crossover.budget_ratio.mean * situation.seeds <= right
    ]
    traces += [
        trace
        for at, reference in enumerate(sorted(references, key=lambda r: r.interval.mean))
        for trace in chart_parts.reference(reference, axis, 0.02 + 0.03 * at)
    ]
    traces += chart_parts.measured(measured, axis)
    if marked:
        traces.append(chart_parts.budget(situation.queries, axis))
    if queries:
        traces.append(axis.ratio_trace())
    return figure(
        traces,
        **(axis.layout() if queries else {}),
        yaxis={"title": {"text": "Accuracy on your test items, %"}, "range": [low, 100], "fixedrange": True},
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        height=600 if references else 500,  # more names in the legend
        margin={"l": 8, "r": 28, "t": 56, "b": 8},
        hovermode="closest" if measured else "x unified",
    )


def ends_early(advice: Recommendation) -> str:
    """Why the curves do not reach the budget; empty where they do."""
    if not advice.curves or advice.curves[0].queries[-1] >= advice.situation.queries:
        return ""
    return (
        f"The curves end before the budget of {advice.situation.queries:,} queries: more than {REFUSE_STRETCH:.0f} "
        "times beyond the largest measured cell no accuracy is told."
    )


def series(points: Iterable[Point]) -> dict[tuple[str, str, str, str], list[Point]]:
    """What `published` draws: points by strategy, source, student and benchmark, the fewest examples first.

    Rows without synthetic examples have no place on the log axis and are left to the table.
    """
    found: dict[tuple[str, str, str, str], list[Point]] = {}
    for point in points:
        if point.synthetic_n and point.metric == ACCURACY:
            found.setdefault((point.strategy, point.source, point.student, point.task), []).append(point)
    order = [*(strategy.value for strategy in Strategy), *words.OTHER_ROWS]
    return {
        key: sorted(rows, key=lambda point: point.synthetic_n or 0)
        for key, rows in sorted(found.items(), key=lambda kv: order.index(kv[0][0]))
    }


def published(points: Iterable[Point]) -> Figure:
    """Published accuracies against synthetic examples: one line for each study, student and strategy."""
    traces: list[dict[str, Any]] = []
    named: set[str] = set()
    for (strategy, source, student, task), rows in series(points).items():
        style, name = look(strategy)
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
    return figure(
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
