"""What a cell would tell, given those that are measured: little, where its pool and its test items are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.case import Case
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType
from engine.foreseen import Foreseen, foreseen
from engine.next_pilot import ends

STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
SITUATION = Situation(TaskType.MATH, 100, 20_000, test_items=300)
ALONE = [Cell(Baseline.SEEDS_ONLY, 100, 0, replicate) for replicate in (0, 1)]


def measured(cells: list[Cell], *, items: bool = True) -> list[Measurement]:
    """About 35 % right everywhere, mostly the same items."""
    found = []
    for number, cell in enumerate(cells):
        rng = np.random.default_rng(number)
        outcomes = tuple(float(i % 20 < 7) if rng.random() < 0.8 else float(rng.random() < 0.35) for i in range(300))
        right = int(sum(outcomes))
        found.append(Measurement(cell, right, 300, 0, cell.budget // 2, outcomes=outcomes if items else ()))
    return found


def side_by_side(budgets: tuple[int, ...], replicates: tuple[int, ...] = (0,)) -> list[Cell]:
    return [Cell(strategy, 100, budget, r) for budget in budgets for r in replicates for strategy in STRATEGIES]


def told(points: list[Measurement], cells: list[Cell]) -> tuple[Case, Foreseen]:
    case = Case.of(SITUATION, points)
    return case, foreseen(case, cells)


def gain(points: list[Measurement], cells: list[Cell]) -> float:
    """In points of accuracy."""
    case, ahead = told(points, cells)
    reached = ends(case, np.full(3, 20_000.0)).mean(axis=0)
    level = np.full(3, reached.max())  # as if tied: where results can change the choice the most
    return 100 * ahead.gain(level, range(len(cells)))


@pytest.mark.parametrize("items", [True, False])
def test_another_training_on_a_pool_that_is_measured_tells_little_and_a_larger_budget_tells_more(items: bool) -> None:
    points = measured([*ALONE, *side_by_side((100, 200, 400, 800), (0, 1))], items=items)
    again, further = side_by_side((800,), (2,)), side_by_side((1600,))
    assert gain(points, again) < 0.5 * gain(points, further)


def test_a_third_training_tells_less_than_the_second() -> None:
    first = measured([*ALONE, *side_by_side((800,))])
    second = measured([*ALONE, *side_by_side((800,), (0, 1))])
    assert gain(second, side_by_side((800,), (2,))) < gain(first, side_by_side((800,), (1,)))


def test_a_budget_near_the_end_tells_more_than_a_small_one() -> None:
    points = measured([*ALONE, *side_by_side((100,))])
    small, large = gain(points, side_by_side((200,))), gain(points, side_by_side((12_800,)))
    assert large > 2 * small


def test_what_is_seen_of_one_strategy_says_little_of_another() -> None:
    """Beyond the law the strategies walk each for itself."""
    points = measured([*ALONE, *side_by_side((100, 400))])
    _, ahead = told(points, side_by_side((6400,)))
    correlation = ahead.cross / np.sqrt(np.diag(ahead.inner))
    assert all(correlation[m, m] == max(correlation[m]) for m in range(3))


@pytest.mark.parametrize("points", [[], measured(ALONE), measured([*ALONE, *side_by_side((100, 1600), (0, 1))])])
def test_covariances_are_covariances_before_and_after_the_first_points(points: list[Measurement]) -> None:
    _, ahead = told(points, side_by_side((100, 400, 1600), (2, 3)))
    assert np.linalg.eigvalsh(ahead.inner).min() > 0
    assert np.allclose(ahead.inner, ahead.inner.T)
    assert ahead.gain(np.zeros(3), range(18)) < 0.5


def test_more_results_never_tell_less() -> None:
    points = measured([*ALONE, *side_by_side((100,))])
    cells = side_by_side((200, 1600))
    case, ahead = told(points, cells)
    reached = ends(case, np.full(3, 20_000.0)).mean(axis=0)
    grown = [ahead.gain(reached, range(count)) for count in range(1, 7)]
    assert all(after >= before - 1e-6 for before, after in pairwise(grown))
