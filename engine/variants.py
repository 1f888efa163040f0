"""What a plan's variants come to: how each makes its examples, what a budget buys in it, and what is asked in all.

Pools of several variants and seed sizes share queries: a first vote is the plain answer, a smaller seed set's visits
are among a larger one's. So queries are counted as a set, exactly as the ledger will know them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.costs import calls_per_example, examples_for
from engine.domain import Cell, Item, Strategy
from engine.plan import PLAIN, TEACHER, PilotPlan, VariantPlan
from engine.strategies import Making, dealt

AUGMENTER = "augmenter"
"""Who writes questions where the plan names one; beside `teacher` and the names of further teachers."""

Pool = tuple[Strategy, int, str]
"""Strategy, seeds, and the variant that makes it (`plain` for those that change nothing about the making)."""


def variant_of(plan: PilotPlan, name: str) -> VariantPlan | None:
    """The variant of that name; None for the plain one."""
    return next((variant for variant in plan.variants if variant.name == name), None)


def making_of(plan: PilotPlan, name: str, weights: Mapping[str, int] | None = None) -> Making:
    """How a variant makes examples; `weights` are the guide's, for one that is guided."""
    variant = variant_of(plan, name)
    together = plan.prompts.questions_per_call
    if variant is None:
        return Making(together=together)
    return Making(
        together=variant.questions_per_call or together,
        votes=variant.votes,
        gold=variant.gold,
        weights=weights or {},
        shares=tuple(variant.teachers.items()),
    )


def pool_of(plan: PilotPlan, cell: Cell) -> Pool | None:
    """The pool whose first examples a cell is trained on; None for a baseline."""
    if not isinstance(cell.arm, Strategy):
        return None
    variant = variant_of(plan, cell.variant)
    return cell.arm, cell.seeds, cell.variant if variant is not None and variant.generates else PLAIN


def visits_of(plan: PilotPlan, strategy: Strategy, budget: int, name: str = PLAIN) -> int:
    """Visits that a budget of queries pays for."""
    making = making_of(plan, name)
    return examples_for(budget, strategy, together=making.together, votes=making.votes)


def pools_of(plan: PilotPlan, cells: Sequence[Cell]) -> dict[Pool, int]:
    """Every pool that the cells need, plain ones first, and its visits: those of its largest cell. A second pool is
    cut out of what these buy."""
    found: dict[Pool, int] = {}
    for cell in sorted(cells, key=lambda cell: cell.variant != PLAIN):
        if (pool := pool_of(plan, cell)) is not None:
            visits = 0 if cell.pool else visits_of(plan, pool[0], cell.budget, pool[2])
            found[pool] = max(visits, found.get(pool, 0))
    return found


def grid_of(plan: PilotPlan, seeds: int, inputs: int | None = None) -> tuple[Cell, ...]:
    """The plan's cells, and a second pool for each strategy at its smallest budget where a larger one pays for it: the
    visits after those of the first pool are independent of them, and bought already."""
    cells = plan.cells(seeds, inputs)
    plain = [cell for cell in cells if isinstance(cell.arm, Strategy) and cell.variant == PLAIN]
    found = []
    for arm, size in dict.fromkeys((cell.arm, cell.seeds) for cell in plain):
        own = [cell for cell in plain if (cell.arm, cell.seeds) == (arm, size)]
        again = replace(min(own, key=lambda cell: cell.budget), replicate=0, pool=1)
        if span_of(plan, again, size)[1] <= max(span_of(plan, cell, size)[1] for cell in own):
            found.append(again)
    return (*cells, *found)


def queries_for_a_second_pool(plan: PilotPlan, cells: Sequence[Cell], seeds: int) -> int | None:
    """The largest budget with which some strategy would have a second pool; None where one has, or there is no strategy
    that could have one by a larger budget (real questions end with their inputs)."""
    own = [cell for cell in cells if isinstance(cell.arm, Strategy) and cell.variant == PLAIN]
    if any(cell.pool for cell in own):
        return None
    found = []
    for cell in own:
        visits = visits_of(plan, Strategy(cell.arm), cell.budget)
        if visits and cell.arm is not Strategy.REAL_QUESTION:
            end = span_of(plan, replace(cell, pool=1), cell.seeds or seeds)[1]
            found.append(-(-end * cell.budget // visits))
    return min(found, default=None)


def span_of(plan: PilotPlan, cell: Cell, seeds: int) -> tuple[int, int]:
    """Visits of its pool that a strategy's cell is trained on: the first, and the one after the last.

    A further pool begins with a round over the `seeds` of its own, so that it visits those that the first one does, or
    (of real questions, each of which is answered once) with the inputs that come next.
    """
    strategy = Strategy(cell.arm)
    visits = visits_of(plan, strategy, cell.budget, cell.variant)
    together = making_of(plan, cell.variant).together if strategy is Strategy.NEW_QUESTION else 1
    round_ = visits if strategy is Strategy.REAL_QUESTION else seeds * together
    begin = cell.pool * -(-visits // round_) * round_
    return begin, begin + visits


def asked(plan: PilotPlan, seeds: int, inputs: int) -> Counter[str]:
    """Distinct queries of all pools by who is asked: `teacher`, `augmenter` or a further teacher.

    An upper bound where a variant is guided: which seeds it visits is known in the run only.
    """
    counted: Counter[str] = Counter()
    pools = pools_of(plan, plan.cells(seeds, inputs))
    pools_by_strategy = Counter(pool[0] for pool in pools)
    sharing: dict[Pool, int] = {}
    for pool, visits in pools.items():
        strategy, _, name = pool
        if variant_of(plan, name) is not None or pools_by_strategy[strategy] > 1:
            sharing[pool] = visits
            continue
        # Nothing to share queries with, and perhaps a hundred thousand visits: no set is needed.
        together = making_of(plan, name).together if strategy is Strategy.NEW_QUESTION else 1
        counted[TEACHER] += visits
        counted[_writer(plan)] += -(-visits // together) if calls_per_example(strategy) > 1 else 0
    found = queries_of(plan, sharing, seeds, inputs)
    return +counted + Counter({who: len(queries) for who, queries in found.items()})


def queries_of(
    plan: PilotPlan, pools: Mapping[Pool, int], seeds: int, inputs: int
) -> dict[str, set[tuple[object, ...]]]:
    """The distinct queries of pools with so many visits each, by who is asked: those that several pools share are one,
    as they are in the ledger. Where every reply is there, what two such sets have in common is not bought again."""
    queries: dict[str, set[tuple[object, ...]]] = {}
    dummies = tuple(Item(str(place), "", "") for place in range(max(seeds, inputs)))
    for (strategy, size, name), visits in pools.items():
        making, variant = making_of(plan, name), variant_of(plan, name)
        visited = dummies[:inputs] if strategy is Strategy.REAL_QUESTION else dummies[:size]
        order = making.order(visited, together=strategy is Strategy.NEW_QUESTION)
        own = name if variant is not None and variant.guided else ""
        writes = calls_per_example(strategy) > 1
        for visit in range(visits):
            seed, sample = order.at(visit)
            if writes:
                call = (strategy, seed.id, "writes", order.together, sample // order.together, own)
                queries.setdefault(_writer(plan), set()).add(call)
            who = dealt(making.shares, visit, len(visited)) if making.shares else TEACHER
            answers = queries.setdefault(who, set())
            # What is answered follows from what was written: a list's entry is no other call's question.
            answers.update((strategy, seed.id, sample, order.together, vote, own) for vote in range(making.votes))
    return queries


def _writer(plan: PilotPlan) -> str:
    """Who writes questions."""
    return TEACHER if plan.augmenter is None else AUGMENTER
