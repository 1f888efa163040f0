"""Columns by other names: what the task reads -> what the file calls it, and a guess where nobody said.

A name on the left is what the task calls the column (`message`), or its part in the task (`question`, `answer`,
`context`, `choices`, ...); `family` is always one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain import Item
from engine.errors import InputError
from engine.rows import RowReader, names_of
from engine.tasks import Task

FAMILY = "family"
GUESSES: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "prompt", "input", "instruction", "problem", "query", "message", "text"),
    "answer": ("answer", "output", "response", "completion", "reply", "solution", "label", "target", "record"),
    "context": ("context", "passage", "input", "document"),
    "messages": ("messages", "conversations", "conversation", "chat"),
    "choices": ("choices", "options"),
    "tests": ("tests", "test_list", "test"),
    "entry_point": ("entry_point", "function"),
    "db_id": ("db_id", "database", "db"),
    FAMILY: (FAMILY, "group", "group_id", "cluster"),
}
"""Part of a column -> names that files give it, likeliest first."""


def mapped(read: RowReader, task: Task, names: Mapping[str, str], where: str) -> RowReader:
    """Reads rows of a file that calls columns otherwise; InputError where the task has no such column.

    `where` goes before the message: `seeds.map`, `--map`.
    """
    return renamed(read, _own_names(task, names, where))


def guessed(task: Task, found: Sequence[str]) -> dict[str, str]:
    """The likeliest mapping for a file with these columns, by part; a part without a likely column is missing.

    No column is taken twice, and a column that has the task's own name goes before every guess.
    """
    return guessed_columns(task.columns, found)


def guessed_columns(columns: Mapping[str, str], found: Sequence[str]) -> dict[str, str]:
    """The same for columns that no task reads yet: part -> the name that goes before every guess."""
    likely: dict[str, str] = {}
    folded = {name.casefold(): name for name in reversed(found)}
    parts = {**columns, FAMILY: FAMILY}
    for part, own in parts.items():
        if own in found:
            likely[part] = own
    for part in parts:
        free = (folded.get(name) for name in GUESSES.get(part, ()))
        column = next((name for name in free if name is not None and name not in likely.values()), None)
        if part not in likely and column is not None:
            likely[part] = column
    return likely


def parsed(given: Sequence[str], parts: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """What `--map NAME=COLUMN` says, by the part of a plan that it is said of; "" where none is named.

    With `parts` (`seeds`, `test`) a name may carry one: `test.question=prompt`. InputError with all that is wrong.
    """
    found: dict[str, dict[str, str]] = {}
    problems: list[str] = []
    for one in given:
        name, _, column = one.partition("=")
        part, dot, rest = name.partition(".")
        part, name = (part, rest) if dot and part in parts else ("", name)
        if not name or not column:
            problems.append(f"--map {one}: expected NAME=COLUMN, like --map question=prompt")
        elif found.setdefault(part, {}).setdefault(name, column) != column:
            problems.append(f"--map {one}: {name!r} was {found[part][name]!r} before; give it once")
    if problems:
        raise InputError(problems)
    return found


def renamed(read: RowReader, names: Mapping[str, str]) -> RowReader:
    """Reads rows whose file calls columns otherwise: the task's name -> the file's."""
    other = {own: theirs for own, theirs in names.items() if own != theirs}
    if not other:
        return read

    def read_other(row: Mapping[str, Any]) -> Item | str:
        if missing := [theirs for theirs in other.values() if theirs not in row]:
            return f"column {missing[0]!r} is missing (found: {names_of(row)})"
        kept = {name: value for name, value in row.items() if name not in other.values()}
        as_own = {**kept, **{own: row[theirs] for own, theirs in other.items()}}
        found = read(as_own)
        # What else is missing is told with the columns that the file has, not with what they were renamed to.
        return found.replace(names_of(as_own), names_of(row)) if isinstance(found, str) else found

    return read_other


def _own_names(task: Task, names: Mapping[str, str], where: str) -> dict[str, str]:
    own: dict[str, str] = {}
    problems: list[str] = []
    for name, column in names.items():
        if name in task.columns:
            own[task.columns[name]] = column
        elif name in (*task.columns.values(), FAMILY):
            own[name] = column
        else:
            known = ", ".join(dict.fromkeys((*task.columns, *task.columns.values(), FAMILY)))
            problems.append(
                f"{where}: {name!r} is no column that the task {task.name!r} reads; expected one of {known} "
                "(the file's own name stands on the other side)"
            )
    if problems:
        raise InputError(problems)
    return own
