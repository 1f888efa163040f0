"""An atlas of a few cells is built for real, stopped, and goes on; what is there is read back item by item."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.atlas.build import Built, build
from engine.atlas.design import (
    ANSWERS,
    ERRING,
    EXACT,
    MIXED,
    NEW,
    SEEDS_ONLY,
    TAIL_ALONE,
    USUAL,
    VOTES,
    WEAK,
    Batch,
    Place,
)
from engine.atlas.measure import LONGEST_ANSWER, Workshop, narrow
from engine.atlas.progress import status
from engine.atlas.table import AtlasCell, load, packed, write
from engine.domain import Outcome, Strategy
from engine.errors import InputError
from engine.sandbox.catalogue import WORLDS
from engine.sandbox.worlds import World

ITEMS = 24
PLACES = (Place("tickets", NEW, 30, 12, 0), Place("tickets", MIXED, 30, 12, 1))


class EnoughError(Exception):
    """The user stops the work."""


def go_on(out: Path, student: Path, tmp_path: Path, lines: list[str], stop_after: int | None = None) -> Built:
    def tell(text: str) -> None:
        lines.append(text)
        if stop_after is not None and len(lines) > stop_after:
            raise EnoughError

    return build(
        out,
        {"first": str(student)},
        hours=1,
        workers=1,
        worlds=("tickets",),
        places=PLACES,
        items=ITEMS,
        tell=tell,
        work=tmp_path / "work",
    )


def test_a_stopped_atlas_is_usable_and_goes_on_where_it_was(student: Path, tmp_path: Path) -> None:
    out = tmp_path / "atlas"
    with pytest.raises(EnoughError):
        go_on(out, student, tmp_path, [], stop_after=1)  # after the first batch
    (first,) = load(out)
    assert first.key == PLACES[0].key
    assert (first.items, len(first.outcomes), first.correct) == (ITEMS, ITEMS, int(first.outcomes.sum()))
    assert 0 < first.examples <= 12 <= first.queries <= 24

    lines: list[str] = []
    built = go_on(out, student, tmp_path, lines)
    assert lines[0] == "2 cells planned, 1 done; 1 batches wait"
    assert (built.cells, built.failed, built.left) == (1, (), 0)
    cells = load(out)
    assert {cell.key for cell in cells} == {place.key for place in PLACES}
    assert next(cell for cell in cells if cell.key == first.key) == first
    assert len(list(out.glob("*.parquet"))) == 2
    assert not list(out.glob("*.part"))
    assert not list((tmp_path / "work").iterdir())

    lines.clear()
    assert go_on(out, student, tmp_path, lines).cells == 0
    assert lines == ["2 cells planned, 2 done; 0 batches wait"]


@pytest.mark.slow
def test_a_cell_does_not_depend_on_when_its_turn_comes(student: Path, tmp_path: Path) -> None:
    with pytest.raises(EnoughError):
        go_on(tmp_path / "parts", student, tmp_path, [], stop_after=1)
    go_on(tmp_path / "parts", student, tmp_path, [])
    go_on(tmp_path / "whole", student, tmp_path, [])
    parts, whole = (
        {cell.key: (cell.right, cell.examples, cell.queries, cell.steps, cell.final_loss) for cell in load(out)}
        for out in (tmp_path / "parts", tmp_path / "whole")
    )
    assert parts == whole


def test_another_student_is_refused_where_cells_of_one_are(student: Path, tmp_path: Path) -> None:
    load_one(tmp_path, packed([True] * 500))
    with pytest.raises(InputError, match=r"measured on student a{12}, and this is .*give another --out"):
        go_on(tmp_path, student, tmp_path, [])
    (tmp_path / "one.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"one\.parquet: is no file of an atlas"):
        load(tmp_path)


def test_results_item_by_item_survive_the_packing_and_reach_the_advice_and_the_curves(tmp_path: Path) -> None:
    right = np.random.default_rng(0).random(500) < 0.4
    kept = load_one(tmp_path, packed([bool(one) for one in right]))
    assert len(kept.right) == 63
    assert (kept.outcomes == right).all()
    measured = kept.measurement()
    assert (measured.cell.arm, measured.cell.seeds, measured.cell.budget) == (Strategy.NEW_QUESTION, 100, 400)
    assert measured.outcomes == tuple(map(float, right))
    assert measured.accuracy == right.mean()
    seen = kept.observation()
    assert (seen.strategy, seen.n, seen.correct, seen.total, seen.seeds) == (NEW, 400, right.sum(), 500, 100)


def load_one(folder: Path, right: bytes) -> AtlasCell:
    cell = AtlasCell(
        *("facts", NEW, 100, 400, 0, "strong", "plain", "first"),
        *(380, 800, 500, right, 100, None, 1.0, 2.0, 3.0, 5.5, "a" * 12, "b" * 12, "0", "2026-11-21T00:00:00+00:00"),
    )
    write(folder / "one.parquet", [cell])
    (found,) = load(folder)
    assert found == cell
    return found


def test_the_state_of_an_atlas_is_counted_by_world_with_the_time_that_is_left(tmp_path: Path) -> None:
    assert load(tmp_path / "nothing") == ()
    empty = status(())
    assert (empty["done"], empty["hours_left"]) == (0, None)
    load_one(tmp_path, packed([True] * 500))
    found = status(load(tmp_path), workers=2)
    facts = next(row for row in found["worlds"] if row["world"] == "facts")
    assert (found["done"], facts["done"], facts["seconds_a_cell"], facts["cpu_seconds_a_cell"]) == (1, 1, 6.0, 5.5)
    assert found["hours_left"] == pytest.approx(status(load(tmp_path), workers=1)["hours_left"] / 2, abs=0.01)


def test_slices_are_made_as_they_say_and_a_smaller_budget_is_a_prefix() -> None:
    """A weak augmenter's new questions are kept more rarely; votes cost more queries; the seeds alone none."""
    base = Place("facts", NEW, 30, 60, 0)
    weak, votes, mixed = replace(base, augmenter=WEAK), replace(base, check=VOTES), replace(base, arm=MIXED)
    half, alone = replace(base, budget=30), replace(base, arm=SEEDS_ONLY, budget=0)
    shop = Workshop(Batch((base, weak, votes, mixed, half, alone)), ITEMS)
    rows = {place: shop.job(place, "student", Path("folder")).examples for place in shop.batch.places}
    assert len(rows[weak]) < len(rows[base]) <= 90
    assert shop.queries(base) <= 120 < shop.queries(votes)
    assert rows[half] == rows[base][: len(rows[half])]
    assert rows[mixed][-5:] == rows[half][-5:]
    assert 75 <= shop.queries(mixed) <= 90
    assert (len(rows[alone]), shop.queries(alone)) == (30, 0)
    other = Workshop(Batch((replace(base, replicate=1),)), ITEMS)
    (job,) = (other.job(place, "student", Path("folder")) for place in other.batch.places)
    assert not set(job.examples) & set(rows[base])


@pytest.mark.parametrize(("setting", "low", "high"), [(EXACT, 0, 0), (USUAL, 0.01, 0.12), (ERRING, 0.12, 0.3)])
def test_a_teacher_errs_as_often_as_the_setting_says(setting: str, low: float, high: float) -> None:
    place = Place("facts", ANSWERS, 100, 200, 0, setting=setting)
    shop = Workshop(Batch((place,)), ITEMS)
    shop.job(place, "student", Path("folder"))
    ((curated, _, _),) = shop.made.values()
    gold = {seed.id: seed for seed in shop.seeds}
    right = [shop.task.score_item(gold[one.seed_id], one.answer).outcome is Outcome.RIGHT for one in curated.first(200)]
    assert len(right) > 150
    assert low <= 1 - sum(right) / len(right) <= high


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_narrow_seeds_show_fewer_kinds_of_questions_where_the_tail_is_not_all(world: World[Any]) -> None:
    rng = random.Random(0)
    drawn = world.seeds(1000, 0)
    chosen = narrow(world, drawn, 100)
    assert len(set(chosen)) == 100
    assert set(chosen) <= set(drawn)
    few, usual = (
        len({world.type_of(world.read(item.question, rng)) for item in found}) for found in (chosen, drawn[:100])
    )
    assert few > 0.9 * usual if world.name in TAIL_ALONE else few < 0.6 * usual


def test_the_longest_answer_of_every_world_fits_into_what_a_student_may_say() -> None:
    from transformers import AutoTokenizer

    from engine.settings import Settings

    tokenizer = AutoTokenizer.from_pretrained(Settings().data / "sandbox" / "student")
    for world in WORLDS:
        assert max(len(tokenizer(item.answer).input_ids) for item in world.test_items(200)) <= LONGEST_ANSWER
