import itertools

import numpy as np
import pytest

from engine.costs import calls_per_example
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType
from engine.errors import InputError
from engine.fitting.design import Candidate, best, worths
from engine.next_pilot import LEAST_EXAMPLES, MOST, next_pilot

OPEN_BUDGETS = list(itertools.product((100, 400, 1000, 5000), (5, 20, 100)))


def _draws(spread: float, correlation: float, gap: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Ends of two strategies, and results that tell about them."""
    rng = np.random.default_rng(0)
    ends = np.array([0.5 + gap, 0.5]) + spread * rng.standard_normal((4000, 2))
    results = correlation * ends + np.sqrt(1 - correlation**2) * spread * rng.standard_normal((4000, 2))
    return ends, results


def test_a_perfect_result_gains_what_knowing_the_end_would() -> None:
    ends, results = _draws(0.1, 1.0)
    (found,) = worths(ends, results, np.zeros(2) + 1e-9, [Candidate((0, 1), 1.0)])
    assert found.gain == pytest.approx(float(ends.max(axis=1).mean() - ends.mean(axis=0).max()), rel=0.05)


def test_a_result_that_tells_nothing_gains_nothing() -> None:
    ends, results = _draws(0.1, 0.0)
    (found,) = worths(ends, results, np.full(2, 0.01), [Candidate((0, 1), 1.0)])
    assert found.gain < 0.002


def test_noise_and_a_lead_that_is_sure_make_a_result_worth_less() -> None:
    ends, results = _draws(0.1, 0.9)
    clear, noisy = (worths(ends, results, np.full(2, n), [Candidate((0, 1), 1.0)])[0].gain for n in (1e-4, 0.05))
    assert noisy < clear
    led, led_results = _draws(0.1, 0.9, gap=0.5)
    assert worths(led, led_results, np.full(2, 1e-4), [Candidate((0, 1), 1.0)])[0].gain < 0.1 * clear


def test_a_second_replicate_adds_but_never_as_much_as_the_first() -> None:
    ends, results = _draws(0.1, 0.9)
    one, two = worths(ends, results, np.full(2, 0.01), [Candidate((0,), 1.0), Candidate((0, 0), 2.0)])
    assert one.gain < two.gain < 2 * one.gain


def test_nothing_is_bought_that_costs_more_than_it_gains() -> None:
    ends, results = _draws(0.1, 0.9)
    found = worths(ends, results, np.full(2, 0.001), [Candidate((0,), 1.0), Candidate((0, 1), 2.0)])
    assert best(found, price=0.0) is not None
    assert best(found, price=1.0) is None


@pytest.mark.parametrize(("seeds", "ratio"), OPEN_BUDGETS)
@pytest.mark.parametrize("task", [TaskType.MATH, TaskType.STRUCTURED])
def test_a_pilot_stays_within_its_share_of_the_budget(task: TaskType, seeds: int, ratio: int) -> None:
    found = next_pilot(Situation(task, seeds, seeds * ratio))
    assert 0 <= found.queries <= MOST * seeds * ratio
    assert bool(found.cells) == (found.queries > 0)
    for cell in found.cells:
        assert cell.seeds <= seeds
        assert cell.queries >= LEAST_EXAMPLES * calls_per_example(cell.strategy)


def test_prefixes_are_paid_once() -> None:
    found = next_pilot(Situation(TaskType.STRUCTURED, 1000, 20000))
    assert found.cells
    pools = {
        (c.strategy, c.seeds): max(x.queries for x in found.cells if x.strategy is c.strategy and x.seeds == c.seeds)
        for c in found.cells
    }
    assert found.queries == sum(pools.values())


def test_what_has_been_measured_over_and_over_is_not_measured_again() -> None:
    situation = Situation(TaskType.STRUCTURED, 1000, 20000, test_items=1000)
    assert next_pilot(situation).cells
    right = {Strategy.ANSWER_AUGMENTATION: 2000, Strategy.QUESTION_REPHRASE: 3000, Strategy.NEW_QUESTION: 4500}
    measured = [
        Measurement(
            Cell(strategy, 1000, queries, replicate),
            int(correct * (0.7 + 0.3 * queries / 20000)),
            5000,
            0,
            queries // calls_per_example(strategy),
        )
        for strategy, correct in right.items()
        for queries in (2500, 5000, 10000, 20000)
        for replicate in range(3)
    ]
    measured.append(Measurement(Cell(Baseline.SEEDS_ONLY, 1000, 0, 0), 1500, 5000, 0, 0))
    found = next_pilot(situation, measured)
    assert not found.cells
    assert "Spend the budget" in found.why


def test_a_wrong_situation_and_wrong_points_are_told_together() -> None:
    bad = Measurement(Cell(Strategy.NEW_QUESTION, 10, 10, 0), 7, 5, 0, 5)
    with pytest.raises(InputError) as caught:
        next_pilot(Situation(TaskType.MATH, 0, 3000), [bad])
    assert len(caught.value.problems) == 2
