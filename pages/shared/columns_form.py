"""Which column of a file is which: its first rows, and a choice for every column that the task reads."""

from __future__ import annotations

from collections.abc import Sequence
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
NO_FAMILY = "None"
A_ROW = 3
"""Choices beside each other."""


def ask(file: Path, task: str | None, key: str) -> dict[str, str]:
    """Shows the first rows and asks for the columns; the plan's `map`, without what has the task's own name.

    `task` is None while its file is awaited; what is not chosen is left to the engine, whose message says what is
    missing.
    """
    rows = uploads.look(file)
    if not rows:
        return {}
    names = list(dict.fromkeys(name for row in rows for name in row))
    st.dataframe(
        rows,
        hide_index=True,
        # A long text in one column must not push the others out of sight.
        column_config={name: st.column_config.Column(width="medium") for name in names},
        key=f"{key}_rows",
        alt=f"The first rows of {file.name}",
    )
    found = _task(task)
    if found is None:
        return {}
    likely = guessed(found, names)
    chosen: dict[str, str] = {}
    parts = [*found.columns, FAMILY]
    for start in range(0, len(parts), A_ROW):
        shown = parts[start : start + A_ROW]
        for part, column in zip(shown, st.columns(max(2, len(shown))), strict=False):
            # A choice belongs to this file and this task: another one is guessed anew.
            own = f"{key}_{part}_{file.parent.name}_{task and Path(task).parent.name}"
            picked = _pick(column, part, names, likely.get(part), own)
            if picked is not None and picked != found.columns.get(part, part):
                chosen[part] = picked
    return chosen


def _pick(column: Any, part: str, names: Sequence[str], likely: str | None, key: str) -> str | None:
    """The column that is chosen for a part; None where none is."""
    if part == FAMILY:
        options = [NO_FAMILY, *names]
        picked = column.selectbox(
            "Column of the family",
            options,
            index=0 if likely is None else options.index(likely),
            key=key,
            help="Rows of one family stay together: all of them are seeds, or all are tested.",
            persist_state="session",
        )
        return None if picked == NO_FAMILY else str(picked)
    picked = column.selectbox(
        f"Column of the {PARTS.get(part, part)}",
        names,
        index=None if likely is None else list(names).index(likely),
        key=key,
        placeholder="Choose a column",
        persist_state="session",
    )
    return None if picked is None else str(picked)


def _task(name: str | None) -> Task | None:
    try:
        return None if name is None else load_task(name)
    except InputError:  # the plan's check tells it
        return None
