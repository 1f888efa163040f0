"""Cells of one atlas were measured with one state of the worlds, the teacher and the recipe: where one of them changes,
the shipped cells go, and an atlas begins anew (`world_mark` sees test items alone)."""

from __future__ import annotations

import hashlib

import pytest

from engine.atlas import measure
from engine.atlas.design import ERRING, EXACT, WORLDS
from engine.domain import Recipe
from engine.sandbox.catalogue import world_of
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.sandbox.worlds import STRONG, WEAK, Augmenter
from engine.teachers.sandbox import SandboxTeacher

SEEDS_AND_INPUTS = {
    "maths": "64f87e120e38",
    "sql": "cce77347e675",
    "facts": "911aed329cf4",
    "tickets": "99698902bca2",
    "open": "502f2199ba7f",
}
"""SHA-256, its first 12 digits, of what the shipped cells were measured with."""


@pytest.mark.parametrize("name", WORLDS)
def test_seeds_and_unlabelled_inputs_are_those_that_the_shipped_cells_were_measured_with(name: str) -> None:
    world = world_of(name)
    drawn = [item for replicate in range(3) for item in (*world.seeds(1000, replicate), *world.inputs(200, replicate))]
    text = "\x00".join(f"{item.asked}\x01{item.answer}" for item in drawn)
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == SEEDS_AND_INPUTS[name]


def test_teacher_augmenters_and_recipe_are_those_that_the_shipped_cells_were_measured_with() -> None:
    assert SandboxTeacher().error_rate == measure.USUAL_ERRORS == 0.05
    assert measure.ERRORS == {EXACT: 0.0, ERRING: 0.2}
    assert Augmenter(unanswerable=0.05, off_distribution=0.2, changed=0.05) == STRONG
    assert Augmenter(unanswerable=0.35, off_distribution=0.5, changed=0.08) == WEAK
    assert (
        Recipe(learning_rate=2e-3, batch_size=16, epochs=3.0, min_steps=60, rank=16, alpha=32.0, max_length=256)
        == SANDBOX_RECIPE
    )
