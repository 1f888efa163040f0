"""Replies from a file, and which row of the data each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.domain import Item
from engine.errors import InputError
from engine.items import MOST_PROBLEMS, read_items, read_rows
from engine.rows import RowReader, as_text
from engine.tasks import Task


def items_of(path: Path, read: RowReader) -> tuple[tuple[dict[str, Any], ...], list[Item]]:
    """Rows and their items, one each: repeated rows stay, so that replies can follow line by line."""
    rows = read_rows(path)
    read_ones = [read(row) for row in rows]
    if any(isinstance(one, str) for one in read_ones):
        read_items(path, read)  # raises with every problem by its line
    return rows, [one for one in read_ones if isinstance(one, Item)]


def belonging(
    rows: Sequence[Mapping[str, Any]],
    items: Sequence[Item],
    replies: Sequence[Mapping[str, Any]],
    name: str,
    task: Task,
) -> list[tuple[int, Mapping[str, Any]]]:
    """Which item (its index) each reply belongs to; InputError with every reply that belongs to none."""
    problems = [f"{name}, reply {n}: has no column 'reply'" for n, row in enumerate(replies, 1) if "reply" not in row]
    if problems:
        raise _first(problems)
    keys = _keys(rows, items, task)
    column = next(
        (c for c in ("id", "question") if replies and all(as_text(r.get(c)) for r in replies) and keys[c]), None
    )
    if column is None or (len(replies) == len(items) and _in_step(keys[column], replies, column)):
        if len(replies) != len(items):
            raise InputError(
                f"{name}: {len(replies)} replies for {len(items)} rows, and no `id` or `question` that says which "
                "belongs to which; give one reply a row, or such a column"
            )
        return list(enumerate(replies))
    at: dict[str, list[int]] = {}
    for index, texts in enumerate(keys[column]):
        for text in texts:
            at.setdefault(text, []).append(index)
    found: list[tuple[int, Mapping[str, Any]]] = []
    for number, row in enumerate(replies, 1):
        hits = at.get(as_text(row[column]), [])
        if len({items[i] for i in hits}) == 1:
            found.append((hits[0], row))
        else:
            why = "is in no row of the data" if not hits else f"stands in {len(hits)} rows of the data; give an `id`"
            problems.append(f"{name}, reply {number}: its {column} {why}")
    if problems:
        raise _first(problems)
    return found


def _keys(rows: Sequence[Mapping[str, Any]], items: Sequence[Item], task: Task) -> dict[str, list[set[str]]]:
    """What a reply may call its row: the file's id or ours, the plain question or the one with its choices."""
    return {
        "id": [{item.id, as_text(row.get("id"))} - {""} for row, item in zip(rows, items, strict=True)],
        "question": [
            {item.question, as_text(row.get(task.question_column))} - {""}
            for row, item in zip(rows, items, strict=True)
        ],
    }


def _in_step(keys: Sequence[set[str]], replies: Sequence[Mapping[str, Any]], column: str) -> bool:
    return all(as_text(row[column]) in texts for texts, row in zip(keys, replies, strict=True))


def _first(problems: list[str]) -> InputError:
    more = len(problems) - MOST_PROBLEMS
    return InputError(problems[:MOST_PROBLEMS] + ([f"and {more} more problems"] if more > 0 else []))
