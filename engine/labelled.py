"""A file of labelled examples before there is a plan: what its answers look like, which rows do not fit, what is left.

The user's file is never written: rows are mended or dropped in a copy, which a plan then names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from engine.domain import Item, TaskType
from engine.errors import InputError
from engine.items import ItemFile, Place
from engine.plan import TestPlan
from engine.proposals import LOOKED_AT, Proposal, proposed
from engine.row_files import Row, content_of, parse_rows, unit
from engine.rows import RowReader, as_text, choices, columns, messages
from engine.seed_files import held_out, split_off
from engine.tasks.numbers import final_number
from engine.tasks.records import json_object, normalise, tool_calls

LONGEST_SHOWN = 60
"""Characters of a wrong answer that a message repeats."""
SPLIT_EXACTLY = 5000
"""Items up to which the split is made before the plan is: comparing more of them for near duplicates takes seconds."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What the user has decided about wrong rows."""

    fixed: tuple[tuple[int, str], ...] = ()
    """Line (a Parquet's row) -> the answer in place of the one that stands there."""
    dropped: bool = False
    """Whether rows that are still wrong are left out."""


@dataclass(frozen=True, slots=True)
class WrongRow:
    """One row that does not fit, in the file's own words."""

    number: int
    """Line of the file, or row of a Parquet."""
    said: str
    """What was expected and found: "`answer`: expected keys category, priority; found "billing""."""
    question: str
    answer: str
    fixable: bool
    """Whether another answer would make it right."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a file of labelled examples holds. `rows` are `items`, `repeats` and `wrong` together."""

    name: str
    rows: int
    items: tuple[Item, ...]
    repeats: int
    wrong: tuple[WrongRow, ...]
    guess: Proposal
    """A task for such answers, as the wizard proposes it."""
    places: tuple[Place, ...]

    @property
    def type(self) -> TaskType:
        """What one answer looks like, by the guess."""
        return TaskType(self.guess.settings["answer"])

    @property
    def first_wrong(self) -> str:
        """`Line 7, `answer`: expected keys category, priority; found "billing"`; empty where nothing is wrong."""
        if not self.wrong:
            return ""
        first = self.wrong[0]
        place = f"{unit(self.name)} {first.number}".capitalize()
        return f"{place}, {first.said}" if first.said.startswith("`") else f"{place}: {first.said}"

    def held_out(self, asked: int | None = None) -> int:
        """Test items that are kept aside: what is asked for, or the rule of a plan."""
        return held_out(len(self.items), asked)

    def split(self, asked: int | None = None) -> tuple[int, int] | None:
        """Seeds and test items as a plan would split them off, near duplicates and families on one side.

        None for more than SPLIT_EXACTLY items. InputError where too few are left.
        """
        if len(self.items) > SPLIT_EXACTLY:
            return None
        file = ItemFile(self.name, self.items, self.repeats, self.places)
        seeds, test, _, _ = split_off(file, None, TestPlan(holdout=asked))
        return len(seeds), len(test)


def look(path: Path, named: Mapping[str, str], corrections: Corrections = Corrections()) -> Labelled:
    """What a file holds, read as a plan reads it; `named` are its columns by their parts (`question`, `answer`,
    `context`, `choices`, or `messages`).

    The same file (by its path) with the same columns and corrections is read once. InputError where the file as a
    whole is wrong, and where it holds no row.
    """
    return _look(path, tuple(sorted(named.items())), corrections)


@lru_cache(maxsize=4)
def _look(path: Path, named: tuple[tuple[str, str], ...], corrections: Corrections) -> Labelled:
    by_part = dict(named)
    guess = _guess(path, by_part)
    items: dict[str, tuple[Item, Place]] = {}
    wrong: list[WrongRow] = []
    rows = repeats = 0
    for number, _, item in _judged(path, by_part, guess, corrections):
        rows += 1
        if isinstance(item, WrongRow):
            wrong.append(item)
        else:
            repeats += item.id in items
            items.setdefault(item.id, (item, Place(number, {}, False)))
    if not rows:
        raise InputError(f"{path.name}: holds no row; expected one example a row, with a question and its answer")
    kept = () if corrections.dropped else tuple(wrong)
    places = tuple(place for _, place in items.values())
    return Labelled(path.name, rows, tuple(item for item, _ in items.values()), repeats, kept, guess, places)


def corrected(path: Path, named: Mapping[str, str], corrections: Corrections) -> bytes:
    """The rows that are right, mended where the user said so, as JSONL; all their columns are kept."""
    judged = _judged(path, named, _guess(path, named), corrections)
    lines = [json.dumps(row, ensure_ascii=False) for _, row, item in judged if isinstance(item, Item)]
    return ("\n".join(lines) + "\n").encode()


@lru_cache(maxsize=4)
def inputs_in(path: Path, column: str) -> tuple[tuple[str, ...], int]:
    """The different questions of a file of inputs without answers (`normalise`), and how many of its rows hold none."""
    found: dict[str, None] = {}
    without = 0
    for _, row in _rows(path):
        text = as_text(row.get(column)) if isinstance(row, dict) else ""
        if text:
            found[normalise(text)] = None
        else:
            without += 1
    return tuple(found), without


def _rows(path: Path) -> Iterator[Row]:
    return parse_rows(content_of(path), path.name)


def _guess(path: Path, named: Mapping[str, str]) -> Proposal:
    return proposed([row for _, row in islice(_rows(path), LOOKED_AT) if isinstance(row, dict)], named)


def _judged(
    path: Path, named: Mapping[str, str], guess: Proposal, corrections: Corrections
) -> Iterator[tuple[int, dict[str, Any], Item | WrongRow]]:
    """Every row, mended, and the item that it is or what is wrong with it."""
    read, unfit, fixed = _reader(named), _fits(guess.settings["scorer"]), dict(corrections.fixed)
    column = named.get("answer", "answer")
    fixable = "messages" not in named
    for number, row in _rows(path):
        if isinstance(row, str):
            yield number, {}, WrongRow(number, row, "", "", False)
            continue
        if number in fixed:
            row = {**row, column: fixed[number]}
        item = read(row)
        if isinstance(item, str):
            said = item
        elif (found := unfit(item.answer)) is None:
            yield number, row, item
            continue
        else:
            said = f"`{column if fixable else named['messages']}`: {found}"
        question = as_text(row.get(named.get("question", "question")))
        can = fixable and column in row and bool(question)
        yield number, row, WrongRow(number, said, question, as_text(row.get(column)), can)


def _reader(named: Mapping[str, str]) -> RowReader:
    if "messages" in named:
        return messages(named["messages"])
    question, answer = named.get("question", "question"), named.get("answer", "answer")
    if "choices" in named:
        return choices(question, named["choices"], answer)
    return columns(question, answer, named.get("context"))


def _fits(scorer: Mapping[str, Any]) -> Callable[[str], str | None]:
    """What is wrong with an answer that such a scorer could not compare anything with; None where nothing is."""
    kind = scorer["kind"]
    if kind == "json_fields":
        return _record([name for name, how in scorer["fields"].items() if how != "ignored"])
    if kind == "labels":
        labels = {normalise(label) for label in scorer["labels"]}
        expected = f"expected one of {', '.join(scorer['labels'])}"
        return lambda answer: None if normalise(answer) in labels else f"{expected}; found {_short(answer)}"
    if kind == "numeric":
        return lambda answer: (
            f"expected a number at the end; found {_short(answer)}" if final_number(answer) is None else None
        )
    if kind == "tool_call":
        expected = "expected a tool call, an object with name and arguments"
        return lambda answer: None if tool_calls(answer) else f"{expected}; found {_short(answer)}"
    return lambda answer: None


def _record(keys: list[str]) -> Callable[[str], str | None]:
    expected = f"expected keys {', '.join(keys)}"

    def unfit(answer: str) -> str | None:
        record = json_object(answer)
        if record is None:
            return f"{expected}; found {_short(answer)}"
        if all(key in record for key in keys):
            return None
        return f"{expected}; found {', '.join(record) if record else 'an object without keys'}"

    return unfit


def _short(answer: str) -> str:
    text = " ".join(answer.split())
    text = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
    return text if text.startswith('"') else f'"{text}"'


def fixed_by(corrections: Corrections, answers: Mapping[int, str]) -> Corrections:
    """The corrections with these answers too."""
    return replace(corrections, fixed=tuple(sorted({**dict(corrections.fixed), **answers}.items())))
