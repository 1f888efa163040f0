"""Cells bought one step at a time: those worth most first, until none is worth its price."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.adaptive import STEP_POINTS, STEPS_FILE, Step, next_step, read_steps, walk, weighed, write_steps
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType
from engine.plan import check_plan

STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
SITUATION = Situation(TaskType.MATH, 100, 20_000, test_items=300)
GRID = tuple(
    Cell(strategy, seeds, budget, replicate)
    for replicate in (0, 1)
    for seeds in (30, 100)
    for budget in (200, 1600)
    for strategy in STRATEGIES
)


def measured(cell: Cell, right: float, of: int = 300) -> Measurement:
    return Measurement(
        cell=cell, correct=round(right * of), scored=of, not_scored=0, mean_value=right, examples=cell.budget
    )


def bought(cells: Sequence[Cell]) -> Counter[Strategy]:
    largest: dict[tuple[Strategy, int], int] = {}
    for cell in cells:
        key = (Strategy(cell.arm), cell.seeds)
        largest[key] = max(largest.get(key, 0), cell.budget)
    return Counter({strategy: sum(q for (s, _), q in largest.items() if s is strategy) for strategy in STRATEGIES})


def test_the_first_step_compares_strategies_and_is_taken_whatever_it_is_worth() -> None:
    step = next_step(SITUATION, [measured(Cell(Baseline.SEEDS_ONLY, 100, 0, 0), 0.3)], GRID, Counter())
    assert len({key.split("-")[0] for key in step.cells}) >= 2
    assert step.queries > 0
    assert sum(step.p_best.values()) == pytest.approx(1)
    sure = Situation(TaskType.MATH, 100, 1_000_000, test_items=300)
    assert next_step(sure, [], GRID, Counter()).cells, "whoever starts a pilot wants to know"


def test_the_first_replicate_comes_before_the_second() -> None:
    step = next_step(SITUATION, [], GRID, Counter())
    assert all(key.endswith("r0") for key in step.cells)


def test_a_cheap_cell_that_gains_little_does_not_end_a_pilot_that_a_dearer_one_is_worth() -> None:
    """What the first cells of a sandbox pilot came to: nothing learned yet, no strategy clearly the best. Another
    replicate costs no query, so it gains most for its price, and next to nothing."""
    budgets = (100, 200, 400, 800, 1600)
    grid = [Cell(strategy, 100, budget, n) for n in (0, 1) for budget in budgets for strategy in STRATEGIES]
    done = {
        Cell(Strategy.QUESTION_REPHRASE, 100, 100, 0): 0.33,
        Cell(Strategy.NEW_QUESTION, 100, 100, 0): 0.347,
        Cell(Strategy.NEW_QUESTION, 100, 100, 1): 0.343,
    }
    alone = {Cell(Baseline.SEEDS_ONLY, 100, 0, n): 0.34 for n in (0, 1)}
    found = [
        measured(cell, right) for cell, right in ({Cell(Baseline.UNTUNED, 100, 0, 0): 0.38} | alone | done).items()
    ]
    step = next_step(SITUATION, found, [cell for cell in grid if cell not in done], bought(list(done)))
    assert step.queries > 0
    assert step.gain_points > STEP_POINTS


def test_a_step_takes_no_cell_that_tells_next_to_nothing_for_its_time() -> None:
    """A cell of 100 queries takes the same fewest steps as one of 400, and says far less about 20,000."""
    budgets = (100, 200, 400, 800, 1600)
    grid = [Cell(strategy, 100, budget, n) for n in (0, 1) for budget in budgets for strategy in STRATEGIES]
    alone = [measured(Cell(Baseline.SEEDS_ONLY, 100, 0, n), 0.34) for n in (0, 1)]
    step = next_step(SITUATION, alone, grid, Counter())
    assert len(step.cells) <= 4
    assert max(int(key.split("-q")[1].split("-")[0]) for key in step.cells) >= 400


def test_where_one_strategy_leads_beyond_doubt_no_cell_is_worth_its_price() -> None:
    done = [cell for cell in GRID if cell.replicate == 0]
    level = {Strategy.NEW_QUESTION: 0.85, Strategy.QUESTION_REPHRASE: 0.45, Strategy.ANSWER_AUGMENTATION: 0.35}
    found = [measured(cell, level[Strategy(cell.arm)] - (0.1 if cell.budget < 1000 else 0), 2000) for cell in done]
    step = next_step(SITUATION, found, [cell for cell in GRID if cell not in done], bought(done))
    assert step.cells == ()
    assert step.gain_points < STEP_POINTS
    assert step.why.startswith("Stopped early: none of the 12 cells left is worth its price")
    assert step.spent == sum(bought(done).values())


def test_what_is_bought_already_costs_nothing_more() -> None:
    done = [cell for cell in GRID if cell.replicate == 0 and cell.budget == 1600]
    found = [measured(cell, 0.5, 300) for cell in done]
    left = [cell for cell in GRID if cell.budget == 200 or cell.replicate == 1]
    step = next_step(SITUATION, found, left, bought(done))
    assert step.queries == 0, "replicates and smaller budgets are trained from the same pools"


def test_no_step_takes_more_than_the_whole_budget_holds() -> None:
    small = Situation(TaskType.MATH, 100, 300, test_items=300)
    step = next_step(small, [], GRID, Counter())
    assert all("q200" in key for key in step.cells)
    spent = Counter(dict.fromkeys(STRATEGIES, 200))
    assert next_step(small, [], GRID, spent).cells == ()


def test_a_grid_is_walked_step_by_step_and_a_resumed_walk_takes_the_same_steps(tmp_path: Path) -> None:
    asked: list[int] = []
    seen: list[tuple[str, ...]] = []

    def decide(waiting: Sequence[Cell]) -> Step:
        asked.append(len(waiting))
        chosen = tuple(cell.key for cell in waiting[:5])
        return Step(chosen if len(waiting) > 9 else (), 5, 0, 1.0, {}, "enough is known")

    def measure(step: Step, chosen: Sequence[Cell], so_far: Sequence[Cell]) -> str:
        assert step.cells == tuple(cell.key for cell in chosen)
        seen.append(tuple(cell.key for cell in chosen))
        assert list(so_far[-len(chosen) :]) == list(chosen)
        return ""

    why, left = walk(tmp_path, GRID, decide, measure)
    assert (why, len(left)) == ("enough is known", 9)
    assert asked == [24, 19, 14, 9]
    first = list(seen)
    # A kill cuts off the line of a step that nobody acted upon.
    with (tmp_path / STEPS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"cells": ["new_que')
    assert walk(tmp_path, GRID, decide, measure) == (why, left)
    assert seen == first * 2
    assert asked == [24, 19, 14, 9], "no step is decided twice"


def test_where_the_money_ends_the_walk_ends(tmp_path: Path) -> None:
    why, left = walk(
        tmp_path,
        GRID,
        lambda waiting: Step((waiting[0].key,), 1, 0, 1.0, {}, ""),
        lambda step, chosen, so_far: "the ceiling is reached" if len(so_far) == 3 else "",
    )
    assert (why, len(left)) == ("the ceiling is reached", 21)


def test_steps_are_read_as_they_were_written(tmp_path: Path) -> None:
    steps = [Step(("a", "b"), 10, 0, 0.5, {"new_question": 1.0}, "why", ("c",)), Step((), 0, 10, -0.1, {}, "end")]
    write_steps(tmp_path, steps)
    assert read_steps(tmp_path) == steps
    assert [json.loads(line)["why"] for line in (tmp_path / STEPS_FILE).read_text().splitlines()] == ["why", "end"]
    assert read_steps(tmp_path / "nowhere") == []


def test_only_a_plan_that_says_what_it_is_for_is_walked_and_variants_are_always_measured() -> None:
    plan = {"target": {"queries": 5000}, "variants": [{"name": "three_votes", "votes": 3}]}
    walked = check_plan(plan)
    menu = weighed(walked, walked.cells(100))
    assert menu
    assert all(cell.variant == "plain" and isinstance(cell.arm, Strategy) for cell in menu)
    for fixed in ({}, {"target": {"queries": 5000}, "grid": {"adaptive": False}}):
        plain = check_plan(fixed)
        assert weighed(plain, plain.cells(100)) == ()
