"""What a pilot is expected to be worth before it starts, and whether its likely outcome is "too close to call".

The pilot is paid out of the budget that it is for (`engine.next_pilot`): its worth is the expected final accuracy with
it, less that of spending the whole budget on what published studies say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.adaptive import next_step, weighed
from engine.case import Case
from engine.domain import Cell, Situation, Strategy
from engine.foreseen import foreseen
from engine.next_pilot import DRAWS, WORTH_POINTS, ends
from engine.plan import PLAIN
from engine.prepare import Prepared

LIKELY = 0.5
"""A "too close" outcome at least as probable is announced."""


@dataclass(frozen=True, slots=True)
class PilotWorth:
    """What is known of a pilot's use before its first query."""

    gain_points: float | None
    """Expected final accuracy with the whole grid measured, less that without the pilot; None without a target."""
    first_points: float | None
    """The same of the first cells that an adaptive pilot takes; None for a fixed grid or without a target."""
    too_close: float | None
    """Chance that the two best strategies differ by less than the pilot can show; None for a single strategy."""
    told: str
    """The worth in a sentence or two."""
    warning: str
    """That "too close" is likely; empty where it is not."""


def situation_of(prepared: Prepared) -> Situation:
    """The situation that a pilot's cells are weighed in; without a target the largest budget of the grid stands in."""
    plan = prepared.plan
    return Situation(
        task=prepared.task.type,
        seeds=plan.target.seeds or len(prepared.seeds),
        queries=plan.target.queries or max(plan.grid.budgets),
        unlabelled=len(prepared.inputs) or None,
        test_items=len(prepared.test),
    )


def pilot_worth(prepared: Prepared) -> PilotWorth:
    """The worth of that pilot, from published studies alone."""
    situation = situation_of(prepared)
    case = Case.of(situation, ()).thinned(DRAWS)
    cells = [
        cell
        for cell in prepared.cells
        if isinstance(cell.arm, Strategy) and cell.variant == PLAIN and not cell.pool and cell.arm in case.strategies
    ]
    close = _too_close(case, cells, prepared.estimate.detectable_points / 100)
    warning = (
        ""
        if close is None or close < LIKELY
        else f'The likely outcome is "too close to call": by published studies there is a chance of {_percent(close)} '
        f"that the two best strategies differ by less than the {prepared.estimate.detectable_points:.1f} points that "
        "this pilot can show. More test items or replicates show smaller differences."
    )
    if prepared.plan.target.queries is None or not cells:
        told = "Say how much you will spend in the end, and what this pilot is worth is computed from it."
        return PilotWorth(None, None, close, told, warning)
    gain = _gain(case, cells)
    first = None
    menu = weighed(prepared.plan, prepared.cells)
    if menu:
        step = next_step(situation, [], menu, {})
        first = step.gain_points if step.cells else None
        if step.cells:
            told = (
                f"The first look, {len(step.cells)} cells for {step.queries:,} queries, is expected to end your full "
                f"run {_points(step.gain_points)} than spending {situation.queries:,} queries on what is published "
                "alone. After that the pilot goes on only while a cell is worth its price."
            )
        else:
            told = step.why
    else:
        told = (
            f"Measuring this whole grid is expected to end your full run {_points(gain)} than spending "
            f"{situation.queries:,} queries on what is published alone"
            + ("." if gain >= WORTH_POINTS else ": it costs more than it brings. Smaller budgets would help.")
        )
    return PilotWorth(gain, first, close, told, warning)


def _too_close(case: Case, cells: Sequence[Cell], visible: float) -> float | None:
    """Chance that the two best strategies of the largest cells differ by less than `visible` (a fraction)."""
    if not cells:
        return None
    seeds, budget = max((cell.seeds, cell.budget) for cell in cells)
    arms = sorted({case.strategies.index(Strategy(cell.arm)) for cell in cells})
    if len(arms) < 2:
        return None
    right = np.sort(case.accuracies(seeds, np.array([float(budget)]))[:, 0, arms], axis=1)
    return float(np.mean(right[:, -1] - right[:, -2] < visible))


def _gain(case: Case, cells: Sequence[Cell]) -> float:
    """Points: the whole grid measured, against spending everything now."""
    situation = case.situation
    places = {s: m for m, s in enumerate(case.strategies)}
    spent = np.zeros(len(places))
    pools = {(c.arm, c.seeds) for c in cells}
    for arm, seeds in pools:
        spent[places[Strategy(arm)]] += max(c.budget for c in cells if (c.arm, c.seeds) == (arm, seeds))
    reached = ends(case, situation.queries - (spent.sum() - spent)).mean(axis=0)
    whole = ends(case, np.full(len(places), float(situation.queries))).mean(axis=0)
    worth = foreseen(case, cells).gain(reached, range(len(cells)))
    return 100 * (float(reached.max()) + worth - float(whole.max()))


def _points(gain: float) -> str:
    """`1.3 points higher`, `0.05 points lower`."""
    size = f"{abs(gain):.1f}" if abs(gain) >= 0.1 else f"{abs(gain):.2f}"
    return f"{size} points {'higher' if gain >= 0 else 'lower'}"


def _percent(share: float) -> str:
    return "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"
