"""The user's own task, written down in a `task.toml`; docs/tasks.md has an example for every scorer.

name = "tickets"
answer = "structured"                  # what one answer looks like: a TaskType
teacher = "Read the message ..."       # how the teacher has to answer
student = ""                           # goes before the question in the student's prompt
question = "a message of a customer"   # what a question is, for the augmenter
rationale = "none"                     # or "before": reasoning before the answer is asked for and trained
preset = "math"                        # optional: a named task whose settings hold where none is given here

[columns]                              # names of the columns in the seed and test files
question = "message"                   # or messages = "messages", for chats
answer = "record"

[scorer]
kind = "json_fields"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import rows
from engine.domain import TaskType
from engine.errors import InputError
from engine.tasks import rationale, sql
from engine.tasks.base import Task
from engine.tasks.kinds import KINDS, Built, Settings
from engine.tasks.presets import NAMES, preset

_TEXTS = ("name", "answer", "teacher", "student", "question", "rationale", "preset")
_KEYS = {*_TEXTS, "columns", "scorer", "schema", "max_answer_tokens", "max_question_tokens"}
_COLUMNS = {"question", "answer", "context", "messages", "choices", "tests", "entry_point"}
_RATIONALES = ("none", "before")


def named_task(name: str, folder: Path | None = None) -> Task:
    """A named task; `folder` is where it looks for databases. None: nowhere, and its rows say so."""
    problems: list[str] = []
    task = _build(preset(name), folder, name, problems)
    if task is None:
        raise InputError(problems)
    return task


def read_task(path: Path) -> Task:
    """The task in that file; InputError with every problem of the file at once."""
    return task_from(_raw(path), path.parent, str(path))


def task_from(raw: Mapping[str, Any], folder: Path | None, where: str) -> Task:
    """The task of these settings, as a task file has them; `folder` is where files that they name lie, `where` goes
    before each problem. InputError with all of them."""
    problems: list[str] = []
    task = _build(_with_preset(dict(raw), where, problems), folder, where, problems)
    if task is None:
        raise InputError(problems)
    return task


def settings_in(path: Path) -> dict[str, Any]:
    """What a task file says, with what its preset says where the file is silent; InputError where it is no TOML or
    names no preset. Nothing else is checked."""
    problems: list[str] = []
    found = _with_preset(_raw(path), str(path), problems)
    if problems:
        raise InputError(problems)
    return {name: value for name, value in found.items() if name != "preset"}


def read_type(path: Path) -> TaskType:
    """What an answer of that task looks like, even where its databases have gone since; InputError as above."""
    answer = _with_preset(_raw(path), str(path), []).get("answer")
    return TaskType(answer) if answer in tuple(TaskType) else read_task(path).type


def _raw(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a task.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no valid TOML ({error})") from error


def _with_preset(raw: dict[str, Any], where: str, problems: list[str]) -> dict[str, Any]:
    """The file's settings over those of its preset; a scorer of another kind replaces the preset's whole."""
    name = raw.get("preset")
    if name is None:
        return raw
    if name not in NAMES:
        problems.append(f"{where}: preset = {name!r}; expected one of {', '.join(NAMES)}")
        return raw
    base = preset(name)
    merged = {**base, **raw}
    for table in ("columns", "scorer"):
        given = raw.get(table, {})
        if not isinstance(given, dict):
            continue
        kept = base.get(table, {})
        if table == "scorer" and given.get("kind", kept.get("kind")) != kept.get("kind"):
            kept = {}
        merged[table] = {**kept, **given}
    return merged


def _build(raw: Mapping[str, Any], folder: Path | None, where: str, problems: list[str]) -> Task | None:
    """The task of these settings; None with the problems added where there are any."""
    given = _Given(raw, where, problems)
    given.check()
    table = given.table("scorer")
    kind = str(table.get("kind", ""))
    settings = Settings(table, folder, where, problems)
    built = Built(*_nothing())
    if table and kind not in KINDS:
        problems.append(f"{where}: scorer.kind = {kind!r}; expected one of {', '.join(KINDS)}")
    elif table:
        built = KINDS[kind](settings)
        settings.finish()
    schema = _schema(raw.get("schema"), folder, where, problems)
    reader, input_reader = (_reader(given, kind, built, answered=answered) for answered in (True, False))
    limits = {name: given.count(name, default) for name, default in (("question", 300), ("answer", 512))}
    if problems:
        return None
    answer, texts = TaskType(raw["answer"]), {name: str(raw.get(name, "")) for name in ("teacher", "student")}
    scorer, parser, reasons = built.scorer, built.parser, raw.get("rationale") == "before"
    if reasons:
        scorer, parser = rationale.scorer(scorer), rationale.parser(parser)
        texts["teacher"] += rationale.ASKED if schema is None else rationale.ASKED_IN_JSON
        schema = None if schema is None else rationale.schema(schema)
    label_of = built.label_of
    columns = given.table("columns")
    return Task(
        name=raw["name"],
        type=answer,
        teacher_instruction=texts["teacher"],
        student_instruction=texts["student"],
        question_form=raw.get("question", "a question"),
        parse_answer=parser,
        scorer=scorer,
        determined=answer == TaskType.STRUCTURED and not reasons,
        question_column=columns.get("question", "question"),
        answer_column=columns.get("answer", "answer"),
        columns={
            **({} if "messages" in columns else {"question": "question", "answer": "answer"}),
            **columns,
            **({} if built.databases is None else {"db_id": "db_id"}),
        },
        read_row=reader,
        read_input=input_reader,
        has_form=rows.lists_choices if "choices" in columns else rows.any_text,
        response_schema=schema,
        label_of=label_of if label_of is None or not reasons else lambda text: label_of(rationale.final_part(text)),
        judge=built.judge,
        max_question_tokens=limits["question"],
        max_answer_tokens=limits["answer"],
    )


def _nothing() -> Built:
    return KINDS["exact"](Settings({}, None, "", []))


@dataclass(frozen=True, slots=True)
class _Given:
    """The top of a task file, checked for its own shape."""

    raw: Mapping[str, Any]
    where: str
    problems: list[str]

    def check(self) -> None:
        """Unknown keys, missing ones, and values that are none of the words expected."""
        for key in self.raw:
            if key not in _KEYS:
                self.problems.append(f"{self.where}: unknown setting {key!r}; known are {', '.join(sorted(_KEYS))}")
        for key in ("name", "answer", "teacher", "scorer"):
            if not self.raw.get(key):
                self.problems.append(f"{self.where}: {key!r} is missing or empty")
        for key in _TEXTS:
            if key in self.raw and not isinstance(self.raw[key], str):
                self.problems.append(f"{self.where}: {key} = {self.raw[key]!r}; expected a text")
        self._one_of("answer", tuple(TaskType))
        self._one_of("rationale", _RATIONALES)
        for key, value in self.table("columns").items():
            if key not in _COLUMNS:
                self.problems.append(f"{self.where}: unknown columns.{key}; known are {', '.join(sorted(_COLUMNS))}")
            elif not isinstance(value, str) or not value:
                self.problems.append(f"{self.where}: columns.{key} = {value!r}; expected the name of a column")

    def _one_of(self, key: str, words: tuple[str, ...]) -> None:
        value = self.raw.get(key)
        if isinstance(value, str) and value and value not in words:
            self.problems.append(f"{self.where}: {key} = {value!r}; expected one of {', '.join(words)}")

    def table(self, key: str) -> dict[str, Any]:
        """A table of the file; empty where there is none, a problem where it is something else."""
        value = self.raw.get(key, {})
        if isinstance(value, dict):
            return value
        problem = f"{self.where}: {key} = {value!r}; expected a table [{key}]"
        if problem not in self.problems:
            self.problems.append(problem)
        return {}

    def count(self, what: str, default: int) -> int:
        """`max_answer_tokens` or `max_question_tokens`."""
        value = self.raw.get(f"max_{what}_tokens", default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.problems.append(f"{self.where}: max_{what}_tokens = {value!r}; expected a whole number from 1 on")
            return default
        return value


def _reader(given: _Given, kind: str, built: Built, *, answered: bool) -> rows.RowReader:
    """How rows are read; of unlabelled inputs (`answered` is False) nothing is asked that only scorers need."""
    columns = given.table("columns")
    question = columns.get("question", "question")
    answer = columns.get("answer", "answer") if answered else None
    fields = {str(name): str(columns[name]) for name in ("tests", "entry_point") if answered and name in columns}
    if answered:
        _check_columns(given, kind, columns)
    if "messages" in columns:
        return rows.messages(columns["messages"], fields, answered=answered)
    if built.databases is not None:
        return sql.rows(built.databases, question, answer)
    if "choices" in columns:
        return rows.choices(question, columns["choices"], answer)
    return rows.columns(question, answer, columns.get("context"), fields)


def _check_columns(given: _Given, kind: str, columns: Mapping[str, Any]) -> None:
    if kind == "tests" and "tests" not in columns:
        given.problems.append(
            f"{given.where}: columns.tests is missing; the scorer 'tests' needs the column of the tests"
        )
    if kind == "choice" and not {"choices", "messages"} & set(columns):
        given.problems.append(
            f"{given.where}: columns.choices is missing; the scorer 'choice' needs the choices' column"
        )
    if "messages" in columns and (extra := sorted({"question", "answer", "context", "choices"} & set(columns))):
        given.problems.append(f"{given.where}: columns.messages stands alone; found columns.{extra[0]} beside it")


def _schema(raw: object, folder: Path | None, where: str, problems: list[str]) -> dict[str, Any] | None:
    """A JSON schema, written in the file as a table or named by its path."""
    import jsonschema  # few tasks have a schema, and the pages import this module

    if raw is None:
        return None
    if isinstance(raw, str):
        path = (folder or Path()) / raw
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            problems.append(f"{where}: schema: {path} cannot be read ({error.strerror})")
            return None
        except ValueError as error:
            problems.append(f"{where}: schema: {path} is no valid JSON ({error})")
            return None
    try:
        jsonschema.Draft202012Validator.check_schema(raw)
    except jsonschema.SchemaError as error:
        problems.append(f"{where}: schema: is no JSON schema ({error.message})")
        return None
    if not isinstance(raw, dict) or raw.get("type") != "object":
        problems.append(f"{where}: schema: expected the schema of an object, with type = 'object' at its top")
        return None
    return raw
