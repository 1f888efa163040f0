"""What mixed sets gain, beside what the law said, on atlases whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.mixes import main, mixes, rows
from engine.atlas.design import ANSWERS, MIXED, planned
from engine.atlas.table import AtlasCell, load, write
from engine.settings import ROOT
from tests.engine.atlas.made_up import LAWFUL, accuracy, atlas

ONE = [cell for cell in LAWFUL if cell.seeds == 100 and cell.replicate == 0]


def told(cells: list[AtlasCell]) -> dict[str, dict[str, object]]:
    return {row["group"]: row for row in rows(list(mixes({cell.place: cell for cell in cells})))}


def test_where_the_law_holds_a_mix_gains_what_it_says() -> None:
    every = told(LAWFUL)["all"]
    assert every["mixes"] >= 24  # three budgets, four numbers of seeds, three replicates, but for a rival or two
    assert abs(every["measured_less_said_points"]["mean"]) < 2


def test_where_mixing_spoils_the_set_the_law_is_shown_to_promise_too_much() -> None:
    spoilt = told(atlas("maths", lambda place: 0.2 if place.arm == MIXED else accuracy(place)))["all"]
    assert spoilt["measured_less_said_points"]["interval90"][1] < -5


def test_a_mix_is_held_against_the_strategy_that_the_law_thinks_best_and_groups_add_up() -> None:
    found = list(mixes({cell.place: cell for cell in ONE}))
    assert {mix.best for mix in found} <= {"answer_augmentation", "question_rephrase", "new_question"}
    groups = told(ONE)
    assert groups["all"]["mixes"] == groups["maths"]["mixes"] == len(found)
    assert sum(row["mixes"] for name, row in groups.items() if name.startswith("said")) == len(found)


def test_an_atlas_without_a_mix_or_without_its_rival_says_nothing() -> None:
    assert told([]) == {}
    assert told([cell for cell in ONE if cell.arm != MIXED]) == {}
    assert told([cell for cell in ONE if cell.arm == MIXED or (cell.arm == ANSWERS and cell.budget == 100)]) == {}


def test_the_table_is_written_between_the_pages_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "cells.parquet", ONE)
    page = tmp_path / "atlas.md"
    page.write_text("before\n<!-- atlas mixes: begin --><!-- atlas mixes: end -->\nafter\n")
    main(["--atlas", str(tmp_path), "--into", str(page)])
    found = json.loads(capsys.readouterr().out)
    said = page.read_text()
    assert f"**{len(ONE)} of {len(planned()):,} cells**" in said
    assert [row["group"] for row in found] == [line.split(" | ")[0][2:] for line in said.splitlines()[6:-2]]
    assert said.startswith("before\n<!-- atlas mixes: begin -->\n")
    assert said.endswith("\n<!-- atlas mixes: end -->\nafter\n")


def test_the_shipped_atlas_bears_out_what_the_advice_page_says_of_mixes() -> None:
    """The page: they came out as computed on average, and none was expected to gain a point."""
    found = list(mixes({cell.place: cell for cell in load(ROOT / "data" / "atlas")}))
    low, high = next(row for row in rows(found) if row["group"] == "all")["measured_less_said_points"]["interval90"]
    assert low < 0 < high
    assert max(mix.said for mix in found) < 1
