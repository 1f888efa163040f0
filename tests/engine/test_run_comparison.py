"""Runs side by side: paired where they were tested on the same items, and said to be unpaired where not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.domain import Arm, Baseline, Cell, Measurement, Strategy
from engine.errors import InputError
from engine.items import write_jsonl
from engine.plan import check_plan
from engine.run_comparison import compare
from engine.settings import Settings
from engine.store import Store

NEW, ALONE, TEACHER = Strategy.NEW_QUESTION, Baseline.SEEDS_ONLY, Baseline.TEACHER
ITEMS = [f"What is {number} plus {number}?" for number in range(200)]


@pytest.fixture
def store() -> Store:
    return Store(Settings().store_path)


def filed(
    store: Store,
    run_id: str,
    shares: dict[Arm, float],
    items: list[str] = ITEMS,
    family_of: int | None = None,
    **plan: object,
) -> str:
    """A run in which each arm's one adapter gets its share of the items right: the first so many of a fixed draw, so
    that what is hard for one is hard for all."""
    checked = check_plan({"name": run_id, "seeds": {"count": 50}} | plan)
    store.file_run(run_id, run_id, checked.model_dump(mode="json"), run_id)
    order = random.Random(0).sample(ITEMS, len(ITEMS))
    for arm, share in shares.items():
        cell = Cell(arm, 50, 400 if isinstance(arm, Strategy) else 0, 0)
        asked = items[:20] if arm is TEACHER else items
        right = set(order[: round(share * len(ITEMS))])
        outcomes = [float(question in right) for question in asked]
        folder = store.folder(run_id) / "cells" / cell.key
        rows = [
            {"question": q, "gold": "4", "family": None if family_of is None else str(i // family_of)}
            for i, q in enumerate(asked)
        ]
        write_jsonl(folder / "predictions.jsonl", rows)
        store.plan_cells(run_id, [cell])
        measured = Measurement(cell, int(sum(outcomes)), len(asked), 0, 100)
        store.record_cell(run_id, measured, outcomes, {}, str(folder))
    return run_id


def test_cells_of_two_runs_on_the_same_items_are_paired(store: Store):
    runs = [filed(store, "a", {ALONE: 0.5, NEW: 0.8}), filed(store, "b", {ALONE: 0.5, NEW: 0.6}, student="org/other")]
    found = compare(store, runs)
    assert not found.unpaired
    alone, new = found.gaps
    assert (alone.arm, alone.found.difference, alone.winner) == (ALONE, 0.0, None)
    assert (new.arm, new.found.items, new.winner) == (NEW, 200, "a")
    assert new.found.difference == pytest.approx(0.2)
    assert new.found.low < 0.2 < new.found.high
    assert found.differ == {"student": ("sandbox", "org/other")}
    assert [line.results[0].mean for line in found.lines if line.results[0]] == [0.5, 0.8]


def test_items_in_another_order_are_the_same_items(store: Store):
    shuffled = random.Random(1).sample(ITEMS, len(ITEMS))
    runs = [filed(store, "a", {ALONE: 0.7}), filed(store, "b", {ALONE: 0.7}, items=shuffled)]
    (gap,) = compare(store, runs).gaps
    assert (gap.found.difference, gap.found.item_error) == (0.0, 0.0), "item by item they agree"


def test_runs_on_different_items_are_not_paired_and_it_is_said(store: Store):
    runs = [filed(store, "a", {ALONE: 0.5, NEW: 0.8}), filed(store, "b", {ALONE: 0.5, NEW: 0.6}, items=ITEMS[50:])]
    found = compare(store, runs)
    assert found.gaps == ()
    assert found.unpaired == (("a", "b", "they were tested on different items (150 of 200 and 150 are shared)"),)
    assert len(found.lines) == 2, "side by side all the same"


def test_answers_that_another_task_scored_are_not_paired(store: Store):
    runs = [filed(store, "a", {ALONE: 0.5}), filed(store, "b", {ALONE: 0.5}, task="multiple_choice")]
    assert compare(store, runs).unpaired[0][2] == "their answers are scored by different tasks"


def test_a_run_without_predictions_is_shown_and_not_paired(store: Store):
    runs = [filed(store, "a", {ALONE: 0.5}), filed(store, "b", {ALONE: 0.5})]
    for path in store.folder("b").rglob("predictions.jsonl"):
        path.unlink()
    found = compare(store, runs)
    assert "no predictions of b lie on the disk" in found.unpaired[0][2]
    assert found.lines[0].results[1] is not None


def test_the_teachers_of_two_runs_are_paired_on_the_items_that_they_answered(store: Store):
    runs = [filed(store, "a", {ALONE: 0.5, TEACHER: 1.0}), filed(store, "b", {ALONE: 0.5, TEACHER: 0.5})]
    (gap,) = [gap for gap in compare(store, runs).gaps if gap.arm is TEACHER]
    assert gap.found.items == 20
    assert gap.found.difference > 0.2


def test_families_are_drawn_together(store: Store):
    def width(folder: str, family_of: int | None) -> float:
        runs = [
            filed(store, f"{folder}{name}", {ALONE: share}, family_of=family_of)
            for name, share in (("a", 0.8), ("b", 0.6))
        ]
        (gap,) = compare(store, runs).gaps
        return gap.found.families

    assert (width("x", None), width("y", 10)) == (200, 20)


def test_three_runs_are_paired_two_by_two_under_one_correction(store: Store):
    runs = [filed(store, name, {NEW: share}) for name, share in (("a", 0.8), ("b", 0.6), ("c", 0.8))]
    found = compare(store, runs)
    assert [(gap.one, gap.other) for gap in found.gaps] == [("a", "b"), ("a", "c"), ("b", "c")]
    alone = compare(store, runs[:2]).gaps[0]
    assert found.gaps[0].adjusted_p > alone.adjusted_p, "more pairs, more caution"
    assert found.gaps[1].winner is None


@pytest.mark.parametrize("runs", [["a"], ["a", "a"], [f"r{n}" for n in range(7)]])
def test_one_run_or_seven_are_refused(store: Store, runs: list[str]):
    filed(store, "a", {ALONE: 0.5})
    with pytest.raises(InputError, match="expected 2 to 6"):
        compare(store, runs)


def test_copies_of_one_file_in_two_runs_are_no_difference(store: Store, tmp_path: Path):
    runs = [
        filed(store, name, {ALONE: 0.5}, seeds={"path": f"/home/u/{name}/input/0-seeds.jsonl", "count": 50}, test={})
        for name in ("a", "b")
    ]
    assert compare(store, runs).differ == {}
