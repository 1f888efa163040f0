"""Anybody's points from a CSV file: `strategy, n`, then `correct, total` or `value` with optional `stderr`.

Optional columns: `replicate`, `pool`, `group` (each group is fitted on its own), `seeds` (labelled examples behind the
point, n being examples beside them) and `direction` (`higher` is better by default, `lower` for losses). Every problem
of a file is reported at once, with its line.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.fitting.groups import Group, LogitScale, LogScale
from engine.fitting.observations import Observation, group_of

EXPECTED = "strategy, n, and correct, total or value (with stderr if known)"
DIRECTIONS = ("higher", "lower")


@dataclass(frozen=True, slots=True)
class PointsFile:
    """The groups of a file, and what its reader should know about them."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    group: str
    direction: str
    replicate: str
    seen: Observation


def read_points_file(path: Path, floor: float = 0.0) -> PointsFile:
    """The groups of a CSV file; `floor` is the share that guessing gets right. InputError with every problem."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a CSV file with the columns {EXPECTED}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); expected a CSV file.") from error
    return parse_points_file(text, floor, path.name)


def parse_points_file(text: str, floor: float = 0.0, name: str = "points") -> PointsFile:
    """The same from text; `name` is what messages call it."""
    if not 0 <= floor < 1:
        raise InputError(f"the share that guessing gets right is {floor}; expected 0 or more and below 1.")
    reader = csv.DictReader(io.StringIO(text), restval="")
    columns = [(column or "").strip() for column in reader.fieldnames or []]
    counts, values = {"correct", "total"} <= set(columns), "value" in columns
    if not {"strategy", "n"} <= set(columns) or not (counts or values):
        raise InputError(f"{name}: found the columns {', '.join(columns) or 'nothing'}; expected {EXPECTED}.")
    reader.fieldnames = columns
    problems: list[str] = []
    rows: list[_Row] = []
    for cells in reader:
        try:
            rows.append(_row({k: (v or "").strip() for k, v in cells.items() if k}, reader.line_num, floor))
        except InputError as error:
            problems += [f"{name} line {reader.line_num}: {problem}" for problem in error.problems]
    if not rows and not problems:
        problems.append(f"{name}: no rows below the header; expected one row a measured point.")
    problems += _across(rows, name)
    if problems:
        raise InputError(problems)
    groups = []
    for group in sorted({row.group for row in rows}):
        mine = [row for row in rows if row.group == group]
        scale = LogScale() if mine[0].direction == "lower" else LogitScale(floor)
        groups.append(group_of(group, [row.seen for row in mine], scale))
    return PointsFile(tuple(groups), _notes(rows, groups))


def _row(cells: dict[str, str], line: int, floor: float) -> _Row:
    problems: list[str] = []

    def number(column: str) -> float | None:
        text = cells.get(column, "")
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            problems.append(f"{column} is {text!r}; expected a number.")
            return None
        if not math.isfinite(found):
            problems.append(f"{column} is {text}; expected a finite number.")
            return None
        return found

    strategy, n = cells["strategy"], number("n")
    correct, total, value, stderr, seeds = (number(c) for c in ("correct", "total", "value", "stderr", "seeds"))
    direction = cells.get("direction", "") or "higher"
    if not strategy:
        problems.append("strategy is empty; expected a name.")
    if n is None and not problems:
        problems.append("n is empty; expected a number of examples.")
    elif n is not None and n < 0:
        problems.append(f"n is {n:g}; expected 0 or more.")
    if "seeds" in cells and seeds is None and not problems:
        problems.append("seeds is empty; expected a number of labelled examples in every row, or no such column.")
    elif seeds is not None and seeds < 1:
        problems.append(f"seeds is {seeds:g}; expected 1 or more.")
    if direction not in DIRECTIONS:
        problems.append(f"direction is {direction!r}; expected higher or lower.")
    elif not problems:
        problems += _measured(correct, total, value, stderr, direction)
    if problems or n is None:
        raise InputError(problems)
    observation = Observation(strategy, n, correct, total, value, stderr, cells.get("pool") or None, seeds)
    return _Row(line, cells.get("group", ""), direction, cells.get("replicate", ""), observation)


def _measured(
    correct: float | None, total: float | None, value: float | None, stderr: float | None, direction: str
) -> list[str]:
    """What is wrong with the measured part of a row."""
    if (correct is None) != (total is None):
        return ["correct and total belong together; found one of them."]
    if (correct is None) == (value is None):
        found = "both" if value is not None else "neither"
        return [f"expected correct and total, or value; found {found}."]
    if correct is not None and total is not None:
        if direction == "lower":
            return ["correct and total are an accuracy; direction lower needs value, a loss."]
        if total < 1 or correct < 0 or total != int(total) or correct != int(correct):
            return [f"{correct:g} correct of {total:g}; expected whole numbers, and at least 1 in total."]
        return [f"{correct:g} correct of {total:g}; no more can be right than were scored."] if correct > total else []
    if stderr is not None and stderr < 0:
        return [f"stderr is {stderr:g}; expected 0 or more."]
    if value is not None and direction == "higher" and not 0 <= value <= 1:
        return [f"value is {value:g}; expected a fraction from 0 to 1 (for a loss set direction to lower)."]
    if value is not None and direction == "lower" and value <= 0:
        return [f"value is {value:g}; expected a loss above 0."]
    return []


def _across(rows: list[_Row], name: str) -> list[str]:
    """What is wrong between rows."""
    problems: list[str] = []
    seen: dict[tuple[str, str, float, float | None, str], int] = {}
    kind: dict[str, tuple[str, bool, int]] = {}
    errors: dict[tuple[str, str, float, float | None], tuple[bool, int]] = {}
    for row in rows:
        known, first = errors.setdefault(
            (row.group, row.seen.strategy, row.seen.n, row.seen.seeds), (row.seen.stderr is not None, row.line)
        )
        if known != (row.seen.stderr is not None):
            problems.append(
                f"{name} line {row.line}: {'no ' if known else ''}stderr, other than line {first} of the same strategy "
                "and n; give it for all of its replicates or for none."
            )
        if row.replicate:
            key = (row.group, row.seen.strategy, row.seen.n, row.seen.seeds, row.replicate)
            if key in seen:
                problems.append(
                    f"{name} line {row.line}: the same strategy, n and replicate as line {seen[key]}; "
                    "number the replicates, or leave the column out."
                )
            seen.setdefault(key, row.line)
        direction, counted, line = kind.setdefault(row.group, (row.direction, row.seen.total is not None, row.line))
        if (direction, counted) != (row.direction, row.seen.total is not None):
            problems.append(
                f"{name} line {row.line}: another direction or kind of measurement than line {line} of the same "
                "group; expected one a group."
            )
    return problems


def _notes(rows: list[_Row], groups: list[Group]) -> tuple[str, ...]:
    notes = []
    if any(row.seen.total is not None for row in rows):
        notes.append("Counts carry no item results, so test items are taken as independent between strategies.")
    if not any(row.seen.pool for row in rows):
        notes.append("No pools are named, so points of one strategy are taken as drawn independently.")
    unknown = [g.name or "the file" for g in groups if any((s.variance == 0).any() for s in g.series)]
    if unknown:
        notes.append(f"No standard errors in {', '.join(unknown[:5])}: noise is judged from the curves' own roughness.")
    single = [f"{g.name} {s.strategy}".strip() for g in groups for s in g.series if len(s.n) == 1]
    if single:
        notes.append(f"One budget only for {', '.join(single[:5])}: how fast it grows is assumed, not measured.")
    return tuple(notes)
