"""Atlases whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.atlas.design import ANSWERS, MIXED, NEW, REPHRASE, SEEDS_ONLY, UNTUNED, WEAK, Place, planned
from engine.atlas.table import AtlasCell, packed

REACH = {ANSWERS: (1.0, 6.0), REPHRASE: (0.9, 12.0), NEW: (0.7, 60.0)}
"""Quality and reach, as design.md has them."""


def accuracy(place: Place) -> float:
    """A world that is as the law says, where mixes win, checks do nothing and weak augmenters spoil new questions."""
    parts = {ANSWERS: 0.5, NEW: 0.5} if place.arm == MIXED else {place.arm: 1.0}
    useful = float(place.seeds)
    for arm, share in parts.items():
        quality, reach = REACH.get(arm, (0.8, 30.0))
        if arm in (SEEDS_ONLY, UNTUNED):
            continue
        quality *= 0.4 if place.augmenter == WEAK and arm == NEW else 1.0
        useful += quality * reach * place.seeds * (1 - np.exp(-share * place.budget / (reach * place.seeds)))
    return 0.1 + 0.8 * useful**0.8 / (useful**0.8 + 200)


def atlas(
    world: str, truth: Callable[[Place], float], replicates: int = 3, items: int = 500, seed: int = 5
) -> list[AtlasCell]:
    rng = np.random.default_rng(seed)
    hard = rng.random(items)
    cells = []
    for place in planned((world,)):
        if place.replicate < replicates:
            share = truth(place) + 0.01 * rng.standard_normal()
            right = 0.7 * hard + 0.3 * rng.random(items) < share
            cells.append(cell(place, packed([bool(one) for one in right]), items))
    return cells


def cell(place: Place, right: bytes, items: int) -> AtlasCell:
    of = [getattr(place, name) for name in place.__slots__ if name != "setting"]
    return AtlasCell(
        *of,
        place.budget,
        place.budget,
        items,
        right,
        60,
        None,
        1.0,
        2.0,
        3.0,
        5.0,
        "a",
        "b",
        "0",
        "2026-11-21",
        place.setting,
    )


LAWFUL = atlas("maths", accuracy)
