"""From one row of a file to an item: columns, chat messages, or a question with choices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from engine.domain.conversation import Item, item_id

_CHOICE_LINE = re.compile(r"^\(?[A-Z0-9][.)]\s+\S", re.MULTILINE)

RowReader = Callable[[Mapping[str, Any]], Item | str]
"""`read_row(row)`: the item, or what was found in the row and what was expected."""


def as_text(value: object) -> str:
    """A cell as text: strings without white space around them, anything else as JSON; empty for null."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def columns(
    question: str, answer: str | None, context: str | None = None, fields: Mapping[str, str] | None = None
) -> RowReader:
    """Reads one column each; `fields` are further ones that the scorer needs, by the scorer's name for them.

    A field that is a list (MBPP's asserts) becomes its parts, one a line. Without an answer's column (None)
    the rows are unlabelled inputs: their items' answers are empty.
    """
    labelled_by = [answer] if answer else []
    extra = dict(fields or {})

    def read(row: Mapping[str, Any]) -> Item | str:
        wanted = [question, *labelled_by, *([context] if context else []), *extra.values()]
        if missing := [name for name in wanted if name not in row]:
            return f"column {missing[0]!r} is missing (found: {names_of(row)})"
        texts = {name: as_text(row[name]) for name in wanted}
        if empty := [name for name in (question, *labelled_by, *extra.values()) if not texts[name]]:
            return f"{empty[0]!r} is empty"
        return make_item(
            row,
            texts[question],
            texts[answer] if answer else "",
            texts[context] if context else "",
            {own: _lines(row[name]) for own, name in extra.items()},
        )

    return read


QUESTION_AND_ANSWER = columns("question", "answer")
INPUT_ALONE = columns("question", None)


def names_of(row: Mapping[str, Any]) -> str:
    """The columns of a row, for a message about one that is missing."""
    return ", ".join(map(str, row)) or "no column"


def _lines(value: object) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return as_text(value)


def any_text(question: str) -> bool:
    """Whether a question is any text at all."""
    return bool(question.strip())


def lists_choices(question: str) -> bool:
    """Whether a question lists at least two choices below it, one a line as `A. text`."""
    return len(_CHOICE_LINE.findall(question)) > 1


def make_item(
    row: Mapping[str, Any], question: str, answer: str, context: str = "", fields: Mapping[str, str] | None = None
) -> Item:
    """The item of a row, with its `family` where the row has one."""
    family = row.get("family")
    return Item(
        id=item_id(question, answer, context),
        question=question,
        answer=answer,
        family=None if family is None or family == "" else str(family),
        context=context,
        fields=dict(fields or {}),
    )


def messages(column: str = "messages", fields: Mapping[str, str] | None = None, *, answered: bool = True) -> RowReader:
    """Reads a chat: the final assistant turn is the answer, the user's turn before it the question.

    What came earlier (a system message, further turns) is the context. A tool call in the final turn is
    the answer as JSON: a list of `{"name", "arguments"}`. An unlabelled chat (`answered` is False) ends with
    the user's turn; where it goes on with an answer, that is left out.
    """
    extra = dict(fields or {})

    def read(row: Mapping[str, Any]) -> Item | str:
        turns = row.get(column)
        if isinstance(turns, str):
            try:
                turns = json.loads(turns)
            except ValueError:
                return f"{column!r} is no JSON list of messages"
        if not isinstance(turns, list) or not all(isinstance(turn, dict) and "role" in turn for turn in turns):
            return f"{column!r}: expected a list of messages with 'role' and 'content'"
        if not answered:
            if turns and turns[-1]["role"] == "assistant":
                turns = turns[:-1]
            if not turns or turns[-1]["role"] not in ("user", "tool") or not _turn(turns[-1]):
                return f"{column!r}: expected a user's turn at the end, with a text"
            turns = [*turns, {"role": "assistant", "content": ""}]
        if len(turns) < 2 or turns[-1]["role"] != "assistant" or turns[-2]["role"] not in ("user", "tool"):
            found = ", ".join(str(turn["role"]) for turn in turns[-3:]) or "no message"
            return f"{column!r}: expected a user's turn and then the assistant's at the end (found: {found})"
        answer = _turn(turns[-1])
        question = _turn(turns[-2])
        if not question or (answered and not answer):
            return f"{column!r}: the last two messages must not be empty"
        if missing := [name for name in extra.values() if not as_text(row.get(name))]:
            return f"column {missing[0]!r} is missing or empty"
        earlier = "\n".join(f"{str(turn['role']).capitalize()}: {_turn(turn)}" for turn in turns[:-2])
        return make_item(row, question, answer, earlier, {own: _lines(row[name]) for own, name in extra.items()})

    return read


def _turn(turn: Mapping[str, Any]) -> str:
    """A message's text; a message that only calls tools is its calls as JSON."""
    if turn.get("tool_calls"):
        calls = [call.get("function", call) for call in turn["tool_calls"] if isinstance(call, dict)]
        return json.dumps(
            [{"name": call.get("name"), "arguments": call.get("arguments")} for call in calls], ensure_ascii=False
        )
    return as_text(turn.get("content"))


def choices(question: str = "question", choices: str = "choices", answer: str | None = "answerKey") -> RowReader:
    """Reads a question with choices: ARC's `{"text": [...], "label": [...]}`, a list of texts, or label: text.

    The choices stand below the question, one a line as `A. text`; the answer is the label alone, also
    where the file gives the choice's text or its index from 0. Without an answer's column (None) it is empty.
    """

    def read(row: Mapping[str, Any]) -> Item | str:
        wanted = [question, choices, *([answer] if answer else [])]
        if missing := [name for name in wanted if row.get(name) in (None, "", [], {})]:
            return f"column {missing[0]!r} is missing or empty (found: {names_of(row)})"
        listed = labelled(row[choices])
        if listed is None:
            return f"{choices!r}: expected lists 'text' and 'label' of one length, a list, or label: text"
        label = _label(row[answer], listed) if answer else ""
        if answer and label is None:
            return f"{answer!r} = {row[answer]!r}: expected one of {', '.join(listed)}"
        lines = "\n".join(f"{name}. {text}" for name, text in listed.items())
        return make_item(
            row,
            f"{as_text(row[question])}\n{lines}",
            label or "",
            fields={"choices": json.dumps(listed, ensure_ascii=False)},
        )

    return read


def labelled(raw: object) -> dict[str, str] | None:
    """Choices as label -> text; None where they have no known shape or fewer than two."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return None
    if isinstance(raw, dict) and isinstance(raw.get("text"), list) and isinstance(raw.get("label"), list):
        if len(raw["text"]) != len(raw["label"]):
            return None
        found = {str(label): as_text(text) for label, text in zip(raw["label"], raw["text"], strict=True)}
    elif isinstance(raw, list):
        found = {chr(ord("A") + index): as_text(text) for index, text in enumerate(raw[:26])}
    elif isinstance(raw, dict):
        found = {str(label): as_text(text) for label, text in raw.items()}
    else:
        return None
    return found if len(found) > 1 else None


def _label(raw: object, listed: Mapping[str, str]) -> str | None:
    text = as_text(raw)
    if text in listed:
        return text
    by_text = [label for label, choice in listed.items() if choice == text]
    if len(by_text) == 1:
        return by_text[0]
    if isinstance(raw, int) and 0 <= raw < len(listed):
        return list(listed)[raw]
    return None
