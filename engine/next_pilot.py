"""Which cells to buy next, by what they are expected to add to the final accuracy, and when to stop buying.

A pilot is paid out of the budget. What it generates for the strategy that is chosen in the end is reused, what it
generates for the others is gone (as far as the choice goes), and so a pilot is worth its price when

    E max over strategies of (accuracy with the budget less what was spent on the others, given the results)

is above the best accuracy that the whole budget buys without it. Candidates keep the user's ratio at two smaller seed
counts, with one small anchor each, as long as their training sets reach 1/30 of the target's effective examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine import curves, law, situations
from engine.case import Case
from engine.costs import calls_per_example
from engine.domain import ATLAS, PUBLISHED, Cell, Measurement, Situation, Strategy
from engine.errors import InputError
from engine.foreseen import ITEMS, foreseen
from engine.law import Array

SHRINKS = (1.0, 1 / 2, 1 / 3, 1 / 5, 1 / 10, 1 / 20, 1 / 30)
"""Seed counts that are tried, as shares of the user's: the ratio is kept."""
ANCHOR = 1 / 8
"""Budget of the small anchor, as a share of the cell at the user's ratio."""
LEAST_SEEDS, LEAST_EXAMPLES = 10, 8
LEAST_EFFECTIVE = 1 / 30
"""Of the target's effective examples: a smaller training set says too little about it."""
MOST = 0.5
"""Share of the budget that a pilot may take."""
WORTH_POINTS = 0.05
"""A pilot that is expected to gain less is not worth anybody's hour."""
DRAWS = 300
BEFORE = {PUBLISHED: "what is published", ATLAS: "the sandbox's atlas"}


@dataclass(frozen=True, slots=True)
class ProposedCell:
    """A cell to train and score; smaller budgets of one strategy and seed count are prefixes of larger ones."""

    strategy: Strategy
    seeds: int
    queries: int


@dataclass(frozen=True, slots=True)
class NextPilot:
    """The cells to buy next, or none."""

    cells: tuple[ProposedCell, ...]
    """Empty where no set of cells is worth its price."""
    queries: int
    """Teacher queries that they take: prefixes are paid once."""
    gain_points: float
    """Expected final accuracy with the pilot less that without it, in points; of the best set, also where negative."""
    looked_at: int
    """Sets of cells that were weighed."""
    items: int
    """Test items that the gain was computed for."""
    why: str
    """One sentence."""


def next_pilot(situation: Situation, measurements: Sequence[Measurement] = ()) -> NextPilot:
    """The cells worth most for the final accuracy per query; none where no set is worth its price.

    Raises InputError with everything that is wrong with the situation or the points.
    """
    problems = situations.problems(situation) + curves.problems(measurements)
    if problems:
        raise InputError(problems)
    case = Case.of(situation, measurements).thinned(DRAWS)
    items = situation.test_items or ITEMS
    cells = _cells(case)
    if not cells or len(case.strategies) < 2:
        why = "The budget is too small to try anything before it is spent."
        return NextPilot((), 0, 0.0, 0, items, why)
    ahead = foreseen(case, [Cell(one.strategy, one.seeds, one.queries, 0) for one in cells])
    without = float(case.accuracies(situation.seeds, np.array([float(situation.queries)]))[:, 0].mean(axis=0).max())
    found: list[tuple[float, float, int, tuple[int, ...]]] = []
    sets = _sets(cells, case.strategies)
    spent = np.array([_spent([cells[i] for i in chosen], case.strategies) for chosen in sets])
    spent = spent.reshape(len(sets), len(case.strategies))
    costs = spent.sum(axis=1)
    # what was made for the chosen strategy is reused only from the user's own seeds or part of them: all of it
    all_reached = _reached(case, situation.queries - (costs[:, None] - spent)).mean(axis=1)
    for chosen, cost, reached in zip(sets, costs.astype(int).tolist(), all_reached, strict=True):
        if cost > MOST * situation.queries:
            continue
        gain = 100 * (float(reached.max()) + ahead.gain(reached, chosen) - without)
        found.append((gain / cost if gain > 0 else gain, gain, cost, chosen))
    if not found:
        why = f"No pilot fits into {MOST:.0%} of the budget.".replace("%", " %")
        return NextPilot((), 0, 0.0, 0, items, why)
    # The most per query may be too little to be worth an hour: what is worth it is chosen among first.
    worth_it = [one for one in found if one[1] >= WORTH_POINTS]
    if not worth_it:
        most = max(gain for _, gain, _, _ in found)
        return NextPilot((), 0, most, len(found), items, _stop(most, case))
    _, gain, cost, chosen = max(worth_it, key=lambda f: (f[0], -f[2], f[3]))
    picked = tuple(cells[i] for i in chosen)
    why = (
        f"{len(picked)} cells for {cost:,} queries ({cost / situation.queries:.0%} of the budget) are expected to end "
        f"{gain:.1f} points higher than spending the whole budget now."
    ).replace("%", " %")
    return NextPilot(picked, cost, gain, len(found), items, why)


def _stop(gain: float, case: Case) -> str:
    known = "what has been measured" if case.measured else BEFORE[case.situation.known]
    return (
        f"No further cell is worth its price: given {known}, even the best set of cells is expected to change the "
        f"final accuracy by {gain:+.2f} points. Spend the budget."
    )


def _cells(case: Case) -> list[ProposedCell]:
    """Cells that could be bought."""
    s = case.situation
    target = effective(case, s.seeds, float(s.queries)).max()
    cells, sizes = [], 0
    for shrink in SHRINKS:
        seeds = round(s.seeds * shrink)
        near = int(seeds * s.budget_ratio)
        if seeds < min(LEAST_SEEDS, s.seeds) or len(case.strategies) * near > MOST * s.queries or sizes == 2:
            continue
        if effective(case, seeds, float(near)).max() < LEAST_EFFECTIVE * target:
            break
        sizes += 1
        for queries in (near, int(near * ANCHOR)):
            for strategy in case.strategies:
                if queries >= LEAST_EXAMPLES * calls_per_example(strategy, s.calls):
                    cells.append(ProposedCell(strategy, seeds, queries))
    return cells


def effective(case: Case, seeds: int, queries: float) -> Array:
    """Median effective examples of each strategy alone. (M,)."""
    m = np.arange(len(case.strategies))
    n = law.effective_alone(case.fitted.draws, np.full(len(m), float(seeds)), m, case.examples(queries))
    return np.asarray(np.median(n, axis=0), dtype=np.float64)


def _sets(cells: Sequence[ProposedCell], strategies: Sequence[Strategy]) -> list[tuple[int, ...]]:
    """Sets worth weighing: two or more strategies side by side, at one or both seed counts, with or without anchors."""
    budgets = sorted({(c.seeds, c.queries) for c in cells}, reverse=True)
    places = [combination for size in (1, 2, 4) for combination in combinations(budgets, size)]
    sides = [c for size in range(2, len(strategies) + 1) for c in combinations(strategies, size)]
    found = []
    for side in sides:
        for place in places:
            chosen = tuple(
                i for i, cell in enumerate(cells) if cell.strategy in side and (cell.seeds, cell.queries) in place
            )
            if len(chosen) > 1:
                found.append(chosen)
    return sorted(set(found))


def _spent(cells: Sequence[ProposedCell], strategies: Sequence[Strategy]) -> Array:
    """Queries by strategy: one pool for each seed count, as large as its largest cell. (M,)."""
    largest: dict[tuple[Strategy, int], int] = {}
    for cell in cells:
        key = (cell.strategy, cell.seeds)
        largest[key] = max(largest.get(key, 0), cell.queries)
    return np.array([float(sum(q for (s, _), q in largest.items() if s is strategy)) for strategy in strategies])


def ends(case: Case, left: Array) -> Array:
    """Accuracy of every strategy with what is left for it. `left` (M,) queries -> (K, M)."""
    return np.asarray(_reached(case, left[None])[0], dtype=np.float64)


def _reached(case: Case, left: Array) -> Array:
    """The same for N sets of cells. (N, M) -> (N, K, M)."""
    right = case.fitted.accuracies(case.situation.seeds, case.examples(np.maximum(left, 0.0)))
    return np.asarray(right.transpose(1, 0, 2), dtype=np.float64)
