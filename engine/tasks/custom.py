"""The user's own task, written down in a `task.toml`.

name = "tickets"
answer = "structured"             # what one answer looks like: a TaskType
teacher = "Read the message ..."  # how the teacher has to answer
student = ""                      # goes before the question in the student's prompt
question = "a message of a customer"   # what a question is, for the augmenter

[columns]                         # names of the columns in the seed and test files
question = "message"
answer = "record"

[scorer]
kind = "json_fields"              # exact | numeric | json_fields
[scorer.fields]
category = "exact"
amount = { compare = "number", tolerance = 0.01 }
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from engine.domain import TaskType
from engine.errors import InputError
from engine.tasks import math
from engine.tasks.base import Parser, Task
from engine.tasks.numbers import numeric
from engine.tasks.outcomes import by_answer
from engine.tasks.records import COMPARISONS, Field, json_fields, json_object
from engine.tasks.scorers import exact

_SCORERS = ("exact", "numeric", "json_fields")
_KEYS = {"name", "answer", "teacher", "student", "question", "columns", "scorer"}


def parse_record(reply: str) -> str | None:
    """The reply's JSON object on one line; None where it holds none."""
    record = json_object(reply)
    return None if record is None else json.dumps(record, ensure_ascii=False)


def parse_text(reply: str) -> str | None:
    """The reply without white space around it; None where nothing is left."""
    return reply.strip() or None


def read_task(path: Path) -> Task:
    """The task in that file; InputError with every problem of the file at once."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a task.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no valid TOML ({error})") from error
    problems: list[str] = [
        f"{path}: unknown setting {key!r}; known are {', '.join(sorted(_KEYS))}" for key in raw if key not in _KEYS
    ]
    for key in ("name", "answer", "teacher", "scorer"):
        if not raw.get(key):
            problems.append(f"{path}: {key!r} is missing or empty")
    kind = raw.get("answer", "")
    if kind and kind not in set(TaskType):
        problems.append(f"{path}: answer = {kind!r}; expected one of {', '.join(TaskType)}")
    scorer, parser = _scorer(raw.get("scorer") or {}, path, problems)
    columns = raw.get("columns", {})
    if problems:
        raise InputError(problems)
    return Task(
        name=raw["name"],
        type=TaskType(kind),
        teacher_instruction=raw["teacher"],
        student_instruction=raw.get("student", ""),
        question_form=raw.get("question", "a question"),
        parse_answer=parser,
        scorer=by_answer(scorer),
        determined=kind == TaskType.STRUCTURED,
        question_column=columns.get("question", "question"),
        answer_column=columns.get("answer", "answer"),
    )


def _scorer(raw: dict[str, Any], path: Path, problems: list[str]) -> tuple[Any, Parser]:
    kind = raw.get("kind")
    if kind == "numeric":
        return numeric, math.parse_answer
    if kind == "json_fields":
        fields = {name: _field(name, value, path, problems) for name, value in raw.get("fields", {}).items()}
        if not any(field.compare != "ignored" for field in fields.values()):
            problems.append(f"{path}: [scorer.fields] names no field to compare, expected at least one")
        return json_fields(fields), parse_record
    if kind != "exact" and raw:
        problems.append(f"{path}: scorer.kind = {kind!r}; expected one of {', '.join(_SCORERS)}")
    return exact, parse_record_or_text


def parse_record_or_text(reply: str) -> str | None:
    """A JSON object where the reply holds one, else its text: the exact scorer takes both."""
    return parse_record(reply) or parse_text(reply)


def _field(name: str, value: object, path: Path, problems: list[str]) -> Field:
    raw = {"compare": value} if isinstance(value, str) else value
    if not isinstance(raw, dict) or raw.get("compare") not in COMPARISONS:
        problems.append(
            f"{path}: field {name!r} = {value!r}; expected one of {', '.join(COMPARISONS)}, "
            'or { compare = "number", tolerance = 0.01 }'
        )
        return Field()
    return Field(raw["compare"], float(raw.get("tolerance", 0.0)))
