"""Seed and test files: JSONL, CSV or Parquet in, items out; every problem with its line, all at once."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from engine.domain import Item
from engine.errors import InputError
from engine.rows import QUESTION_AND_ANSWER, RowReader, as_text

_T = TypeVar("_T")


class ItemFile(NamedTuple):
    """What a file holds."""

    items: tuple[Item, ...]
    repeats: int
    """Rows left out because an earlier row is exactly the same."""


MOST_PROBLEMS = 20
"""So many problems are spelled out; the rest is counted."""
LOOK_BYTES = 1_000_000
"""So much of a file is read for a look at its first rows."""


def read_items(path: Path, read_row: RowReader = QUESTION_AND_ANSWER) -> ItemFile:
    """The items of a file, row by row as the task reads them.

    Raises InputError with every problem: unreadable, empty, a missing column, a broken line, a row
    without question or answer.
    """
    return parse_items(_content(path), path.name, read_row)


def parse_items(content: bytes, name: str, read_row: RowReader = QUESTION_AND_ANSWER) -> ItemFile:
    """The items in a file's bytes; `name` decides the format by its ending and stands in the messages."""
    items: dict[str, Item] = {}
    repeats = 0
    for item in _checked(parse_rows(content, name), name, read_row):
        repeats += item.id in items
        items.setdefault(item.id, item)
    return ItemFile(tuple(items.values()), repeats)


def read_rows(path: Path) -> tuple[dict[str, Any], ...]:
    """The rows of a file as they are; InputError with every line that is none."""
    return tuple(_checked(parse_rows(_content(path), path.name), path.name, lambda row: dict(row)))


def parse_rows(content: bytes, name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line number (a Parquet's row number) and row, or that number and what is wrong with it."""
    if name.lower().endswith(".parquet"):
        return _parquet_rows(content, name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise InputError(f"{name}: the file is empty; expected one row a line")
    if not name.lower().endswith((".jsonl", ".csv")):
        raise InputError(f"{name}: expected a file that ends in .jsonl, .csv or .parquet")
    return _csv_rows(text) if name.lower().endswith(".csv") else _jsonl_rows(text)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a JSONL, CSV or Parquet file"
        ) from error


def _checked(
    rows: Iterator[tuple[int, dict[str, Any] | str]], name: str, read: Callable[[Mapping[str, Any]], _T | str]
) -> list[_T]:
    """What `read` makes of every row; InputError with all lines and rows that are wrong."""
    found: list[_T] = []
    problems: list[str] = []
    for line, row in rows:
        got = row if isinstance(row, str) else read(row)
        if isinstance(got, str):
            problems.append(f"{name}, line {line}: {got}")
        else:
            found.append(got)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise InputError(problems[:MOST_PROBLEMS] + ([f"{name}: and {more} more problems"] if more > 0 else []))
    return found


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows as JSONL, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial.replace(path)


def _jsonl_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield number, f"is no valid JSON ({error})"
            continue
        yield number, row if isinstance(row, dict) else "is no JSON object"


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            yield reader.line_num, {key: value for key, value in row.items() if key is not None}
    except csv.Error as error:
        yield reader.line_num, f"is no valid CSV ({error})"


def _parquet_rows(content: bytes, name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    try:
        # Through JSON: nested columns become lists and objects, and no value keeps a type of numpy's.
        lines = pd.read_parquet(io.BytesIO(content)).to_json(orient="records", lines=True, date_format="iso")
    except (ValueError, OSError) as error:
        raise InputError(f"{name}: is no readable Parquet file ({error})") from error
    if not lines.strip():
        raise InputError(f"{name}: the file is empty; expected one row a line")
    return _jsonl_rows(lines)


def first_rows(content: bytes, name: str, count: int = 5) -> list[dict[str, str]]:
    """The first rows of a file as text, for a look at it; what cannot be read is passed over."""
    rows: Iterator[dict[Any, Any] | str]
    text = "" if name.lower().endswith(".parquet") else content[:LOOK_BYTES].decode("utf-8-sig", errors="replace")
    if name.lower().endswith(".parquet"):
        rows = (row for _, row in _parquet_rows(content, name))
    elif name.lower().endswith(".csv"):
        rows = iter(csv.DictReader(io.StringIO(text), restval=""))
    else:
        rows = (row for _, row in _jsonl_rows(text))
    found: list[dict[str, str]] = []
    try:
        for row in rows:
            if isinstance(row, dict):
                found.append({str(key): as_text(value) for key, value in row.items() if key is not None})
            if len(found) == count:
                break
    except csv.Error:
        pass
    return found
