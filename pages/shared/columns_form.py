"""Which column of a file is which: its first rows, and a choice for every column that the task reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import InputError
from engine.mapping import FAMILY, guessed
from engine.tasks import Task, load_task
from pages.shared import uploads

PARTS = {
    "question": "question",
    "answer": "answer",
    "context": "context",
    "messages": "chat",
    "choices": "choices",
    "tests": "tests",
    "entry_point": "function to test",
    "db_id": "database",
    FAMILY: "family",
}
"""Part of a column in the task -> what the form calls it."""
MAY_MISS = {
    FAMILY: "Rows of one family stay together: all of them are seeds, or all are tested.",
    "context": "A passage or the like that goes before the question, and that no strategy rewrites.",
    "entry_point": "The function that the tests call, where they are HumanEval's check(candidate).",
}
"""Columns that need not be there, and what they are for."""
OF_THE_ANSWER = ("answer", "tests", "entry_point")
NONE = "None"
A_ROW = 3
"""Choices beside each other."""


def ask(file: Path, task: str | None, key: str, answered: bool = True) -> dict[str, str]:
    """Shows the first rows and asks for the columns; the plan's `map`, without what has the task's own name.

    `task` is None while its file is awaited; what is not chosen is left to the engine, whose message says what is
    missing. Rows that are not `answered` have neither an answer nor what scores one, and no family.
    """
    names = preview(file, key)
    found = task_of(task) if names else None
    if found is None:
        return {}
    parts = [*found.columns, FAMILY] if answered else [part for part in found.columns if part not in OF_THE_ANSWER]
    # A choice belongs to this file and this task: another one is guessed anew.
    of = f"{file.parent.name}_{task and Path(task).parent.name}"
    chosen = choose(parts, names, guessed(found, names), key, of)
    return {part: column for part, column in chosen.items() if column != found.columns.get(part, part)}


def preview(file: Path, key: str) -> list[str]:
    """Shows the first rows of a file; the names of its columns."""
    rows = uploads.look(file)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if rows:
        st.dataframe(
            rows,
            hide_index=True,
            # A long text in one column must not push the others out of sight.
            column_config={name: st.column_config.Column(width="medium") for name in names},
            key=f"{key}_rows",
            alt=f"The first rows of {file.name}",
        )
    return names


def choose(
    parts: Sequence[str], names: Sequence[str], likely: Mapping[str, str], key: str, of: str, a_row: int = A_ROW
) -> dict[str, str]:
    """Asks for a column for each part; those that are chosen. `of` says what the choices belong to, `a_row` how many
    stand beside each other."""
    chosen: dict[str, str] = {}
    for start in range(0, len(parts), a_row):
        shown = parts[start : start + a_row]
        for part, column in zip(shown, st.columns(max(min(2, a_row), len(shown))), strict=False):
            picked = _pick(column, part, names, likely.get(part), f"{key}_{part}_{of}")
            if picked is not None:
                chosen[part] = picked
    return chosen


def _pick(column: Any, part: str, names: Sequence[str], likely: str | None, key: str) -> str | None:
    """The column that is chosen for a part; None where none is."""
    if part in MAY_MISS:
        options = [NONE, *names]
        picked = column.selectbox(
            f"Column of the {PARTS.get(part, part)}",
            options,
            index=0 if likely is None else options.index(likely),
            key=key,
            help=MAY_MISS[part],
            persist_state="session",
        )
        return None if picked == NONE else str(picked)
    picked = column.selectbox(
        f"Column of the {PARTS.get(part, part)}",
        names,
        index=None if likely is None else list(names).index(likely),
        key=key,
        placeholder="Choose a column",
        persist_state="session",
    )
    return None if picked is None else str(picked)


def task_of(name: str | None) -> Task | None:
    """The task of that name or file; None while there is none, or where its file has faults."""
    try:
        return None if name is None else load_task(name)
    except InputError:  # the plan's check tells it
        return None
