"""Seed and test files: JSONL or CSV in, items out; every problem with its line, all at once."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.domain import Item
from engine.errors import InputError


class ItemFile(NamedTuple):
    """What a file holds."""

    items: tuple[Item, ...]
    repeats: int
    """Rows left out because an earlier row is exactly the same."""


MOST_PROBLEMS = 20
"""So many problems are spelled out; the rest is counted."""
LOOK_BYTES = 1_000_000
"""So much of a file is read for a look at its first rows."""


def read_items(path: Path, question: str = "question", answer: str = "answer") -> ItemFile:
    """The items of a file; `question` and `answer` name its columns (an optional `family` is read).

    Raises InputError with every problem: unreadable, empty, a missing column, a broken line, a row
    without question or answer.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a JSONL or CSV file") from error
    return parse_items(content, path.name, question, answer)


def parse_items(content: bytes, name: str, question: str, answer: str) -> ItemFile:
    """The items in a file's bytes; `name` decides the format by its ending and stands in the messages."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise InputError(f"{name}: the file is empty; expected one row per seed with {question!r} and {answer!r}")
    if not name.lower().endswith((".jsonl", ".csv")):
        raise InputError(f"{name}: expected a file that ends in .jsonl or .csv")
    problems: list[str] = []
    rows = _csv_rows(text, name, (question, answer)) if name.lower().endswith(".csv") else _jsonl_rows(text)
    items: dict[str, Item] = {}
    repeats = 0
    for line, row in rows:
        if isinstance(row, str):
            problems.append(f"{name}, line {line}: {row}")
            continue
        missing = [column for column in (question, answer) if column not in row]
        if missing:
            found = ", ".join(map(str, row)) or "no column"
            problems.append(f"{name}, line {line}: column {missing[0]!r} is missing (found: {found})")
            continue
        values = [_text(row[column]) for column in (question, answer)]
        empty = [c for c, value in zip((question, answer), values, strict=True) if not value]
        if empty:
            problems.append(f"{name}, line {line}: {empty[0]!r} is empty")
            continue
        family = row.get("family")
        item = Item(_identity(*values), values[0], values[1], None if family is None else str(family))
        repeats += item.id in items
        items.setdefault(item.id, item)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise InputError(problems[:MOST_PROBLEMS] + ([f"{name}: and {more} more problems"] if more > 0 else []))
    return ItemFile(tuple(items.values()), repeats)


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows as JSONL, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    partial.replace(path)


def _identity(question: str, answer: str) -> str:
    """The same content is the same item in every file, so that its paid replies are found again."""
    return hashlib.sha256(f"{question}\x00{answer}".encode()).hexdigest()[:16]


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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


def _csv_rows(text: str, name: str, columns: tuple[str, str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        found = ", ".join(reader.fieldnames or ()) or "no column"
        raise InputError(f"{name}, line 1: column {missing[0]!r} is missing (found: {found})")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        yield reader.line_num, f"is no valid CSV ({error})"


def first_rows(content: bytes, name: str, count: int = 5) -> list[dict[str, str]]:
    """The first rows of a file as text, for a look at it; what cannot be read is passed over."""
    text = content[:LOOK_BYTES].decode("utf-8-sig", errors="replace")
    if name.lower().endswith(".csv"):
        rows: Iterator[dict[Any, Any] | str] = iter(csv.DictReader(io.StringIO(text), restval=""))
    else:
        rows = (row for _, row in _jsonl_rows(text))
    found: list[dict[str, str]] = []
    try:
        for row in rows:
            if isinstance(row, dict):
                found.append({str(key): _text(value) for key, value in row.items() if key is not None})
            if len(found) == count:
                break
    except csv.Error:
        pass
    return found
