"""The ladder of a run: untuned, few-shot, seeds alone, each strategy, teacher, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import pandas as pd

from engine.comparison import wilson
from engine.domain import Arm, Baseline, Interval, Strategy
from engine.plan import PLAIN
from engine.records import CellRow
from pages.shared import run_parts, words
from pages.shared.chart_style import GREY, STYLES, Figure, figure

ROW_PX = 30
ORDER: tuple[Arm, ...] = (
    Baseline.UNTUNED,
    Baseline.UNTUNED_FEW_SHOT,
    Baseline.SEEDS_ONLY,
    *Strategy,
    Baseline.ELSEWHERE,
    Baseline.TEACHER,
)


@dataclass(frozen=True, slots=True)
class Rung:
    """Cells that differ in their replicate alone."""

    name: str
    arm: Arm
    seeds: int
    budget: int
    adapters: int
    level: Interval
    """Mean of the replicates, with the width of one of them: they share their test items."""
    items: int


def rungs(cells: Sequence[CellRow]) -> list[Rung]:
    """From the untuned student up to the teacher; strategies at each seed count and budget, variants beside them."""
    groups: dict[tuple[str, Arm, int, int, bool], list[CellRow]] = {}
    done = [row for row in cells if row.measurement is not None and not row.cell.pool]
    for row in sorted(done, key=_place):
        key = (run_parts.what(row), row.cell.arm, row.cell.seeds, row.cell.budget, row.cell.variant == PLAIN)
        groups.setdefault(key, []).append(row)
    found = []
    for (name, arm, seeds, budget, _), rows in groups.items():
        scores = [row.measurement for row in rows if row.measurement is not None]
        level = wilson(round(mean(m.correct for m in scores)), round(mean(m.scored for m in scores)))
        if level is not None:
            found.append(Rung(name, arm, seeds, budget, len(rows), level, scores[0].scored))
    return found


def _place(row: CellRow) -> tuple[int, int, int, bool, int]:
    cell = row.cell
    return ORDER.index(cell.arm) if cell.arm in ORDER else 99, cell.seeds, cell.budget, cell.variant != PLAIN, 0


def takeaway(found: Sequence[Rung]) -> str:
    """`From 38 % untuned to 71 % with new questions; the teacher gets 94 %`."""
    strategies = [rung for rung in found if isinstance(rung.arm, Strategy)]
    bases = {rung.arm: rung for rung in found if rung.arm in (Baseline.UNTUNED, Baseline.SEEDS_ONLY, Baseline.TEACHER)}
    low = bases.get(Baseline.UNTUNED) or bases.get(Baseline.SEEDS_ONLY)
    said = (
        f"From {_percent(low)} {'untuned' if low.arm is Baseline.UNTUNED else 'with your seeds alone'} " if low else ""
    )
    if strategies:
        best = max(strategies, key=lambda rung: rung.level.mean)
        said = f"{said or 'Up '}to {_percent(best)} with {best.name.lower()} at {best.budget:,} queries"
    elif low:
        said = said.strip() + "; no strategy is measured yet"
    teacher = bases.get(Baseline.TEACHER)
    return said + (f"; the teacher gets {_percent(teacher)}" if teacher else "")


def chart(found: Sequence[Rung]) -> Figure:
    """One row a rung, the untuned student below and the teacher on top."""
    several = len({rung.seeds for rung in found}) > 1
    rows = [_label(rung, with_seeds=several) for rung in found]
    colours = [STYLES[rung.arm].colour if isinstance(rung.arm, Strategy) else GREY for rung in found]
    marks: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * rung.level.mean for rung in found],
        "y": rows,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (rung.level.high80 - rung.level.mean) for rung in found],
            "arrayminus": [100 * (rung.level.mean - rung.level.low80) for rung in found],
            "color": GREY,
            "thickness": 1.8,
            "width": 4,
        },
        "marker": {
            "size": 11,
            "color": colours,
            "symbol": [STYLES[rung.arm].marker if isinstance(rung.arm, Strategy) else "line-ns" for rung in found],
            "line": {"width": 2, "color": colours},
        },
        "customdata": [[100 * r.level.low80, 100 * r.level.high80, r.adapters, r.items] for r in found],
        "hovertemplate": "%{y}<br>%{x:.1f} % right (80 %: %{customdata[0]:.1f} to %{customdata[1]:.1f})<br>"
        "%{customdata[2]} adapters or replies, %{customdata[3]} items<extra></extra>",
        "showlegend": False,
    }
    return figure(
        [marks],
        xaxis={"title": {"text": "Right, % (80 % interval)"}, "fixedrange": True},
        yaxis={"categoryorder": "array", "categoryarray": rows, "automargin": True, "fixedrange": True},
        height=110 + ROW_PX * len(rows),
        hovermode="closest",
    )


def table(found: Sequence[Rung]) -> pd.DataFrame:
    """One row a rung; percent."""
    return pd.DataFrame(
        [
            {
                "What": rung.name,
                "Seeds": rung.seeds,
                "Queries": rung.budget,
                "Right, %": round(100 * rung.level.mean, 1),
                "80 % from": round(100 * rung.level.low80, 1),
                "to": round(100 * rung.level.high80, 1),
                "Replicates": rung.adapters,
                "Scored items": rung.items,
            }
            for rung in reversed(found)
        ]
    )


def _label(rung: Rung, *, with_seeds: bool) -> str:
    short = rung.name.replace("Student, untuned, shown", "Untuned, shown").replace("Student, untuned", "Untuned")
    parts = [f"{words.short(rung.budget)} queries"] if rung.budget else []
    parts += [f"{rung.seeds:,} seeds"] if with_seeds and isinstance(rung.arm, Strategy) else []
    return ", ".join([short, *parts])


def _percent(rung: Rung) -> str:
    return f"{100 * rung.level.mean:.0f} %"
