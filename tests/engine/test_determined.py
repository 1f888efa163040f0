"""Where a question fixes its answer, another answer is not applicable: shown, and not paid for."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.determined import NOT_APPLICABLE
from engine.domain import Strategy
from engine.errors import InputError
from engine.full_prepare import prepare_full
from engine.plan import check_plan
from engine.prepare import Prepared, prepare
from tests.pilots import TICKETS

AA, NEW = Strategy.ANSWER_AUGMENTATION, Strategy.NEW_QUESTION


def tickets(strategies: tuple[Strategy, ...], task: Path = TICKETS / "tickets.toml") -> dict:
    return {
        "task": str(task),
        "seeds": {"path": str(TICKETS / "tickets.jsonl")},
        "grid": {"strategies": [s.value for s in strategies], "budgets": [40], "replicates": 1},
    }


def strategies(found: Prepared) -> set[Strategy]:
    return {cell.arm for cell in found.cells if isinstance(cell.arm, Strategy)}


def test_answers_get_no_cells_and_no_queries_where_the_question_fixes_them() -> None:
    without, asked = prepare(check_plan(tickets((NEW,)))), prepare(check_plan(tickets((AA, NEW))))
    assert strategies(asked) == {NEW}
    assert asked.cells == without.cells
    assert asked.estimate.queries == without.estimate.queries
    assert NOT_APPLICABLE in asked.warnings
    assert NOT_APPLICABLE not in without.warnings


def test_variants_of_answers_go_with_them_by_name() -> None:
    variants = [{"name": "checked", "gold": True}, {"name": "votes", "votes": 3}]
    found = prepare(check_plan(tickets((AA, NEW)) | {"variants": variants}))
    assert "With it go the variants that change nothing else: checked." in found.warnings
    assert {cell.variant for cell in found.cells if cell.arm is NEW} == {"plain", "votes"}


def test_answers_alone_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="take question_rephrase or new_question") as told:
        prepare(check_plan(tickets((AA,))))
    assert told.value.problems[0].startswith("grid.strategies: found answer augmentation")


def test_with_the_reasoning_trained_too_answers_apply(tmp_path: Path) -> None:
    task = tmp_path / "task.toml"
    text = (TICKETS / "tickets.toml").read_text(encoding="utf-8")
    task.write_text(f'rationale = "before"\n{text}', encoding="utf-8")
    for file in TICKETS.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = prepare(check_plan(tickets((AA, NEW), task)))
    assert strategies(found) == {AA, NEW}
    assert NOT_APPLICABLE not in found.warnings


def test_a_data_set_of_them_is_refused_and_nothing_is_moved_unasked(tmp_path: Path) -> None:
    plan = tickets((AA, NEW)) | {"full": {"spending": {AA.value: 20, NEW.value: 20}, "folder": str(tmp_path / "made")}}
    with pytest.raises(InputError, match=r"full\.spending: found answer augmentation"):
        prepare_full(check_plan(plan))
