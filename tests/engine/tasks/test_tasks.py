from pathlib import Path

import pytest

from engine.domain import Outcome, TaskType
from engine.errors import InputError
from engine.tasks import load_task, math

TICKETS = Path(__file__).parents[2] / "data" / "tickets.toml"


def test_maths_answers_are_brought_into_one_form():
    assert math.parse_answer("2+2 = 4\n#### 4") == "2+2 = 4\n#### 4"
    assert math.parse_answer('```json\n{"reasoning": "two and two", "answer": "4"}\n```') == "two and two\n#### 4"
    assert math.parse_answer("So the answer is $1,200.") == "So the answer is $1,200.\n#### 1200"
    assert math.parse_answer("I cannot tell.") is None


def test_a_custom_task_is_read_from_its_file():
    task = load_task(str(TICKETS))
    assert (task.name, task.type, task.question_column) == ("tickets", TaskType.STRUCTURED, "message")
    assert task.determined
    record = '{"category": "other", "urgency": "low", "order": null}'
    assert task.score(record, record.replace("low", "LOW")).outcome == Outcome.RIGHT
    assert task.parse_answer(f"```json\n{record}\n```") == record
    assert task.student_prompt("Where is it?")[0].content == "Ticket:\nWhere is it?"


def test_every_problem_of_a_task_file_is_reported(tmp_path: Path):
    path = tmp_path / "task.toml"
    path.write_text(
        'answer = "jason"\nteacher = "x"\ncolour = 1\n[scorer]\nkind = "json_fields"\nfields = {a = "near"}\n'
    )
    with pytest.raises(InputError) as caught:
        load_task(str(path))
    said = str(caught.value)
    assert all(word in said for word in ("'colour'", "'name' is missing", "'jason'", "field 'a' = 'near'"))


def test_an_unknown_task_says_what_is_expected():
    with pytest.raises(InputError, match=r"task 'maths' is not known; expected one of math, .* or the path"):
        load_task("maths")
