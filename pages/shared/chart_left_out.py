"""What the prior expected of papers that it had not seen, against what they published."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from engine.prior_record import LeftOut
from pages.shared import words
from pages.shared.chart_style import GREY, Figure, figure, look


def chart(found: Sequence[LeftOut]) -> Figure:
    """One mark a published accuracy, with the 80 % interval of what was expected; on the diagonal both agree."""
    traces = [
        {
            "type": "scatter",
            "x": [0, 100],
            "y": [0, 100],
            "mode": "lines",
            "line": {"color": GREY, "width": 1.5, "dash": "longdash"},
            "name": "Expected as published",
            "hoverinfo": "skip",
        }
    ]
    by_arm: dict[str, list[LeftOut]] = {}
    for one in found:
        by_arm.setdefault(one.point.strategy, []).append(one)
    order = [name.value for name in words.STRATEGIES]
    for arm, rows in sorted(by_arm.items(), key=lambda kv: (kv[0] not in order, kv[0])):
        style, name = look(arm)
        traces.append(
            {
                "type": "scatter",
                "x": [one.point.value for one in rows],
                "y": [one.expected for one in rows],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [one.high80 - one.expected for one in rows],
                    "arrayminus": [one.expected - one.low80 for one in rows],
                    "color": style.colour,
                    "thickness": 0.6,
                    "width": 0,
                },
                "customdata": [
                    [one.low80, one.high80, f"{one.point.task}, {one.point.student}, {one.point.source}"]
                    for one in rows
                ],
                "mode": "markers",
                "marker": {"symbol": style.marker, "size": 8, "color": style.colour},
                "name": name,
                "hovertemplate": f"{name}: %{{x:.1f}} % published, %{{y:.0f}} % expected (80 %: %{{customdata[0]:.0f}} "
                "to %{customdata[1]:.0f})<br>%{customdata[2]}<extra></extra>",
            }
        )
    return figure(
        traces,
        xaxis={"title": {"text": "Published accuracy, %"}, "range": [0, 100], "fixedrange": True},
        yaxis={"title": {"text": "Expected without that paper, %"}, "range": [0, 100], "fixedrange": True},
        hovermode="closest",
        height=520,
    )


def takeaway(found: Sequence[LeftOut]) -> str:
    """How many held, against how many should."""
    held = sum(one.held for one in found)
    return (
        f"{held} of {len(found)} published accuracies lie inside the 80 % interval given without their paper; "
        f"about {round(0.8 * len(found))} should"
    )


def by_paper(found: Sequence[LeftOut]) -> pd.DataFrame:
    """One row a paper."""
    papers = list(dict.fromkeys(one.point.source for one in found))
    rows = [[one for one in found if one.point.source == paper] for paper in papers]
    return pd.DataFrame(
        {
            "Paper": papers,
            "Source": [of[0].point.reference for of in rows],
            "Accuracies": [len(of) for of in rows],
            "Inside the 80 % interval": [sum(one.held for one in of) for of in rows],
            "Mean miss, points": [
                round(sum(abs(one.point.value - one.expected) for one in of) / len(of), 1) for of in rows
            ],
        }
    )


def table(found: Sequence[LeftOut]) -> pd.DataFrame:
    """Every mark of the chart."""
    return pd.DataFrame(
        [
            {
                "Row": one.point.id,
                "Strategy": words.row(one.point.strategy),
                "Benchmark": one.point.task,
                "Student": one.point.student,
                "Published, %": one.point.value,
                "Expected, %": round(one.expected, 1),
                "80 % from": round(one.low80, 1),
                "to": round(one.high80, 1),
                "Inside": "yes" if one.held else "no",
                "Source": one.point.reference,
            }
            for one in found
        ]
    )
