"""A pilot's strategies are compared with the seeds alone and with each other, and what is said of it holds."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.false_winners import World, lead_of, measured, pilot
from engine.domain import Baseline, Cell, Measurement, Strategy
from engine.run_noise import POOL_SD, pool_noise
from engine.run_pairs import run_pairs
from engine.run_verdict import noise_told, verdict

AA, QR, NQ = Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION
SMALL = World("as assumed", seed=0.12, pool=0.10)


def of_one(world: World = SMALL, points: float = 0.0, seed: int = 0) -> list[Measurement]:
    return pilot(np.random.default_rng(seed), world, lead_of(points, world) if points else 0.0)[0]


def test_every_strategy_meets_the_seeds_alone_and_every_other_at_each_budget_the_largest_first() -> None:
    pairs = run_pairs(of_one()).pairs
    assert [(p.one, p.other) for p in pairs[:6]] == [
        *((s, Baseline.SEEDS_ONLY) for s in (AA, QR, NQ)), (AA, QR), (AA, NQ), (QR, NQ),
    ]  # fmt: skip
    assert [p.budget for p in pairs] == [1600] * 6 + [200] * 6
    assert all(p.runs == (2, 2) for p in pairs[:6])
    assert pairs[6].runs == (3, 2), "the second pool is a third run of the same cell"


def test_of_60_pilots_without_a_difference_at_most_4_have_a_winner_and_a_large_one_is_found() -> None:
    """200 pilots in eight worlds: `seedpilot bench false_winners`, docs/benchmarks.md."""
    row = measured(SMALL, 60, 30.0, seed=3)
    assert row["pairs"] == 12
    assert row["false_winners"] <= 4
    assert row["found_percent"] >= 90
    assert row["wrong_side"] == 0


def test_the_same_measurements_give_the_same_numbers() -> None:
    assert run_pairs(of_one()) == run_pairs(of_one())


def test_variants_the_teacher_and_cells_without_item_results_take_no_part() -> None:
    cells = of_one()
    more = [
        Measurement(Cell(NQ, 100, 1600, 0, "majority"), 300, 300, 0, 10, outcomes=(1.0,) * 300),
        Measurement(Cell(Baseline.TEACHER, 100, 0, 0), 100, 100, 0, 0, outcomes=(1.0,) * 100),
        Measurement(Cell(NQ, 100, 800, 0), 300, 300, 0, 10),
    ]
    assert run_pairs([*cells, *more]).pairs == run_pairs(cells).pairs
    assert run_pairs([]).pairs == ()
    assert verdict(run_pairs([])) == ""


def test_gaps_between_pools_move_the_guess_and_none_leaves_it() -> None:
    alike = run_pairs(of_one(World("alike", pool=0.0, seed=0.0, suits=0.0, items=3000)))
    apart = run_pairs(of_one(World("apart", pool=0.6, seed=0.0, suits=0.0, items=3000), seed=1))
    one = run_pairs(of_one(World("one pool", seed=0.0, suits=0.0, items=3000, second_pool=False)))
    assert (alike.pool_gaps, apart.pool_gaps, one.pool_gaps) == (3, 3, 0)
    assert alike.pool_sd is not None
    assert apart.pool_sd is not None
    assert one.pool_sd is not None
    assert alike.pool_sd < one.pool_sd < apart.pool_sd
    assert one.pool_sd == pytest.approx(POOL_SD * 0.22, rel=0.2), "the guess, at accuracies about a half"
    assert pool_noise({}, {}, None) is None


def test_pools_and_seeds_widen_the_interval_beyond_that_of_the_items() -> None:
    (pair, *_) = run_pairs(of_one()).pairs
    assert pair.found.seed_error is not None
    assert pair.found.pool_error is not None
    assert pair.standard_error > pair.found.item_error
    assert pair.found.high - pair.found.low > 3.5 * pair.found.item_error


def test_one_replicate_says_nothing_of_seeds() -> None:
    found = run_pairs(of_one(World("one", replicates=1)))
    assert found.seed_sd is None
    assert all(pair.found.seed_error is None for pair in found.pairs)
    assert "not known and not counted" in noise_told(found)


def test_mcnemar_speaks_of_the_first_adapter_of_each() -> None:
    cells = of_one()
    (pair, *_) = run_pairs(cells).pairs
    one = next(m for m in cells if m.cell == Cell(AA, 100, 1600, 0)).outcomes
    other = next(m for m in cells if m.cell == Cell(Baseline.SEEDS_ONLY, 100, 0, 0)).outcomes
    assert pair.first.won == sum(a == 1 and b == 0 for a, b in zip(one, other, strict=True))
    assert 0 < pair.first.p <= 1


def test_the_verdict_names_a_winner_only_where_there_is_one() -> None:
    none = verdict(run_pairs(of_one()))
    assert "No strategy can be told from your seeds alone at 1,600 queries" in none
    assert "no strategy can be told from another" in none
    found = run_pairs(of_one(points=35.0))
    said = verdict(found)
    assert said.startswith("Better than your seeds alone at 1,600 queries: new questions by +")
    assert "new questions lead answers by" in said
    drowning = re.search(r"under about ([\d.]+) points drown", said)
    assert drowning is not None
    assert 2 < float(drowning[1]) < 25
    assert "(from 3 gaps between independent pools" in noise_told(found)


def test_families_widen_what_is_shared() -> None:
    world = World("families", family=10, suits=1.5)
    cells, families = pilot(np.random.default_rng(0), world, 0.0)
    (clustered, *_), (plain, *_) = run_pairs(cells, families).pairs, run_pairs(cells).pairs
    assert clustered.found.families == 30
    assert clustered.found.item_error > 1.5 * plain.found.item_error
