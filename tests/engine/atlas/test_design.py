"""The atlas's design: what it holds, and in which order it is measured."""

from __future__ import annotations

from collections import Counter

from engine.atlas.design import (
    A_BATCH,
    ANSWERS,
    BUDGETS,
    MIXED,
    NEW,
    PLAIN,
    REAL,
    REPHRASE,
    SECOND,
    SEEDS,
    SEEDS_ONLY,
    STRONG,
    UNTUNED,
    USUAL,
    WORLDS,
    batches,
    planned,
    wave,
    weight,
)
from engine.sandbox.catalogue import NAMES

PLANNED = planned()


def test_the_first_student_has_1500_cells_and_every_strategy_three_replicates_at_every_budget() -> None:
    assert len({place.key for place in PLANNED}) == len(PLANNED)
    assert sum(place.student != SECOND for place in PLANNED) >= 1500
    assert set(WORLDS) == set(NAMES)
    for world in WORLDS:
        plain = [
            (p.arm, p.seeds, p.budget)
            for p in PLANNED
            if (p.world, p.augmenter, p.check, p.setting) == (world, STRONG, PLAIN, USUAL) and p.student != SECOND
        ]
        counts = Counter(plain)
        for seeds in SEEDS:
            assert counts[SEEDS_ONLY, seeds, 0] == 3
            for budget in BUDGETS:
                assert (counts[REPHRASE, seeds, budget], counts[NEW, seeds, budget]) == (3, 3)
                assert counts[ANSWERS, seeds, budget] == (0 if world == "tickets" else 3)
            assert {arm for arm, of, _ in counts if of == seeds} >= {REAL, MIXED}
        assert counts[UNTUNED, 0, 0] == 1


def test_whatever_is_trained_has_three_replicates() -> None:
    counts = Counter(place.of_replicates for place in PLANNED)
    assert {place for place, count in counts.items() if count != 3} == {
        place for place in counts if place.arm == UNTUNED
    }


def test_every_cell_of_a_slice_has_the_cell_beside_it_that_differs_in_nothing_else() -> None:
    keys = {place.key for place in PLANNED}
    for place in PLANNED:
        assert place.key.replace("-weak-", "-strong-") in keys
        assert place.key.replace("-gold-", "-plain-").replace("-votes-", "-plain-") in keys
        assert place.key.replace("-second", "-first") in keys
        assert place.key.removesuffix(f"-{place.setting}") in keys


def test_corners_and_the_region_of_the_crossover_come_first_and_later_replicates_later() -> None:
    first = [place for place in PLANNED if wave(place) == 0]
    assert PLANNED[: len(first)] == tuple(first)
    assert {place.world for place in first} == set(WORLDS)
    assert {(p.seeds, p.budget) for p in first if p.arm == NEW and p.world == "facts"} >= {
        *((seeds, budget) for seeds in (30, 1000) for budget in (100, 3200)),
        *((100, budget) for budget in (400, 800, 1600, 3200)),
        *((300, budget) for budget in (1600, 3200)),
    }
    assert all(place.replicate == 0 for place in first)
    place = first[5]
    later = next(p for p in PLANNED if p.key == place.key.replace("-r0-", "-r2-"))
    assert wave(later) == wave(place) + 6


def test_a_batch_shares_world_seeds_student_and_replicate_and_none_is_lost() -> None:
    made = batches(PLANNED)
    assert {place for batch in made for place in batch.places} == set(PLANNED)
    assert sum(len(batch.places) for batch in made) == len(PLANNED)
    assert len({batch.name for batch in made}) == len(made)
    for batch in made:
        assert len({(p.world, p.student, p.replicate) for p in batch.places}) == 1
        assert len({p.seeds or SEEDS[0] for p in batch.places}) == 1
        assert len(batch.places) == 1 or sum(map(weight, batch.places)) <= A_BATCH
