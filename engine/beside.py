"""Which cells are trained beside a step of the walk, where cores would wait for it.

A step is often one cell, while the machine trains several side by side. What a pilot measures in any case (the untuned
student, the seeds alone, a second pool that was bought with the first) fills the cores up to the step's own end: it
takes no time then, and what it tells is known to the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.domain import Baseline, Cell, Strategy
from engine.plan import PLAIN, PilotPlan
from engine.variants import span_of, visits_of

LATE = 1.1
"""A cell may end that much later than the step, as shares of its time: how long cells take is only estimated."""


def needs_no_query(plan: PilotPlan, cell: Cell, taken: Sequence[Cell]) -> bool:
    """Whether all that a cell is trained on is there once the cells of `taken` are bought."""
    if cell.variant != PLAIN or cell.arm == Baseline.TEACHER:
        return False
    if not isinstance(cell.arm, Strategy):
        return True
    bought = [
        visits_of(plan, cell.arm, one.budget)
        for one in taken
        if (one.arm, one.seeds, one.variant, one.pool) == (cell.arm, cell.seeds, PLAIN, 0)
    ]
    return span_of(plan, cell, cell.seeds)[1] <= max(bought, default=0)


def beside(
    chosen: Sequence[Cell], ready: Sequence[Cell], steps: Callable[[Cell], int], processes: int
) -> tuple[Cell, ...]:
    """Of the cells that are `ready` those that end with the step on so many processes; the longest first.

    `steps` says what a cell takes, in optimizer steps.
    """
    if processes == 1:
        return ()
    load = [0] * processes
    for cell in sorted(chosen, key=steps, reverse=True):
        load[load.index(min(load))] += steps(cell)
    end, found = LATE * max(load), []
    for cell in sorted(ready, key=steps, reverse=True):
        place = load.index(min(load))
        if load[place] + steps(cell) <= end:
            load[place] += steps(cell)
            found.append(cell)
    return tuple(found)
