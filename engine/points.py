"""A user's own points, from a CSV file: `strategy, seeds, queries, correct, total`.

Optional columns: `examples` (training examples seen, where curation dropped some) and `replicate`.
`strategy` may also be a baseline: `untuned`, `seeds_only` or `teacher`, with 0 queries.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from engine.costs import examples_for
from engine.domain import Arm, Baseline, Cell, Measurement, Strategy, arm
from engine.errors import InputError

COLUMNS = ("strategy", "seeds", "queries", "correct", "total")
MOST = 10**12
"""No count in a file is larger: a slip of the keyboard is."""
_BEYOND = "(beyond the columns)"


class WrongRowsError(InputError):
    """Some rows of a file are wrong, and the others would do without them."""

    def __init__(self, problems: list[str], wrong: int, rows: int, good: tuple[Measurement, ...]) -> None:
        super().__init__(problems)
        self.wrong = wrong
        self.rows = rows
        self.good = good


def read_points(path: Path, calls: str = "all") -> tuple[Measurement, ...]:
    """The measurements in a file; `calls` says how queries become examples where no column does.

    Raises InputError with every problem of the file, each with its line number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a CSV file with {', '.join(COLUMNS)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); expected a CSV file.") from error
    return parse_points(text, calls, path.name)


def columns_of(text: str) -> list[str]:
    """The names in the header; empty where there is none."""
    return [name.strip() for name in next(csv.reader(io.StringIO(text)), [])]


def renamed(text: str, chosen: Mapping[str, str]) -> str:
    """The same file, its header with our name for each column that is chosen: ours -> the file's."""
    header, _, rest = text.partition("\n")
    ours = {column: name for name, column in chosen.items()}
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([ours.get(name, name) for name in columns_of(header)])
    return written.getvalue() + rest


def parse_points(text: str, calls: str = "all", name: str = "points") -> tuple[Measurement, ...]:
    """The same from text; `name` is what messages call it. WrongRowsError where what is right could do alone."""
    reader = csv.DictReader(io.StringIO(text), restval="", restkey=_BEYOND)
    try:
        columns = [column.strip() for column in reader.fieldnames or []]
    except csv.Error as error:
        raise InputError(f"{name}: cannot be read as CSV ({error}).") from error
    missing = [column for column in COLUMNS if column not in columns]
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if twice:
        raise InputError(f"{name}: the column {', '.join(twice)} appears twice; expected each once.")
    if missing:
        found = ", ".join(columns) or "nothing"
        raise InputError(
            f"{name}: found the columns {found}; {', '.join(missing)} missing. Expected {', '.join(COLUMNS)}."
        )
    reader.fieldnames = columns
    problems: list[str] = []
    points: list[Measurement] = []
    wrong = rows = 0
    seen: Counter[tuple[Arm, int, int]] = Counter()
    lines: dict[Cell, int] = {}
    try:
        for row in reader:
            rows += 1
            try:
                point = _point(row, calls, seen)
            except InputError as error:
                problems += [f"{name} line {reader.line_num}: {problem}" for problem in error.problems]
                wrong += 1
                continue
            first = lines.setdefault(point.cell, reader.line_num)
            if first != reader.line_num:
                problems.append(
                    f"{name} line {reader.line_num}: the same cell and replicate as line {first}; a repeat has a "
                    "replicate of its own."
                )
                wrong += 1
                continue
            points.append(point)
    except csv.Error as error:
        problems.append(f"{name} line {reader.line_num}: cannot be read as CSV ({error}).")
    if not points and not problems:
        problems.append(f"{name}: no rows below the header; expected one row per measured cell.")
    if points and wrong:
        raise WrongRowsError(problems, wrong, rows, tuple(points))
    if problems:
        raise InputError(problems)
    return tuple(points)


def _point(row: dict[str, str], calls: str, seen: Counter[tuple[Arm, int, int]]) -> Measurement:
    problems: list[str] = []
    if _BEYOND in row:
        raise InputError("more fields than columns; a number is written without commas.")
    try:
        which: Arm = arm(row["strategy"].strip())
    except ValueError:
        known = ", ".join([s.value for s in Strategy] + [b.value for b in Baseline])
        raise InputError(f"strategy {row['strategy']!r}; expected one of {known}.") from None
    seeds = _count(row, "seeds", 1, problems)
    queries = _count(row, "queries", 0, problems)
    total = _count(row, "total", 1, problems)
    correct = _count(row, "correct", 0, problems)
    if not problems and correct > total:
        problems.append(f"correct is {correct} of {total}; no more can be right than were scored.")
    if isinstance(which, Strategy) and not problems and queries == 0:
        problems.append(f"{which.value} with 0 queries; expected at least 1, or the strategy seeds_only.")
    made = examples_for(queries, which, calls) if isinstance(which, Strategy) else 0
    examples = _count(row, "examples", 0, problems) if row.get("examples", "").strip() else made
    key = (which, seeds, queries)
    replicate = _count(row, "replicate", 0, problems) if row.get("replicate", "").strip() else seen[key]
    seen[key] += 1
    if problems:
        raise InputError(problems)
    return Measurement(Cell(which, seeds, queries, replicate), correct, total, 0, examples)


def _count(row: dict[str, str], column: str, least: int, problems: list[str]) -> int:
    text = (row[column] or "").strip()
    try:
        number = int(text)
    except ValueError:
        problems.append(f"{column} is {text!r}; expected a whole number.")
        return least
    if number < least:
        problems.append(f"{column} is {number}; expected {least} or more.")
        return least
    if number > MOST:
        problems.append(f"{column} is {text}; expected at most {MOST:,}.")
        return least
    return number
