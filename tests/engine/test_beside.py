"""Cores that would wait for a step of the walk train what is measured in any case, and no query is paid for it."""

from __future__ import annotations

from engine.beside import beside, needs_no_query
from engine.domain import MATCHED_STEPS, Baseline, Cell, Strategy
from engine.plan import check_plan

REPHRASE, NEW = Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION
UNTUNED = Cell(Baseline.UNTUNED, 100, 0, 0)
STEPS = {UNTUNED: 20, Cell(NEW, 100, 400, 0): 100, Cell(NEW, 100, 100, 0): 60}


def second(strategy: Strategy, budget: int) -> Cell:
    return Cell(strategy, 100, budget, 0, pool=1)


def steps(cell: Cell) -> int:
    return STEPS.get(cell, 60)


def test_one_cell_on_two_cores_takes_along_what_ends_with_it() -> None:
    ready = [UNTUNED, second(NEW, 100), second(REPHRASE, 100)]
    assert beside([Cell(NEW, 100, 400, 0)], ready, steps, 2) == (second(NEW, 100), UNTUNED)


def test_nothing_makes_a_step_longer() -> None:
    long = Cell(Baseline.SEEDS_ONLY, 100, 0, 1)
    assert beside([Cell(NEW, 100, 100, 0)], [long], lambda cell: 200 if cell == long else 60, 4) == ()
    assert beside([Cell(NEW, 100, 400, 0), Cell(NEW, 100, 400, 1)], [second(NEW, 100)], lambda _: 60, 2) == ()


def test_one_process_never_waits_for_itself() -> None:
    assert beside([Cell(NEW, 100, 400, 0)], [UNTUNED], steps, 1) == ()


def test_a_second_pool_is_ready_once_a_larger_cell_has_bought_it_and_what_is_paid_for_never_is() -> None:
    plan = check_plan({"grid": {"budgets": [100, 400]}})
    bought = [Cell(NEW, 100, 400, 0)]
    assert needs_no_query(plan, second(NEW, 100), bought)
    assert not needs_no_query(plan, second(NEW, 100), [Cell(NEW, 100, 100, 0)])
    assert not needs_no_query(plan, second(REPHRASE, 100), bought)
    assert needs_no_query(plan, UNTUNED, [])
    for paid in (Cell(Baseline.TEACHER, 100, 0, 0), Cell(NEW, 100, 400, 0, "three_votes")):
        assert not needs_no_query(plan, paid, bought)
    assert not needs_no_query(plan, Cell(Baseline.SEEDS_ONLY, 100, 0, 0, MATCHED_STEPS), bought)
