"""The control of the largest cell: the seeds alone, repeated to the same number of optimizer steps.

A cell with more examples is also trained for more steps. The control has the anchor's steps without its data, so that
"more steps" cannot pass for "better data". It is a variant of the seeds-only cell: advice and charts speak of plain
cells and do not see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import MATCHED_STEPS, Baseline, Strategy
from engine.paired import Difference, difference
from engine.plan import PLAIN
from engine.records import CellRow

LEVEL = 0.8


@dataclass(frozen=True, slots=True)
class Control:
    """What the control says; accuracies are fractions."""

    anchor: Strategy
    budget: int
    """Of the anchor, in queries."""
    steps: int
    """That the control and its anchor took."""
    own_steps: int
    """That the seeds alone took."""
    accuracy: float
    above_seeds: Difference | None
    """The control less the seeds alone, paired by item: what more steps do."""
    below_anchor: Difference | None
    """The anchor less the control: what its data does beyond more steps."""


def anchor_of(rows: Sequence[CellRow]) -> CellRow | None:
    """The measured plain cell with the most steps, among those of the largest seed count and budget; None yet."""
    done = [
        row
        for row in rows
        if row.state == "done" and isinstance(row.cell.arm, Strategy) and row.cell.variant == PLAIN
        if row.cell.replicate == 0 and row.cell.pool == 0 and row.detail.get("steps")
    ]
    return max(done, key=lambda row: (row.cell.seeds, row.cell.budget, row.detail["steps"]), default=None)


def seeds_alone(rows: Sequence[CellRow], seeds: int) -> CellRow | None:
    """The first measured seeds-only cell of that many seeds."""
    found = (row for row in rows if row.cell.arm is Baseline.SEEDS_ONLY and row.cell.variant == PLAIN)
    return next((row for row in found if row.cell.seeds == seeds and row.state == "done"), None)


def control_of(rows: Sequence[CellRow]) -> Control | None:
    """What the control of these cells says; None where it is not measured."""
    control = next((row for row in rows if row.cell.variant == MATCHED_STEPS and row.state == "done"), None)
    if control is None or control.measurement is None or control.measurement.accuracy is None:
        return None
    anchor = next((row for row in rows if row.cell.key == control.detail.get("anchor")), None)
    alone = seeds_alone(rows, control.cell.seeds)
    if anchor is None or alone is None or not isinstance(anchor.cell.arm, Strategy):
        return None
    return Control(
        anchor.cell.arm,
        anchor.cell.budget,
        control.detail["steps"],
        alone.detail["steps"],
        control.measurement.accuracy,
        difference([control.outcomes], [alone.outcomes], level=LEVEL),
        difference([anchor.outcomes], [control.outcomes], level=LEVEL),
    )


def told(control: Control, anchor_name: str) -> str:
    """The sentence for the screen; `anchor_name` is the strategy in words."""
    said = (
        f"More steps or better data? The seeds alone, repeated to the {control.steps:,} steps of {anchor_name} at "
        f"{control.budget:,} queries, are {100 * control.accuracy:.0f} % right"
    )
    if control.above_seeds is not None:
        said += f": {_points(control.above_seeds)} above the seeds alone at {control.own_steps:,} steps"
    if control.below_anchor is not None:
        said += f". The data itself adds {_points(control.below_anchor)} at the same steps"
    return f"{said}. One adapter each, paired by test item, 80 % intervals."


def as_json(control: Control) -> dict[str, Any]:
    """As `seedpilot show --json` prints it."""
    gaps = {"above_seeds": control.above_seeds, "below_anchor": control.below_anchor}
    found = {
        name: None if gap is None else {"mean": gap.difference, "low80": gap.low, "high80": gap.high}
        for name, gap in gaps.items()
    }
    return {
        "anchor": control.anchor.value,
        "budget": control.budget,
        "steps": control.steps,
        "own_steps": control.own_steps,
        "accuracy": control.accuracy,
        **found,
        "said": told(control, control.anchor.value),
    }


def _points(gap: Difference) -> str:
    return f"{100 * gap.difference:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
