"""A variant is compared with the plain cell beside it, item by item."""

from __future__ import annotations

import random

from engine.domain import Cell, Measurement, Strategy
from engine.variant_effects import effects

NQ = Strategy.NEW_QUESTION


def measured(variant: str, right: float, replicate: int = 0, budget: int = 100, items: int = 300) -> Measurement:
    rng = random.Random(replicate)
    outcomes = tuple(float(rng.random() < right) for _ in range(items))
    examples = 40 if variant != "plain" else 50
    return Measurement(
        Cell(NQ, 30, budget, replicate, variant), int(sum(outcomes)), items, 0, examples, outcomes=outcomes
    )


def test_a_variant_that_helps_stands_above_the_plain_cell():
    cells = [measured(v, p, r) for v, p in (("plain", 0.5), ("majority", 0.7)) for r in (0, 1)]
    (effect,) = effects(cells)
    assert (effect.variant, effect.budget, effect.examples) == ("majority", 100, (50, 40))
    assert 0 < effect.found.low < effect.found.difference < effect.found.high
    assert effect.found.seed_error is not None


def test_a_variant_that_changes_nothing_is_not_told_from_the_plain_cell():
    (effect,) = effects([measured("plain", 0.5), measured("majority", 0.5)])
    assert effect.found.difference == 0
    assert effect.found.low <= 0 <= effect.found.high
    assert effect.found.seed_error is None, "one run each says nothing about training seeds"


def test_without_a_plain_cell_beside_it_nothing_is_said():
    assert effects([measured("majority", 0.6), measured("plain", 0.5, budget=200)]) == ()
