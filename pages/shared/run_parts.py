"""What a run's page shows, from the rows of the store: tables, reference lines, the sentence above the chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pandas as pd

from engine.comparison import wilson
from engine.determined import not_applicable
from engine.domain import Baseline, Interval, Measurement, Strategy
from engine.errors import InputError
from engine.plan import PLAIN, PilotPlan
from engine.plan_task import task_of
from engine.pool_report import read_report
from engine.records import CellRow, PoolRow
from engine.store import Store
from engine.variant_effects import effects
from pages.shared import charts, run_words, words

DASHES = {
    Baseline.UNTUNED: "dot",
    Baseline.UNTUNED_FEW_SHOT: "dashdot",
    Baseline.SEEDS_ONLY: "dash",
    Baseline.TEACHER: "solid",
    Baseline.ELSEWHERE: "longdash",
}


@dataclass(frozen=True, slots=True)
class File:
    """Something to take away."""

    label: str
    path: Path
    name: str


def ruled_out(plan: PilotPlan) -> bool:
    """Whether the task's form rules out one of the plan's strategies."""
    try:
        return bool(not_applicable(task_of(plan), plan.grid.strategies))
    except InputError:  # the run has ended, and its task's files are gone
        return False


def measured(cells: Sequence[CellRow]) -> list[tuple[Measurement, Interval]]:
    """Measurements of plain cells with their 80 % intervals; a cell of which nothing could be scored has none.

    Variants stand in a table of their own: in the chart they would pass for the strategy.
    """
    found = [row.measurement for row in cells if row.measurement is not None and row.cell.variant == PLAIN]
    return [(m, interval) for m in found if (interval := wilson(m.correct, m.scored)) is not None]


def references(cells: Sequence[CellRow]) -> list[charts.Reference]:
    """The baselines as lines. Replicates share their test items, so their mean keeps one replicate's n.

    With several seed counts, the seeds-only line is that of the largest.
    """
    lines = []
    for baseline, dash in DASHES.items():
        own = [row for row in cells if row.cell.arm is baseline and row.measurement is not None]
        # A model from elsewhere is named by its variant; of all others the plain ones count.
        for name in dict.fromkeys(what(row) for row in own if baseline is Baseline.ELSEWHERE or _is_plain(row)):
            called = [row.measurement for row in own if what(row) == name and row.measurement is not None]
            last = max(m.cell.seeds for m in called)
            scored = [m for m in called if m.cell.seeds == last and m.scored]
            if not scored:
                continue
            interval = wilson(round(mean(m.correct for m in scored)), round(mean(m.scored for m in scored)))
            if interval is not None:
                lines.append(charts.Reference(name, interval, dash))
    return lines


def _is_plain(row: CellRow) -> bool:
    return row.cell.variant == PLAIN


def what(row: CellRow) -> str:
    """What a cell is called in tables: arm, variant, how many examples the untuned student is shown, which pool."""
    cell = row.cell
    if cell.arm is Baseline.ELSEWHERE:
        return f"{words.arm(cell.arm)}: {cell.variant}"
    said = words.arm(cell.arm)
    if "shown" in row.detail:
        said = said.replace("shown examples", f"shown {row.detail['shown']} examples")
    return said + in_variant(cell.variant) + (f", pool {cell.pool + 1}" if cell.pool else "")


def stopped(row: CellRow) -> str:
    """That a cell was asked only some of the items, and why; empty for all others."""
    if "stopped" not in row.detail:
        return ""
    asked, why = row.detail["asked"], str(row.detail["stopped"])
    if why.startswith("beaten by "):
        why = f"beaten by {words.row(why.removeprefix('beaten by ').partition('-')[0]).lower()}"
    return f"Stopped early after {asked} of {len(row.outcomes)} items: {why}. The share is of those."


def axis_begins(cells: Sequence[CellRow]) -> float:
    """Where the accuracy axis begins, in percent: a ten with room below everything measured."""
    lowest = min((100 * interval.low80 for _, interval in measured(cells)), default=0.0)
    return max(0.0, 10 * (lowest // 10) - 10)


def takeaway(cells: Sequence[CellRow]) -> str:
    """What the measurements say until now, in one sentence."""
    points = [pair for pair in measured(cells) if isinstance(pair[0].cell.arm, Strategy)]
    if not points:
        return "Nothing of a strategy is measured yet: the curves rest on published studies"
    largest = max(m.cell.budget for m, _ in points)
    shares: dict[Strategy, list[float]] = {}
    for m, interval in points:
        if m.cell.budget == largest:
            shares.setdefault(Strategy(m.cell.arm), []).append(interval.mean)
    best = max(shares, key=lambda strategy: mean(shares[strategy]))
    said = (
        f"{words.STRATEGIES[best]} measured best so far at {largest:,} queries: {100 * mean(shares[best]):.0f} % right"
    )
    own = next((line for line in references(cells) if line.name == words.BASELINES[Baseline.SEEDS_ONLY]), None)
    return said + (f", your seeds alone {100 * own.interval.mean:.0f} %" if own else "")


LOST = {"too_long": "Examples too long", "cut_prompts": "Questions cut", "unended": "Answers without an end"}
"""What did not fit into the student, by its name in a cell's details, as a column."""


def cell_table(cells: Sequence[CellRow]) -> pd.DataFrame:
    """One row a cell; accuracies in percent."""
    rows = []
    for row in cells:
        m = row.measurement
        interval = None if m is None else wilson(m.correct, m.scored)
        rows.append(
            {
                "What": what(row),
                "Queries": row.cell.budget,
                "Seeds": row.cell.seeds,
                "Replicate": row.cell.replicate + 1,
                "Right": None if interval is None else 100 * interval.mean,
                "80 % from": None if interval is None else 100 * interval.low80,
                "80 % to": None if interval is None else 100 * interval.high80,
                "Macro-F1 (%)": None if m is None or m.macro_f1 is None else round(100 * m.macro_f1, 1),
                "Correct": None if m is None else m.correct,
                "Scored": None if m is None else m.scored,
                "Not scored": None if m is None else m.not_scored,
                "Examples kept": None if m is None else m.examples,
                **{name: row.detail.get(counted) for counted, name in LOST.items()},
                "Loss on right answers": row.detail.get("gold_loss"),
                "State": run_words.CELL_STATES.get(row.state, row.state),
                "Message": row.message or stopped(row),
            }
        )
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    # Columns that only labels have, and those in which nothing was lost.
    empty = [name for name in LOST.values() if not table[name].fillna(0).any()]
    return table.drop(columns=empty if table["Macro-F1 (%)"].notna().any() else [*empty, "Macro-F1 (%)"])


def pool_table(pools: Sequence[PoolRow]) -> pd.DataFrame:
    """One row a pool; its reasons add up to the visits in the last column."""
    found = {reason for pool in pools for reason in pool.counts}
    reasons = [*run_words.REASONS, *sorted(found - set(run_words.REASONS))]
    rows = []
    for pool in pools:
        strategy, variant, seeds = pool_name(pool)
        counts = {run_words.REASONS.get(r, r): pool.counts.get(r, 0) for r in reasons if r in found or r == "kept"}
        rows.append(
            {"What": strategy + in_variant(variant), "Seeds": seeds, **counts, "Asked for": sum(pool.counts.values())}
        )
    return pd.DataFrame(rows)


def pool_name(pool: PoolRow) -> tuple[str, str, int]:
    """Strategy in words, variant and seed count, from a name like `new_question-s100` or `new_question-lists-s100`."""
    made, _, seeds = pool.name.rpartition("-s")
    strategy, _, variant = made.partition("-")
    return words.row(strategy), variant or PLAIN, int(seeds)


def in_variant(name: str) -> str:
    """What follows a strategy's name in a table; nothing for the plain form."""
    return "" if name == PLAIN else f" ({name.replace('_', ' ')})"


def budget_table(pools: Sequence[PoolRow]) -> pd.DataFrame:
    """One row a pool and budget: what was kept, how different it is, what a kept example cost."""
    rows = []
    for pool in pools:
        strategy, variant, seeds = pool_name(pool)
        for row in read_report(Path(pool.folder)):
            rows.append(
                {
                    "What": strategy + in_variant(variant),
                    "Seeds": seeds,
                    "Budget": row["budget"],
                    "Examples asked for": row["visits"],
                    "Kept": row["kept"],
                    "Distinct word pairs": _percent(row["distinct_pairs"]),
                    "Distance to the nearest": _percent(row["nearest"]),
                    "New words": _percent(row["new_words"]),
                    "$ per kept example": row["usd_per_kept"],
                }
            )
    return pd.DataFrame(rows)


def variant_table(cells: Sequence[CellRow]) -> pd.DataFrame:
    """One row a variant: points above the plain cell beside it, with the 80 % interval of the paired difference."""
    return pd.DataFrame(
        [
            {
                "What": words.arm(effect.strategy),
                "Variant": effect.variant.replace("_", " "),
                "Seeds": effect.seeds,
                "Budget": effect.budget,
                "Points above plain": 100 * effect.found.difference,
                "At least": 100 * effect.found.low,
                "At most": 100 * effect.found.high,
                "Examples (plain)": effect.examples[0],
                "Examples (variant)": effect.examples[1],
            }
            for effect in effects([row.measurement for row in cells if row.measurement is not None])
        ]
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def files(store: Store, run_id: str, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> list[File]:
    """Data sets and predictions that lie on the disk now."""
    found = []
    for pool in pools:
        strategy, variant, seeds = pool_name(pool)
        path = Path(pool.folder) / "examples.jsonl"
        found.append(
            File(f"Data set: {strategy.lower()}{in_variant(variant)}, {seeds:,} seeds", path, f"{pool.name}.jsonl")
        )
    for row in cells:
        cell = row.cell
        label = f"Predictions: {what(row).lower()}, {cell.budget:,} queries, replicate {cell.replicate + 1}"
        path = store.folder(run_id) / "cells" / cell.key / "predictions.jsonl"
        found.append(File(label, path, f"{cell.key}-predictions.jsonl"))
    return [file for file in found if file.path.is_file()]
