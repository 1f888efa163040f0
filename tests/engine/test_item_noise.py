import numpy as np
import pytest

from engine import item_noise, posterior, prior
from engine.domain import Cell, Measurement, Strategy, TaskType

ITEMS = 400
HARD = np.random.default_rng(1).random(ITEMS)
"""How hard each test item is."""


def _cell(
    strategy: Strategy,
    share: float,
    seed: int,
    *,
    known: bool,
    shared: bool = True,
    replicate: int = 0,
    examples: int = 1000,
) -> Measurement:
    rng = np.random.default_rng(seed)
    hard = HARD if shared else rng.permutation(HARD)
    right = (0.85 * hard + 0.15 * rng.random(ITEMS)) < np.quantile(0.85 * hard + 0.15 * rng.random(ITEMS), share)
    outcomes = tuple(float(r) for r in right) if known else ()
    cell = Cell(strategy, 100, 2 * examples, replicate)
    return Measurement(cell, int(right.sum()), ITEMS, 0, examples, None, outcomes)


def _pair(*, known: bool, shared: bool = True) -> list[Measurement]:
    return [
        _cell(Strategy.ANSWER_AUGMENTATION, 0.50, 2, known=known, shared=shared),
        _cell(Strategy.NEW_QUESTION, 0.58, 3, known=known, shared=shared),
    ]


def test_cells_without_item_results_are_independent() -> None:
    np.testing.assert_array_equal(item_noise.correlation(_pair(known=False)), np.eye(2))


def test_cells_on_the_same_items_share_their_noise_and_others_do_not() -> None:
    assert item_noise.correlation(_pair(known=True))[0, 1] > 0.5
    assert abs(item_noise.correlation(_pair(known=True, shared=False))[0, 1]) < 0.2


def test_a_cell_that_got_everything_right_is_independent() -> None:
    perfect = Measurement(Cell(Strategy.NEW_QUESTION, 100, 2000, 0), ITEMS, ITEMS, 0, 1000, None, (1.0,) * ITEMS)
    found = item_noise.correlation([*_pair(known=True), perfect])
    np.testing.assert_array_equal(found[2], [0, 0, 1])
    assert np.linalg.eigvalsh(found).min() > -1e-9


def test_items_that_one_cell_has_no_score_for_are_left_out_for_all() -> None:
    first, second = _pair(known=True)
    holes = tuple(None if i < 100 else o for i, o in enumerate(second.outcomes))
    found = item_noise.correlation([first, Measurement(second.cell, 150, 300, 100, 1000, None, holes)])
    expected = np.corrcoef(np.array(first.outcomes[100:]), np.array(second.outcomes[100:]))
    assert found == pytest.approx(expected)


def test_many_cells_on_the_same_items_make_differences_surer_than_levels() -> None:
    draws = prior.for_task(TaskType.MATH, "strong")
    spreads = []
    for known in (False, True):
        cells = [
            _cell(strategy, share, 10 * place + replicate, known=known, replicate=replicate, examples=examples)
            for place, (strategy, examples, share) in enumerate(
                (strategy, examples, 0.4 + 0.04 * lift + 0.05 * step)
                for lift, strategy in enumerate((Strategy.ANSWER_AUGMENTATION, Strategy.NEW_QUESTION))
                for step, examples in enumerate((250, 500, 1000))
            )
            for replicate in range(4)
        ]
        fitted = posterior.refit(draws, cells, 0.0)
        right = fitted.accuracies(100, np.full((1, 3), 1000.0))[:, 0]
        spreads.append(((right[:, 2] - right[:, 0]).std(), right[:, 0].std()))
    (alone, level_alone), (together, level_together) = spreads
    assert level_together > level_alone, "twelve cells on one set of items are no twelve sets of items"
    assert together / level_together < 0.9 * alone / level_alone
