"""A file of labelled examples before there is a plan: its kind of answer, its wrong rows, what is left."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.domain import TaskType
from engine.errors import InputError
from engine.items import read_items
from engine.labelled import Corrections, corrected, fixed_by, inputs_in, look
from engine.plan import check_plan
from engine.rows import columns
from engine.seed_files import seeds_and_test
from engine.tasks import load_task
from tests.pilots import TICKETS

NAMED = {"question": "message", "answer": "record"}
RIGHT = '{"category": "billing", "urgency": "normal", "order": null}'


def tickets(path: Path, changed: dict[int, Any]) -> Path:
    """The 300 tickets with other answers in some lines; None breaks a line."""
    lines = (TICKETS / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    for line, answer in changed.items():
        row = json.loads(lines[line - 1]) | {"record": answer}
        lines[line - 1] = "{broken" if answer is None else json.dumps(row)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_wrong_row_is_told_with_its_line_its_column_what_was_expected_and_what_was_found(tmp_path: Path) -> None:
    file = tickets(tmp_path / "t.jsonl", {7: "billing", 9: '{"category": "legal"}', 12: "", 20: None, 31: "billing"})
    held = look(file, NAMED)
    assert held.first_wrong == 'Line 7, `record`: expected keys category, urgency, order; found "billing"'
    assert [row.number for row in held.wrong] == [7, 9, 12, 20, 31]
    assert [row.fixable for row in held.wrong] == [True, True, True, False, True]
    assert held.wrong[1].said == "`record`: expected keys category, urgency, order; found category"
    assert held.wrong[2].said == "'record' is empty"
    assert held.wrong[3].said.startswith("is no valid JSON")
    assert (held.rows, len(held.items) + held.repeats + len(held.wrong)) == (300, 300)
    assert held.type is TaskType.STRUCTURED


def test_rows_are_mended_and_dropped_in_a_copy_which_a_plan_reads(tmp_path: Path) -> None:
    file = tickets(tmp_path / "t.jsonl", {7: "billing", 20: None, 31: "billing"})
    before = file.read_bytes()
    known = fixed_by(Corrections(), {7: RIGHT})
    assert [row.number for row in look(file, NAMED, known).wrong] == [20, 31]
    known = Corrections(known.fixed, dropped=True)
    held = look(file, NAMED, known)
    assert (held.wrong, held.rows, len(held.items)) == ((), 300, 298)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(corrected(file, NAMED, known))
    assert read_items(copy, columns("message", "record")).items == held.items
    assert next(item for item in held.items if item.answer == RIGHT)
    assert file.read_bytes() == before


@pytest.mark.parametrize("asked", [None, 60])
def test_as_many_are_kept_for_testing_as_a_plan_splits_off(tmp_path: Path, asked: int | None) -> None:
    file = tickets(tmp_path / "t.jsonl", {})
    held = look(file, NAMED)
    plan = check_plan({"seeds": {"path": str(file)}, "test": {"holdout": asked}, "student": "sandbox"})
    seeds, test, division, _ = seeds_and_test(plan, load_task(str(TICKETS / "tickets.toml")))
    assert held.split(asked) == (len(seeds), len(test))
    assert held.held_out(asked) == division.held_out


def test_a_key_that_a_few_records_lack_is_expected_of_them_and_one_that_many_lack_is_not_compared(
    tmp_path: Path,
) -> None:
    def record(n: int, every: int) -> str:
        return json.dumps({"category": "ab"[n % 2]} | ({} if n % every == 0 else {"priority": "xyz"[n % 3]}))

    few = [{"question": f"question number {n}", "answer": record(n, 40)} for n in range(200)]
    assert len(look(written(tmp_path / "few.jsonl", few), {}).wrong) == 5
    many = [{"question": f"question number {n}", "answer": record(n, 4)} for n in range(200)]
    held = look(written(tmp_path / "many.jsonl", many), {})
    assert held.wrong == ()
    assert held.guess.settings["scorer"]["fields"]["priority"] == "ignored"


@pytest.mark.parametrize(
    ("answers", "kind", "said"),
    [
        (["red", "blue"] * 100, TaskType.STRUCTURED, ""),
        ([f"so it is {n}\n#### {n}" for n in range(199)] + ["no idea ####"], TaskType.MATH, "expected a number"),
        (
            ['{"name": "call", "arguments": {}}'] * 99 + ["call me"],
            TaskType.STRUCTURED,
            'expected a tool call, an object with name and arguments; found "call me"',
        ),
        (["A long answer of many words. " * 5] * 50, TaskType.OPEN_ENDED, ""),
    ],
    ids=["labels", "numbers", "tool calls", "free text"],
)
def test_each_kind_of_answer_is_guessed_and_held_to_itself(
    tmp_path: Path, answers: list[str], kind: TaskType, said: str
) -> None:
    rows = [{"question": f"question number {n}", "answer": answer} for n, answer in enumerate(answers)]
    held = look(written(tmp_path / "rows.jsonl", rows), {})
    assert held.type is kind
    assert len(held.wrong) == bool(said)
    assert said in held.first_wrong


def test_a_csv_file_and_a_gzipped_one_say_the_line_of_the_file(tmp_path: Path) -> None:
    source = [json.loads(line) for line in (TICKETS / "tickets.jsonl").read_text().splitlines()]
    source[4]["message"] = "two\nlines"
    source[6]["record"] = "billing"
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["message", "record"])
        writer.writeheader()
        writer.writerows(source)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((tmp_path / "t.csv").read_bytes()))
    for name in ("t.csv", "t.csv.gz"):
        assert look(tmp_path / name, NAMED).first_wrong.startswith("Line 9, `record`: expected keys")


def test_chats_are_read_and_choices_that_are_none_are_told(tmp_path: Path) -> None:
    chats = [
        {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "x" * n}]}
        for n in range(1, 31)
    ]
    held = look(written(tmp_path / "chats.jsonl", chats), {"messages": "messages"})
    assert (held.rows, len(held.items)) == (30, 30)
    rows = [{"question": f"Which {n}?", "choices": ["a", "b"], "answerKey": "AB"[n % 2]} for n in range(30)]
    rows[3]["answerKey"] = "E"
    named = {"question": "question", "choices": "choices", "answer": "answerKey"}
    held = look(written(tmp_path / "choices.jsonl", rows), named)
    assert held.type is TaskType.MULTIPLE_CHOICE
    assert held.first_wrong == "Line 4: 'answerKey' = 'E': expected one of A, B"


def test_what_is_no_file_of_rows_is_refused_as_a_plan_refuses_it(tmp_path: Path) -> None:
    for name, content in (("empty.jsonl", b""), ("sheet.csv", b"PK\x03\x04rest"), ("latin.csv", b"question\n\xff\xfa")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            look(tmp_path / name, {})
    (tmp_path / "head.csv").write_text("question,answer\n")
    with pytest.raises(InputError, match="holds no row"):
        look(tmp_path / "head.csv", {})


def test_inputs_are_counted_once_each_and_empty_ones_are_told(tmp_path: Path) -> None:
    rows = [{"text": "One"}, {"text": " one "}, {"text": "two"}, {"text": ""}, {"other": "three"}]
    assert inputs_in(written(tmp_path / "inputs.jsonl", rows), "text") == (("one", "two"), 2)
