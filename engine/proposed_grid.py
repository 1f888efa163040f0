"""Which seed sizes and budgets a pilot's grid should have by default, from the budget that the pilot is for.

The winner depends on queries per seed more than on the number of seeds, so a pilot shrinks both (design.md, section 3):
two seed sizes near the user's ratio and one small anchor, as long as the training sets reach 1/30 of the full run's
effective examples. Where even the smallest does not fit into half of the budget, the ratio gives way, and that is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.case import Case
from engine.domain import Situation, Strategy
from engine.next_pilot import (
    ANCHOR,
    DRAWS,
    LEAST_EFFECTIVE,
    LEAST_EXAMPLES,
    LEAST_SEEDS,
    MOST,
    SHRINKS,
    effective,
)

LEAST_BUDGET = 2 * LEAST_EXAMPLES
"""Queries: eight examples of the strategies that take two queries for one."""


@dataclass(frozen=True, slots=True)
class ProposedGrid:
    """The recommended defaults of `[grid]`."""

    seed_sizes: tuple[int, ...]
    """The largest first."""
    budgets: tuple[int, ...]
    """Teacher queries, the smallest first."""
    why: str
    """In two sentences at most."""


def proposed_grid(situation: Situation, strategies: Sequence[Strategy], available: int) -> ProposedGrid:
    """The grid for the budget `situation.queries`, with at most `available` seeds.

    InputError with everything that is wrong with the situation.
    """
    case = Case.of(situation, ()).thinned(DRAWS)
    target = float(effective(case, situation.seeds, float(situation.queries)).max())
    have = min(available, situation.seeds)
    shrunk = (round(situation.seeds * share) for share in SHRINKS)
    sizes = sorted({size for size in shrunk if min(LEAST_SEEDS, have) <= size <= have} | {have}, reverse=True)
    ratio, most = situation.budget_ratio, MOST * situation.queries / len(strategies)
    for chosen in (*pairwise(sizes), *((size,) for size in sizes)):
        # At the mean ratio of the two sizes neither is far from the user's.
        near = _rounded(ratio * math.prod(chosen) ** (1 / len(chosen)))
        if near < LEAST_BUDGET or near * len(chosen) > most:
            continue
        if effective(case, min(chosen), float(near)).max() < LEAST_EFFECTIVE * target:
            break
        return ProposedGrid(chosen, _budgets(near), _kept(chosen, near, ratio))
    near = max(LEAST_BUDGET, _rounded(min(most, ratio * have)))
    size = sizes[-1]
    return ProposedGrid((size,), _budgets(near), _given_up(size, near, ratio))


def _budgets(near: int) -> tuple[int, ...]:
    anchor = max(LEAST_BUDGET, _rounded(near * ANCHOR))
    return (anchor, near) if anchor < near else (near,)


def _kept(chosen: Sequence[int], near: int, ratio: float) -> str:
    small = "the winner depends on that ratio most. The small budget shows how steeply each strategy rises."
    if len(chosen) == 1:
        return f"{near:,} queries with {chosen[0]:,} seeds keep the {ratio:,.3g} a seed of your whole budget: {small}"
    seeds = " and ".join(f"{size:,}" for size in chosen)
    ratios = " to ".join(f"{value:,.3g}" for value in sorted({round(near / size, 2) for size in chosen}))
    return (
        f"With {seeds} seeds, {near:,} queries are {ratios} a seed, near the {ratio:,.3g} a seed of your whole budget: "
        f"{small}"
    )


def _given_up(size: int, near: int, ratio: float) -> str:
    return (
        f"Your whole budget has {ratio:,.3g} queries a seed, which no pilot reaches within half of it; {near:,} "
        f"queries with {size:,} seeds ({near / size:,.3g} a seed) come nearest, so read the winner with care."
    )


def _rounded(queries: float) -> int:
    """Two figures that matter."""
    if queries < 10:
        return max(1, round(queries))
    step = 10 ** (int(math.log10(queries)) - 1)
    return int(queries // step * step)
