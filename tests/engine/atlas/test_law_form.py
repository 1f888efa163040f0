"""Places of an atlas that are left out, and what the law and a line make of the others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.law_form import LARGEST, LAW, LINE, ONE, SEEDS, Miss, main, misses, rows
from engine.atlas.design import ANSWERS, NEW, Place
from engine.atlas.table import write
from tests.engine.atlas.made_up import LAWFUL, atlas, cell

FEW = [one for one in LAWFUL if one.seeds in (100, 300, 1000) and one.budget not in (200, 400)]


@pytest.fixture(scope="module")
def lawful() -> list[Miss]:
    return list(misses(FEW))


def test_where_the_law_made_the_cells_it_says_what_was_left_out_to_within_their_noise(lawful: list[Miss]) -> None:
    found = {(row["left_out"], row["method"]): row for row in rows(lawful, FEW)}
    for kind in (ONE, SEEDS, LARGEST):
        assert found[kind, LAW]["error_points"]["mean"] < found[kind, LAW]["noise_points"] + 2.5
    assert found[SEEDS, LAW]["error_points"]["mean"] < found[SEEDS, LINE]["error_points"]["mean"]


def test_every_place_is_left_out_alone_and_with_its_number_of_seeds_and_the_largest_with_each_other(
    lawful: list[Miss],
) -> None:
    strategies = {
        one.place.of_replicates for one in FEW if one.arm in ("answer_augmentation", "question_rephrase", NEW)
    }
    places = {place for place in strategies if place.usual}
    for kind, expected in ((ONE, places), (SEEDS, places), (LARGEST, {one for one in places if one.budget == 3200})):
        of_law = [one.place for one in lawful if (one.left_out, one.method) == (kind, LAW)]
        assert len(of_law) == len(expected)
        assert set(of_law) == expected


def test_what_is_left_out_is_not_looked_at() -> None:
    at = Place("maths", NEW, 100, 800, 0)
    other = [cell(one.place, bytes(63), 500) if one.place.of_replicates == at else one for one in FEW]
    assert sum(one.accuracy for one in other) < sum(one.accuracy for one in FEW)

    def said(found: list[Miss], measured: float) -> dict[str, float]:
        return {
            one.method: one.points + measured for one in found if (one.left_out, one.place.of_replicates) == (ONE, at)
        }

    mean = 100 * sum(one.accuracy for one in FEW if one.place.of_replicates == at) / 3
    before, after = said(list(misses(FEW)), mean), said(list(misses(other)), 0.0)
    assert before == pytest.approx(after)


def test_a_line_says_what_lies_on_a_line() -> None:
    shares = {100: 0.3, 800: 0.6, 1600: 0.7, 3200: 0.787}
    cells = [
        replace(one)
        for one in atlas("maths", lambda place: shares.get(place.budget, 0.3))
        if one.seeds == 100 and one.budget in (800, 1600, 3200) and one.arm == ANSWERS
    ]
    found = [one for one in misses([*cells, *(one for one in FEW if one.seeds == 300)]) if one.method == LINE]
    (alone,) = [one for one in found if (one.left_out, one.place.budget, one.place.seeds) == (ONE, 1600, 100)]
    assert abs(alone.points) < 5, "three replicates of 500 items"
    (last,) = [one for one in found if (one.left_out, one.place.seeds) == (LARGEST, 100) and one.place.arm == ANSWERS]
    assert abs(last.points) < 8


def test_the_table_is_written_between_the_pages_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "cells.parquet", [one for one in FEW if one.arm in (ANSWERS, NEW) and one.seeds != 1000])
    page = tmp_path / "atlas.md"
    page.write_text("<!-- atlas form: begin -->\nstale\n<!-- atlas form: end -->\n")
    main(["--atlas", str(tmp_path), "--into", str(page)])
    (row, *_) = json.loads(capsys.readouterr().out)
    assert f"\n| one place | the law | {row['places']} | {row['error_points']['mean']:.1f} |" in page.read_text()
    assert "stale" not in page.read_text()
