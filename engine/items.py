"""Items of a seed or test file, each with the place it stands at; every problem with its line, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from engine.domain import Item, Strategy
from engine.errors import InputError
from engine.row_files import Row, content_of, parse_rows, unit
from engine.rows import QUESTION_AND_ANSWER, RowReader, as_text, names_of

_T = TypeVar("_T")

MOST_PROBLEMS = 20
"""So many problems, and so many lines with the same one, are spelled out; the rest is counted."""
_GENERATED = {"seed_id", "strategy", "query_ids"}


class Place(NamedTuple):
    """Where an item came from."""

    number: int
    """Line of the file, or row of a Parquet."""
    columns: Mapping[str, str]
    """The columns that were asked for beside the item, as text."""
    generated: bool
    """Whether SeedPilot wrote the row: an example of a pool, and no test item of the user's."""


class ItemFile(NamedTuple):
    """What a file holds."""

    name: str
    items: tuple[Item, ...]
    repeats: int
    """Rows left out because an earlier row is exactly the same."""
    places: tuple[Place, ...]
    """One for each item."""

    def at(self, index: int) -> str:
        """`seeds.csv, line 12`: where that item stands."""
        return f"{self.name}, {unit(self.name)} {self.places[index].number}"


def read_items(path: Path, read_row: RowReader = QUESTION_AND_ANSWER, beside: Sequence[str] = ()) -> ItemFile:
    """The items of a file, row by row as the task reads them; `beside` names further columns to keep.

    Raises InputError with every problem: unreadable, empty, a missing column, a broken line, a row
    without question or answer, an empty cell of a column in `beside`.
    """
    return parse_items(content_of(path), path.name, read_row, beside)


def parse_items(
    content: bytes, name: str, read_row: RowReader = QUESTION_AND_ANSWER, beside: Sequence[str] = ()
) -> ItemFile:
    """The items in a file's bytes; `name` decides the format by its ending and stands in the messages."""

    def read(row: Mapping[str, Any]) -> tuple[Item, Mapping[str, str], bool] | str:
        item = read_row(row)
        if isinstance(item, str):
            return item
        if missing := [column for column in beside if column not in row]:
            return f"column {missing[0]!r} is missing (found: {names_of(row)})"
        columns = {column: as_text(row[column]) for column in beside}
        if empty := [column for column, text in columns.items() if not text]:
            return f"{empty[0]!r} is empty"
        return item, columns, row.keys() >= _GENERATED and row["strategy"] in tuple(Strategy)

    items: dict[str, tuple[Item, Place]] = {}
    repeats = 0
    for number, (item, columns, generated) in _checked(parse_rows(content, name), name, read):
        repeats += item.id in items
        items.setdefault(item.id, (item, Place(number, columns, generated)))
    return ItemFile(
        name, tuple(item for item, _ in items.values()), repeats, tuple(place for _, place in items.values())
    )


def read_rows(path: Path) -> tuple[dict[str, Any], ...]:
    """The rows of a file as they are; InputError with every line that is none."""
    rows = _checked(parse_rows(content_of(path), path.name), path.name, lambda row: dict(row))
    return tuple(row for _, row in rows)


def _checked(rows: Iterable[Row], name: str, read: Callable[[Mapping[str, Any]], _T | str]) -> list[tuple[int, _T]]:
    """What `read` makes of every row; InputError with all lines and rows that are wrong, each problem once."""
    found: list[tuple[int, _T]] = []
    problems: dict[str, list[int]] = {}
    count = 0
    for number, row in rows:
        count += 1
        got = row if isinstance(row, str) else read(row)
        if isinstance(got, str):
            problems.setdefault(got, []).append(number)
        else:
            found.append((number, got))
    if problems:
        told = [
            f"{name}, {_lines(unit(name), lines, count)}: {said}"
            + ("; map it to the file's own name for it" if said.startswith("column ") and " is missing" in said else "")
            for said, lines in problems.items()
        ]
        more = len(told) - MOST_PROBLEMS
        raise InputError(told[:MOST_PROBLEMS] + ([f"{name}: and {more} more problems"] if more > 0 else []))
    return found


def _lines(unit: str, numbers: Sequence[int], rows: int) -> str:
    """`line 7`, `lines 2 to 9`, `lines 3, 7, 9 and 80 more`, `all 812 rows`."""
    if len(numbers) == rows > MOST_PROBLEMS:
        return f"all {rows} rows"
    if len(numbers) == 1:
        return f"{unit} {numbers[0]}"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{unit}s {numbers[0]} to {numbers[-1]}"
    shown, more = numbers[:MOST_PROBLEMS], len(numbers) - MOST_PROBLEMS
    if more > 0:
        return f"{unit}s {', '.join(map(str, shown))} and {more} more"
    return f"{unit}s {', '.join(map(str, shown[:-1]))} and {shown[-1]}"


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows as JSONL, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial.replace(path)
