"""Differences between cells: the errors they state are those that simulated pilots have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.paired import Difference, Pair, compare_all, difference
from engine.run_noise import Results, seed_noise

Rng = np.random.Generator


def pilot(
    rng: Rng,
    cells: int,
    runs: int,
    families: int,
    each: int,
    *,
    lead: float = 0.0,
    seed_sd: float = 0.0,
    spread: float = 1.0,
    own: float = 0.5,
) -> tuple[dict[str, Results], list[str]]:
    """Cells of equal quality on hard and easy families; the first leads by `lead` on the logit scale.

    `spread` is how unlike families are, `own` how much a family suits one cell more than another.
    """
    hard = np.repeat(rng.normal(0, spread, families), each)
    found: dict[str, Results] = {}
    for cell in range(cells):
        suits = np.repeat(rng.normal(0, own, families), each)
        level = rng.normal(0, seed_sd, (runs, 1)) + (lead if cell == 0 else 0.0)
        right = rng.random((runs, families * each)) < 1 / (1 + np.exp(-(hard + suits + level)))
        found[f"cell {cell}"] = [[float(one) for one in run] for run in right]
    return found, [f"f{n}" for n in range(families) for _ in range(each)]


def false_wins(pilots: int, draws: int = 600, **given: Any) -> int:
    """Pilots without a difference in which some pair has a winner at 5 % over all pairs."""
    rng = np.random.default_rng(7)
    wins = 0
    for number in range(pilots):
        cells, families = pilot(rng, 4, **given)
        pairs = compare_all(cells, families if given["each"] > 1 else None, draws=draws, seed=number)
        assert len(pairs) == 6
        wins += any(pair.winner() for pair in pairs)
    return wins


@pytest.mark.parametrize(
    "given",
    [
        {"runs": 1, "families": 300, "each": 1},
        {"runs": 1, "families": 60, "each": 5},
        {"runs": 3, "families": 60, "each": 5},
        {"runs": 2, "families": 200, "each": 1, "seed_sd": 0.15},
        {"runs": 3, "families": 60, "each": 5, "seed_sd": 0.15},
    ],
    ids=["mcnemar", "families", "runs", "seeds", "families and seeds"],
)
def test_of_200_pilots_without_a_difference_at_most_15_have_a_winner(given: dict[str, Any]) -> None:
    wins = false_wins(200, **given)
    print(f"{wins} of 200 false winners, nominal 10")
    assert wins <= 15


def test_items_taken_for_independent_find_far_more_winners_that_are_none() -> None:
    """So the check above can fail."""
    rng = np.random.default_rng(7)
    wins = 0
    for number in range(100):
        cells, _ = pilot(rng, 4, 3, 40, 10, own=1.0)
        wins += any(pair.winner() for pair in compare_all(cells, None, draws=600, seed=number))
    assert wins > 20


def test_seeds_left_out_find_far_more_winners_that_are_none() -> None:
    rng = np.random.default_rng(7)
    wins = 0
    for number in range(100):
        cells, families = pilot(rng, 2, 2, 400, 1, seed_sd=0.4)
        found = difference(cells["cell 0"], cells["cell 1"], families, None, draws=600, seed=number)
        wins += found is not None and found.p < 0.05
    assert wins > 20


def one_difference(rng: Rng, seed: int, lead: float = 0.4) -> Difference:
    cells, families = pilot(rng, 4, 3, 80, 5, lead=lead, seed_sd=0.15)
    noise = seed_noise(list(cells.values()))
    found = difference(cells["cell 0"], cells["cell 1"], families, noise, level=0.8, draws=600, seed=seed)
    assert found is not None
    return found


def test_an_interval_of_80_percent_holds_the_truth_in_about_80_of_100_pilots() -> None:
    rng = np.random.default_rng(3)
    truth = float(np.mean([one_difference(np.random.default_rng(1000 + n), n).difference for n in range(300)]))
    found = [one_difference(rng, n) for n in range(200)]
    inside = sum(one.low <= truth <= one.high for one in found)
    print(f"{inside} of 200 intervals of 80 % hold the truth")
    assert 0.72 * 200 <= inside <= 0.9 * 200


def test_a_large_difference_is_found_and_named() -> None:
    cells, families = pilot(np.random.default_rng(0), 3, 2, 60, 5, lead=1.5, seed_sd=0.05)
    pairs = compare_all(cells, families)
    assert [pair.winner() for pair in pairs] == ["cell 0", "cell 0", None]
    assert all(pair.found.low < pair.found.difference < pair.found.high for pair in pairs)


def test_the_seeds_part_is_what_was_put_in_and_needs_replicates() -> None:
    cells, _ = pilot(np.random.default_rng(0), 40, 4, 1000, 1, seed_sd=0.2)
    noise = seed_noise(list(cells.values()))
    assert noise is not None
    assert noise.freedom == 120
    # A logit of 0.2 moves the accuracy by 0.2 times the mean of p (1 - p), which is 0.2 for items as hard as these.
    assert noise.sd == pytest.approx(0.04, rel=0.2)
    still, _ = pilot(np.random.default_rng(0), 40, 4, 1000, 1)
    quiet = seed_noise(list(still.values()))
    assert quiet is not None
    assert quiet.sd < 0.006
    assert seed_noise([run[:1] for run in cells.values()]) is None


def test_without_replicates_the_seeds_part_is_unknown_not_zero() -> None:
    found = difference([[1, 0, 1, 1]], [[0, 0, 1, 0]])
    assert found is not None
    assert found.seed_error is None
    assert (found.items, found.families, found.left_out) == (4, 4, 0)


def test_fractional_scores_are_compared_by_the_same_bootstrap() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(300)
    one = [[float(min(1.0, x + 0.1)) for x in hard]]
    other = [[float(x) for x in hard]]
    (pair,) = compare_all({"one": one, "other": other})
    assert pair.winner() == "one"
    assert pair.found.difference == pytest.approx(np.minimum(1, hard + 0.1).mean() - hard.mean())


def test_an_item_that_some_run_has_no_score_for_is_left_out_and_counted() -> None:
    found = difference([[1, None, 1, 0]], [[0, 1, None, 0]])
    assert found is not None
    assert (found.items, found.left_out, found.difference) == (2, 2, 0.5)
    assert difference([[None]], [[1]]) is None


def test_the_same_seed_gives_the_same_numbers_and_other_items_are_refused() -> None:
    cells, families = pilot(np.random.default_rng(0), 3, 2, 20, 3)
    once: tuple[Pair, ...] = compare_all(cells, families, seed=5)
    assert once == compare_all(cells, families, seed=5)
    with pytest.raises(ValueError, match="same items"):
        difference([[1, 0]], [[1]])


def test_the_standard_error_is_that_of_a_thousand_new_pilots_to_a_tenth() -> None:
    rng = np.random.default_rng(1)
    measured = []
    stated = []
    for number in range(400):
        cells, families = pilot(rng, 2, 1, 60, 5)
        found = difference(cells["cell 0"], cells["cell 1"], families, draws=400, seed=number)
        assert found is not None
        measured.append(found.difference)
        stated.append(found.item_error)
    assert np.mean(stated) == pytest.approx(np.std(measured), rel=0.1)
