"""How likely each strategy was the best while a pilot went on, and why it took each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from engine.adaptive import Step
from engine.domain import Recommendation, Strategy
from pages.shared import words
from pages.shared.chart_style import STYLES, Figure, figure


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known after so many queries for examples."""

    spent: int
    p_best: dict[Strategy, float]
    cells: int | None
    """Cells of the step that was taken then; None where none was chosen one by one."""
    why: str


def moments(before: Recommendation, after: Recommendation | None, steps: Sequence[Step], spent: int) -> list[Moment]:
    """Before the first query, before each step of an adaptive pilot, and after `spent` queries, all of them."""
    found = [
        Moment(step.spent, {Strategy(name): share for name, share in step.p_best.items()}, len(step.cells), step.why)
        for step in steps
    ]
    if not found:
        found = [Moment(0, _shares(before), None, "By published studies alone.")]
    if after is not None:
        found.append(Moment(spent, _shares(after), None, "With everything that was measured."))
    return found


def _shares(advice: Recommendation) -> dict[Strategy, float]:
    return {outlook.strategy: outlook.p_best for outlook in advice.outlooks}


def takeaway(found: Sequence[Moment]) -> str:
    """`New questions went from 41 % to over 99 % likely best within 4,800 queries`."""
    first, last = found[0], found[-1]
    best = max(last.p_best, key=lambda strategy: last.p_best[strategy])
    now = words.chance(last.p_best[best])
    if last is first:
        return f"{words.STRATEGIES[best]} are {now} likely best before anything is measured"
    return (
        f"{words.STRATEGIES[best]} went from {words.chance(first.p_best.get(best, 0.0))} to {now} likely best "
        f"within {last.spent:,} queries"
    )


def chart(found: Sequence[Moment]) -> Figure:
    """One line a strategy."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": words.STRATEGIES[strategy],
            "x": [moment.spent for moment in found if strategy in moment.p_best],
            "y": [100 * moment.p_best[strategy] for moment in found if strategy in moment.p_best],
            "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
            "marker": {"symbol": style.marker, "size": 9},
            "cliponaxis": False,  # the first stands on the axis itself
            "hovertemplate": f"{words.STRATEGIES[strategy]}: %{{y:.0f}} % after %{{x:,}} queries<extra></extra>",
        }
        for strategy, style in STYLES.items()
        if any(strategy in moment.p_best for moment in found)
    ]
    return figure(
        traces,
        xaxis={
            "title": {"text": "Teacher queries for examples so far"},
            "rangemode": "tozero",
            "tickformat": ",",
            "fixedrange": True,
        },
        yaxis={"title": {"text": "Chance of being the best, %"}, "range": [-3, 103], "fixedrange": True},
        height=340,
        hovermode="closest",
    )


def table(found: Sequence[Moment]) -> pd.DataFrame:
    """One row a moment."""
    return pd.DataFrame(
        [
            {
                "Queries so far": moment.spent,
                **{
                    f"{words.STRATEGIES[strategy]}, %": round(100 * share, 1)
                    for strategy, share in moment.p_best.items()
                },
                "Cells measured next": moment.cells,
                "Why": moment.why,
            }
            for moment in found
        ]
    )
