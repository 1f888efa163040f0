"""The table of a pilot's cells: what did not fit into the student is counted, and where nothing was lost no column
says so."""

from __future__ import annotations

from engine.cli.pilots import cell_line
from engine.domain import Cell, Measurement, Strategy
from engine.records import CellRow
from engine.runs import _cell
from pages.shared.run_parts import LOST, cell_table


def row(**lost: int) -> CellRow:
    cell = Cell(Strategy.NEW_QUESTION, 100, 400, 0)
    measured = Measurement(cell, 60, 98, 2, 180)
    return CellRow(cell, "done", "", measured, (), {"steps": 100, **lost}, None)


def test_what_did_not_fit_is_a_column_and_a_part_of_the_line() -> None:
    lost = row(too_long=3, cut_prompts=0, unended=7)
    table = cell_table([lost, row(too_long=0, cut_prompts=0, unended=0)])
    assert list(table["Examples too long"]) == [3, 0]
    assert list(table["Answers without an end"]) == [7, 0]
    assert "Questions cut" not in table
    told = _cell(lost)
    assert (told["too_long"], told["cut_prompts"], told["unended"]) == (3, 0, 7)


def test_where_nothing_was_lost_or_nobody_counted_there_is_no_such_column() -> None:
    assert not set(cell_table([row(too_long=0, cut_prompts=0, unended=0), row()])) & set(LOST.values())
    assert _cell(row())["too_long"] is None


def test_the_command_s_line_names_them() -> None:
    line = cell_line(_cell(row(too_long=3, cut_prompts=0, unended=7)))
    assert line.endswith("180 examples, 3 too long to train on, 7 answers without an end")
    assert cell_line(_cell(row())).endswith("180 examples")
