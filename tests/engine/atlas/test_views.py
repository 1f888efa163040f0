"""Curves and winners of an atlas follow from its cells, and what is not measured is not there."""

from __future__ import annotations

import pytest

from engine.atlas.design import ANSWERS, NEW, REPHRASE, SEEDS_ONLY, STRONG, UNTUNED, WEAK
from engine.atlas.views import World
from tests.atlases import PLACES, cell

CELLS = tuple(cell(place) for place in PLACES)


def test_a_curve_holds_each_measured_budget_with_the_mean_of_its_replicates():
    points = World(CELLS, "maths", STRONG).curve(ANSWERS, 100)
    assert [(point.budget, point.replicates) for point in points] == [(100, 3), (800, 3), (3200, 3)]
    for point in points:
        here = [c.accuracy for c in CELLS if (c.arm, c.budget) == (ANSWERS, point.budget)]
        assert point.mean == pytest.approx(sum(here) / 3)
        assert point.low80 < point.mean < point.high80


def test_baselines_have_one_point_and_the_untuned_student_no_seeds():
    world = World(CELLS, "maths", STRONG)
    (alone,), (untuned,) = world.curve(SEEDS_ONLY, 100), world.curve(UNTUNED, 1000)
    assert (alone.budget, untuned.budget) == (0, 0)
    assert world.curve(SEEDS_ONLY, 1000) == ()


def test_answers_win_at_few_examples_a_seed_and_new_questions_at_many():
    world = World(CELLS, "maths", STRONG)
    few, many = world.winner(100, 100), world.winner(100, 3200)
    assert few is not None
    assert many is not None
    assert (few.arm, many.arm) == (ANSWERS, NEW)
    assert set(many.compared) == {ANSWERS, REPHRASE, NEW}, "a mix competes with nobody"
    assert few.p_best > 0.9
    assert few.low80 < few.lead < few.high80


def test_a_place_with_one_strategy_has_no_winner_and_a_world_without_cells_has_nothing():
    assert World(CELLS, "sql", STRONG).winner(30, 100) is None
    assert World(CELLS, "facts", STRONG).winners() == ()
    assert World(CELLS, "facts", STRONG).curve(NEW, 100) == ()
    assert {(one.seeds, one.budget) for one in World(CELLS, "maths", STRONG).winners()} == {
        (100, 100),
        (100, 800),
        (100, 3200),
    }


def test_a_weak_augmenter_changes_what_is_written_and_not_the_answers():
    strong, weak = World(CELLS, "maths", STRONG), World(CELLS, "maths", WEAK)
    assert weak.curve(ANSWERS, 100) == strong.curve(ANSWERS, 100)
    (measured,) = weak.curve(NEW, 100)
    assert measured.budget == 3200
    assert measured.mean < strong.curve(NEW, 100)[-1].mean
