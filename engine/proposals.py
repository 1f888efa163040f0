"""A first task for somebody's rows: what their answers look like decides how they are scored.

A proposal to be changed, never a decision: it is made from the first rows, and says what it saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import Item
from engine.mapping import GUESSES
from engine.rows import as_text, messages
from engine.tasks.presets import preset
from engine.tasks.records import json_object, normalise, to_number, tool_calls

LOOKED_AT = 2000
"""Rows that a proposal is made from."""
MOST_LABELS = 20
ROWS_A_LABEL = 3
"""Answers are taken for labels where each stands, on average, in so many rows."""
SHORT, LONG = 40, 60
"""Characters: what is no longer may be a label; a field whose mean is longer is free text."""
NEARLY_ALL = 0.95
MOST = 0.8
"""Answers are taken for JSON where so many are: the others are then told as wrong, row by row."""
_PRESETS = {"db_id": "text_to_sql", "tests": "code", "choices": "multiple_choice"}
"""Columns that only one kind of task has."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings of a task file without its columns, and what in the rows speaks for them."""

    settings: dict[str, Any]
    said: str


def proposed(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Proposal:
    """A task for rows like these; `columns` as in a task file (`question` and `answer`, or `messages`)."""
    names = {name for row in rows for name in row}
    for part, name in _PRESETS.items():
        if "messages" not in columns and (found := next((n for n in GUESSES[part] if n in names), None)) is not None:
            settings = {key: value for key, value in preset(name).items() if key != "columns"}
            return Proposal(settings | {"name": "my_task"}, f"Your rows have a column {found}.")
    answers = [answer for row in rows if (answer := _answer(row, columns))]
    if not answers:
        return _free([], "No answer was found in the first rows.")
    for look in (_tool_calls, _records, _labels, _numbers):
        if (proposal := look(answers)) is not None:
            return proposal
    return _free(answers, "")


def _answer(row: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    if "messages" not in columns:
        return as_text(row.get(columns.get("answer", "answer")))
    item = messages(columns["messages"])(row)
    return item.answer if isinstance(item, Item) else ""


def _task(answer: str, teacher: str, scorer: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "my_task", "answer": answer, "teacher": teacher, "rationale": "none", "scorer": dict(scorer), **more
    }  # fmt: skip


def _tool_calls(answers: Sequence[str]) -> Proposal | None:
    calls = [found for answer in answers if (found := tool_calls(answer))]
    if len(calls) < NEARLY_ALL * len(answers):
        return None
    tools = list(dict.fromkeys(name for found in calls for name, _ in found))
    told = (
        "Call the tool that does what the user asks. Reply with one JSON object with the fields name and arguments and "
        f"nothing else. The tools are {_listed(tools[:MOST_LABELS])}."
    )
    said = f"Your answers look like tool calls: {_listed(tools[:8])}."
    return Proposal(_task("structured", told, {"kind": "tool_call"}), said)


def _records(answers: Sequence[str]) -> Proposal | None:
    records = [record for answer in answers if (record := json_object(answer)) is not None]
    if len(records) < MOST * len(answers):
        return None
    keys = list(dict.fromkeys(key for record in records for key in record))
    fields: dict[str, Any] = {}
    told, properties = [], {}
    for key in keys:
        values = [record[key] for record in records if key in record]
        compare, words, schema = _field(values)
        # A gold answer without a field that is compared could not be scored: a few such rows are told as wrong.
        usual = len(values) >= NEARLY_ALL * len(records)
        fields[key] = compare if usual else "ignored"
        told.append(f"{key} ({words})")
        properties[key] = schema
    teacher = f"Reply with one JSON object and nothing else, with the fields {_listed(told)}."
    required = [key for key in keys if sum(key in record for record in records) >= NEARLY_ALL * len(records)]
    schema = {"type": "object", "properties": properties, "required": required}
    said = f"Your answers look like JSON with the keys {_listed(keys)}."
    if ignored := [key for key, compare in fields.items() if compare == "ignored"]:
        said += f" Not compared: {_listed(ignored)} (free text, or missing in many rows)."
    if len(ignored) == len(keys):
        return _free(answers, said)
    scorer = {"kind": "json_fields", "fields": fields}
    return Proposal(_task("structured", teacher, scorer, schema=schema), said)


def _field(values: Sequence[Any]) -> tuple[str, str, dict[str, Any]]:
    """How a field's values are compared, what the teacher is told they are, and their JSON schema."""
    given = [value for value in values if value is not None]
    null = len(given) < len(values)
    or_null = " or null" if null else ""

    def typed(kind: str) -> dict[str, Any]:
        return {"type": [kind, "null"] if null else kind}

    if given and all(isinstance(value, bool) for value in given):
        return "exact", f"true or false{or_null}", typed("boolean")
    if given and all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return "number", f"a number{or_null}", typed("number")
    if given and all(isinstance(value, list) for value in given):
        return "set", f"a list{or_null}", typed("array")
    if given and all(isinstance(value, str) for value in given):
        few = list(dict.fromkeys(given))
        if len(few) <= MOST_LABELS and len(given) >= ROWS_A_LABEL * len(few) and max(map(len, few)) <= SHORT:
            return "text", f"{_listed(few, 'or')}{or_null}", typed("string")
        free = sum(map(len, given)) / len(given) > LONG
        return ("ignored" if free else "text"), f"a text{or_null}", typed("string")
    return "exact", "as in the examples", {}


def _labels(answers: Sequence[str]) -> Proposal | None:
    spelled = {normalise(answer): answer for answer in reversed(answers)}
    labels = sorted(spelled.values(), key=str.casefold)
    few = 2 <= len(labels) <= MOST_LABELS and len(answers) >= ROWS_A_LABEL * len(labels)
    if not few or max(map(len, labels)) > SHORT:
        return None
    teacher = f"Reply with one of these labels and nothing else: {', '.join(labels)}."
    said = f"Your answers are {len(labels)} labels: {_listed(labels)}."
    return Proposal(_task("structured", teacher, {"kind": "labels", "labels": labels}, max_answer_tokens=64), said)


def _numbers(answers: Sequence[str]) -> Proposal | None:
    worked = sum("####" in answer for answer in answers)
    if max(worked, sum(to_number(answer) is not None for answer in answers)) < NEARLY_ALL * len(answers):
        return None
    teacher = str(preset("math")["teacher"])
    said = "Your answers end in '#### N'." if worked else "Your answers are numbers."
    return Proposal(_task("math", teacher, {"kind": "numeric"}), said)


def _free(answers: Sequence[str], said: str) -> Proposal:
    """Short texts have to agree; of long ones only a judge can say."""
    if answers and max(map(len, answers)) <= LONG and not any("\n" in answer for answer in answers):
        teacher = "Answer as briefly as the examples do. Reply with the answer alone."
        return Proposal(_task("open_ended", teacher, {"kind": "exact"}), said or "Your answers are short texts.")
    settings = preset("open_ended") | {"name": "my_task"}
    return Proposal(settings, said or "Your answers are free text, which only a judge can score.")


def _listed(parts: Sequence[str], last: str = "and") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
