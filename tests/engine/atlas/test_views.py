"""Curves and winners of an atlas follow from its cells, and what is not measured is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.atlas.design import ANSWERS, BUDGETS, NEW, REAL, REPHRASE, SEEDS, SEEDS_ONLY, STRONG, UNTUNED, WEAK, Place
from engine.atlas.table import packed
from engine.atlas.views import World, competing, opening
from tests.atlases import ITEMS, PLACES, cell

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
    assert (few.lead.arm, many.lead.arm) == (ANSWERS, NEW)
    assert (few.ratio, many.ratio) == (1, 32)
    assert set(many.compared) == {ANSWERS, REPHRASE, NEW}, "a mix competes with nobody"
    assert few.lead.p_best > 0.9
    assert few.lead.low80 < few.lead.mean < few.lead.high80


def test_a_world_without_cells_has_nothing():
    world = World(CELLS, "facts", STRONG)
    assert world.winners() == ()
    assert world.curve(NEW, 100) == ()
    assert world.band(0, 1e9) is None
    assert opening([world]) is None


def test_nobody_wins_where_one_who_competes_was_not_measured():
    """At 400 examples rephrasings are missing, so that answers would win among those that happen to be there."""
    places = [Place("maths", arm, 100, 400, r) for arm in (ANSWERS, NEW) for r in range(3)]
    world = World((*CELLS, *map(cell, places)), "maths", STRONG)
    assert world.winner(100, 400) is None
    assert [(one.seeds, one.budget) for one in world.winners()] == [(100, 100), (100, 800), (100, 3200)]
    missing = {(one.seeds, one.budget): one.arms for one in world.missing()}
    assert missing[100, 400] == (REPHRASE,)
    assert missing[30, 100] == (ANSWERS, REPHRASE, NEW)
    assert len(missing) == len(SEEDS) * len(BUDGETS) - 3


def test_real_questions_win_nothing_and_are_held_against_who_does():
    real = replace(cell(Place("maths", REAL, 100, 800, 0)), right=packed([True] * ITEMS))
    before, now = World(CELLS, "maths", STRONG), World((*CELLS, real), "maths", STRONG)
    without, found = before.winner(100, 800), now.winner(100, 800)
    assert without is not None
    assert found is not None
    assert without.real is None
    assert found.lead.arm == without.lead.arm
    assert found.real is not None
    best = next(point.mean for point in now.curve(found.lead.arm, 100) if point.budget == 800)
    assert found.real.mean == pytest.approx(1 - best)
    assert found.real.p_best == 1
    assert REAL not in competing("maths")


def test_a_band_is_the_mean_of_its_places():
    world = World(CELLS, "maths", STRONG)
    band = world.band(1, 8)
    assert band is not None
    means = {arm: [p.mean for p in world.curve(arm, 100) if p.budget in (100, 800)] for arm in competing("maths")}
    first, second, _ = sorted((sum(found) / 2 for found in means.values()), reverse=True)
    assert band.mean == pytest.approx(first - second)
    many, alone = world.band(32, 1e9), world.winner(100, 3200)
    assert alone is not None
    assert many == alone.lead


def test_the_atlas_opens_where_the_lead_is_largest_for_sure():
    worlds = [World(CELLS, name, STRONG) for name in ("sql", "maths")]
    surest = max(worlds[1].winners(), key=lambda one: one.lead.low80)
    assert opening(worlds) == ("maths", surest.seeds, surest.budget)
    # A world in which two compete says less, however far they are apart.
    tickets = [cell(Place("tickets", REPHRASE, 30, 100, 0)), cell(Place("tickets", NEW, 30, 100, 0))]
    apart = [replace(one, right=packed([one.arm == NEW] * ITEMS)) for one in tickets]
    two = World(apart, "tickets", STRONG)
    assert opening([two]) == ("tickets", 30, 100)
    assert opening([two, worlds[1]]) == ("maths", surest.seeds, surest.budget)


def test_a_weak_augmenter_changes_what_is_written_and_not_the_answers():
    strong, weak = World(CELLS, "maths", STRONG), World(CELLS, "maths", WEAK)
    assert weak.curve(ANSWERS, 100) == strong.curve(ANSWERS, 100)
    (measured,) = weak.curve(NEW, 100)
    assert measured.budget == 3200
    assert measured.mean < strong.curve(NEW, 100)[-1].mean
