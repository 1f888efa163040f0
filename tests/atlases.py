"""A small atlas with drawn outcomes, for pages and views: answers win at few examples a seed, new questions at many."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from pathlib import Path

from engine.atlas.design import ANSWERS, MIXED, NEW, REAL, REPHRASE, SEEDS_ONLY, UNTUNED, WEAK, Place
from engine.atlas.table import AtlasCell, packed, write

ITEMS = 200
PLACES = (
    *(
        Place("maths", arm, 100, budget, r)
        for arm in (ANSWERS, REPHRASE, NEW)
        for budget in (100, 800, 3200)
        for r in range(3)
    ),
    Place("maths", MIXED, 100, 3200, 0),
    Place("maths", NEW, 100, 3200, 0, augmenter=WEAK),
    Place("maths", SEEDS_ONLY, 100, 0, 0),
    Place("maths", UNTUNED, 0, 0, 0),
    Place("sql", NEW, 30, 100, 0),
)
GAIN = {ANSWERS: (0.2, 2.0), REPHRASE: (0.08, 8.0), NEW: (0.09, 60.0), MIXED: (0.1, 30.0), REAL: (0.2, 100.0)}
"""Slope and reach, in examples a seed."""


def share_right(place: Place) -> float:
    """What a cell gets right in the mean, as the published shape has it."""
    if place.arm in (SEEDS_ONLY, UNTUNED):
        return 0.2
    slope, reach = GAIN[place.arm]
    worth = reach * (1 - math.exp(-place.ratio / reach))
    return 0.2 + slope * math.log2(1 + worth) * (0.5 if place.augmenter == WEAK else 1.0)


def cell(place: Place) -> AtlasCell:
    """That place with outcomes drawn around its share."""
    rng = random.Random(place.key)
    right = [rng.random() < share_right(place) for _ in range(ITEMS)]
    return AtlasCell(
        world=place.world, arm=place.arm, seeds=place.seeds, budget=place.budget, replicate=place.replicate,
        augmenter=place.augmenter, check=place.check, student=place.student, examples=place.budget,
        queries=place.budget, items=ITEMS, right=packed(right), steps=60, final_loss=0.5, make_seconds=1.0,
        train_seconds=2.0, answer_seconds=1.0, cpu_seconds=4.0, student_mark="0" * 12, world_mark="1" * 12,
        version="0", measured_at="2026-11-21T00:00:00Z",
    )  # fmt: skip


def written(folder: Path, places: Iterable[Place] = PLACES) -> Path:
    """An atlas of these places in that folder."""
    write(folder / "cells.parquet", [cell(place) for place in places])
    return folder
