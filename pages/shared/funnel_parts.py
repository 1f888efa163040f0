"""From paid queries to examples that could be read and examples that were kept, strategy by strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from engine.pool_report import read_report
from engine.records import PoolRow
from pages.shared import run_parts
from pages.shared.chart_style import DEEP_OCHRE, GREY, OCHRE, Figure, figure

UNREADABLE = frozenset({"no_reply", "cut_off", "refused", "unparsable", "not_the_form"})
"""Reasons for which nothing could be read out of what was paid."""
STAGES = (("Paid queries", GREY), ("Examples read", OCHRE), ("Examples kept", DEEP_OCHRE))
ROW_PX = 74


@dataclass(frozen=True, slots=True)
class Flow:
    """One pool."""

    name: str
    seeds: int
    queries: int | None
    """Replies behind its examples, whichever run paid for them; None where the pool has no report yet."""
    asked: int
    read: int
    kept: int


def flows(pools: Sequence[PoolRow]) -> list[Flow]:
    """Every pool at its largest budget."""
    found = []
    for pool in pools:
        strategy, variant, seeds = run_parts.pool_name(pool)
        rows = read_report(Path(pool.folder))
        queries = max((row["queries"] for row in rows), default=None)
        asked = sum(pool.counts.values())
        lost = sum(count for reason, count in pool.counts.items() if reason in UNREADABLE)
        name = strategy + run_parts.in_variant(variant)
        found.append(Flow(name, seeds, queries, asked, asked - lost, pool.counts.get("kept", 0)))
    return found


def takeaway(found: Sequence[Flow]) -> str:
    """`A kept example took 1.1 queries with answers and 2.3 with new questions`."""
    each = {flow.name: flow.queries / flow.kept for flow in found if flow.queries and flow.kept}
    if not each:
        return "Nothing was kept of what was paid for" if found else "Nothing was paid for yet"
    least, most = min(each, key=lambda name: each[name]), max(each, key=lambda name: each[name])
    if least == most:
        return f"A kept example took {each[least]:.1f} queries"
    return (
        f"A kept example took {each[least]:.1f} queries with {least.lower()} and {each[most]:.1f} with {most.lower()}"
    )


def chart(found: Sequence[Flow]) -> Figure:
    """Three bars a pool."""
    several = len({flow.seeds for flow in found}) > 1
    rows = [flow.name + (f", {flow.seeds:,} seeds" if several else "") for flow in found]
    values = ([flow.queries for flow in found], [flow.read for flow in found], [flow.kept for flow in found])
    return figure(
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": rows,
                "x": counts,
                "text": ["" if count is None else f"{count:,}" for count in counts],
                "textposition": "outside",
                "cliponaxis": False,
                "marker": {"color": colour, "pattern": {"shape": hatch}},
                "hovertemplate": f"%{{y}}: %{{x:,}} {name.lower()}<extra></extra>",
            }
            for (name, colour), counts, hatch in zip(STAGES, values, ("", "/", ""), strict=True)
        ],
        barmode="group",
        xaxis={
            "title": {"text": "Queries or examples, count"},
            # Room for the numbers behind the bars.
            "range": [0, 1.2 * max([count or 0 for counts in values for count in counts], default=1)],
            "tickformat": ",",
            "fixedrange": True,
        },
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
        height=150 + ROW_PX * len(found),
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "xanchor": "left", "traceorder": "normal"},
        hovermode="closest",
    )


def table(found: Sequence[Flow]) -> pd.DataFrame:
    """One row a pool."""
    return pd.DataFrame(
        [
            {
                "What": flow.name,
                "Seeds": flow.seeds,
                "Paid queries": flow.queries,
                "Examples asked for": flow.asked,
                "Examples read": flow.read,
                "Examples kept": flow.kept,
                "Queries per kept example": None
                if flow.queries is None or not flow.kept
                else round(flow.queries / flow.kept, 2),
            }
            for flow in found
        ]
    )
