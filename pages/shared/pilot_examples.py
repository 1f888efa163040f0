"""The form's first part: the labelled examples, how an answer is scored, and where the test items come from."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import InputError
from engine.hub_rows import MOST_ROWS, local, parse
from engine.labelled import look
from engine.plan import HUB, SANDBOX
from pages.shared import columns_form, faulty_rows, task_form, tryout_form, uploads
from pages.shared.pilot_parts import KEEP, Asked, Place, count

OWN, HUB_SEEDS, SANDBOX_SEEDS = "My own file", "A data set on the hub", "Sandbox"
HOLD_OUT, TEST_FILE = "Keep rows of this file aside", "A test file"
MATHS, OWN_TASK, TASK_FILE = "A number, after reasoning", "My own task, in a form", "As a task file says"
DRAWN, ALIKE, LATEST = "Drawn", "Drawn, alike in a column", "The latest by a column"
FILE = "pilot_file"
"""Key of the examples' uploader."""
FILES = ["jsonl", "csv", "parquet", "gz"]
FORMATS = "JSONL, CSV or Parquet"
READ = ("question", "answer", "context", "choices", "messages")
"""Parts of a row that say whether it fits; databases and tests are looked at where code is run."""


def ask(asked: Asked, seeds: Place = nullcontext, task: Place = nullcontext) -> bool:
    """Draws it, each part in its place; whether the examples are the user's own."""
    with seeds():
        source = st.radio(
            "Labelled examples", [SANDBOX_SEEDS, OWN, HUB_SEEDS], key="pilot_source", horizontal=True, **KEEP
        )
        if source == SANDBOX_SEEDS:
            _sandbox(asked)
        else:
            file = _source(asked, hub=source == HUB_SEEDS)
    if source == SANDBOX_SEEDS:
        with task():
            st.caption("The sandbox's problems end in a number, and a right answer is that number.")
        return False
    with task():
        kind = st.radio(
            "How an answer is scored", [MATHS, OWN_TASK, TASK_FILE], key="pilot_task", horizontal=True, **KEEP
        )
        if file is None and kind == OWN_TASK:
            st.caption("Its form appears here with your examples: it begins with what their answers look like.")
        elif file is not None and kind == OWN_TASK:
            name, columns = task_form.ask(file, asked, seeds)
        else:
            name = _task_file(asked) if kind == TASK_FILE else "math"
    if file is None:
        return True
    if kind != OWN_TASK:
        with seeds():
            columns = columns_form.ask(file, name, FILE)
    asked.raw |= {} if name is None else {"task": name}
    path = _mended(file, name, columns, seeds) if source == OWN else file
    asked.raw["seeds"] = {"path": str(path), **({"map": columns} if columns else {})}
    if name is not None:
        with task():
            tryout_form.section(file, name, columns)
    with seeds():
        where = st.radio("Test items", [HOLD_OUT, TEST_FILE], key="pilot_test_source", horizontal=True, **KEEP)
        asked.raw["test"] = _split(asked, file) if where == HOLD_OUT else _test_file(asked, name)
    return True


def _sandbox(asked: Asked) -> None:
    st.caption("Maths word problems that SeedPilot invents: practice without key or GPU, in minutes.")
    seeds, test = st.columns(2)
    asked.raw["seeds"] = {"path": SANDBOX, "count": count(seeds, "Seeds", "pilot_seeds", 100, 10)}
    asked.raw["test"] = {"count": count(test, "Test items", "pilot_test_items", 300, 20)}


def _source(asked: Asked, *, hub: bool) -> Path | None:
    """The file of the user's examples; None while it is awaited."""
    asked.raw["seeds"], asked.raw["test"] = {}, {}
    if hub:
        file = _hub(asked, "pilot_hub")
        missing = "Name a data set on the hub and read it, or choose a file of your own or the sandbox."
    else:
        file = uploads.ask(f"Examples ({FORMATS})", FILES, FILE, "One row per example: a question, its answer.")
        missing = (
            f"Upload a file with your labelled examples ({FORMATS}), or choose a data set on the hub or the sandbox."
        )
    if file is None:
        asked.wait_for(missing)
    return file


def _mended(file: Path, task: str | None, columns: Mapping[str, str], seeds: Place) -> Path:
    """The file without the rows that do not fit, as far as the user has mended or dropped them; told in the place of
    the seeds. A file that is no file of rows is told by the plan's check."""
    found = columns_form.task_of(task)
    if found is None:
        return file
    named = {part: columns.get(part, own) for part, own in found.columns.items() if part in READ}
    of = file.parent.name
    try:
        held = look(file, named, faulty_rows.corrections(FILE, of))
    except InputError:
        return file
    if held.type is not found.type:  # the user means something else by these answers
        return file
    with seeds():
        faulty_rows.section(held, FILE, of)
    return faulty_rows.mended(file, named, FILE, of)


def _map(file: Path, task: str | None, key: str) -> dict[str, Any]:
    chosen = columns_form.ask(file, task, key)
    return {"map": chosen} if chosen else {}


def _task_file(asked: Asked) -> str | None:
    """The path of the user's task file; None while it is awaited."""
    file = uploads.ask("Task file (task.toml)", ["toml"], "pilot_task_file", "What to ask the teacher, how to score.")
    if file is None:
        asked.wait_for("Upload the task file (task.toml), or choose a number as the answer.")
        return None
    return str(file)


def _split(asked: Asked, file: Path) -> dict[str, Any]:
    """How test items are split off from the examples."""
    how_many, how = st.columns(2)
    held_out = how_many.number_input(
        "Rows kept for testing",
        min_value=1,
        value=None,
        step=1,
        key="pilot_holdout",
        placeholder="a quarter, from 20 to 300",
        help="Families and near duplicates stay together, so that nothing tested is taught.",
        **KEEP,
    )
    way = how.selectbox("How they are chosen", [DRAWN, ALIKE, LATEST], key="pilot_split", **KEEP)
    found: dict[str, Any] = {} if held_out is None else {"holdout": int(held_out)}
    if way == DRAWN:
        return found
    names = list(dict.fromkeys(name for row in uploads.look(file) for name in row))
    label = "Column whose values are spread alike" if way == ALIKE else "Column of the time (dates or numbers)"
    picked = st.selectbox(
        label, names, index=None, key=f"pilot_split_{file.parent.name}", placeholder="Choose a column", **KEEP
    )
    if picked is None:
        asked.wait_for(f"{label}: is not chosen; choose one, or have the test items drawn.")
        return found
    return found | {"stratify_by" if way == ALIKE else "time_column": picked}


def _test_file(asked: Asked, task: str | None) -> dict[str, Any]:
    file = uploads.ask(f"Test items ({FORMATS})", FILES, "pilot_test_file", "Never shown to the strategies.")
    if file is None:
        asked.wait_for("Upload a file with test items, or keep rows of the first file aside.")
        return {}
    leave_out = st.checkbox(
        "Leave out examples that the test file holds too",
        key="pilot_shared",
        help="Otherwise each of them is told, and the pilot does not start: what is tested must not be taught.",
        **KEEP,
    )
    shared = {"shared": "leave_out"} if leave_out else {}
    return {"path": str(file), **_map(file, task, "pilot_test_file"), **shared}


def _hub(asked: Asked, key: str) -> Path | None:
    """Asks for a data set; the file of its rows once it was read. Reading waits for a button: it takes seconds."""
    name, config, split = st.columns([2, 1, 1])
    name = name.text_input("Data set", key=f"{key}_name", placeholder="openai/gsm8k", **KEEP).strip()
    config = config.text_input("Configuration", key=f"{key}_config", placeholder="main", **KEEP).strip()
    split = split.text_input("Split", "train", key=f"{key}_split", **KEEP).strip()
    wanted = f"{HUB}{name}{':' if config else ''}{config}#{split or 'train'}"
    pressed = st.button(
        "Read the data set",
        key=f"{key}_read",
        icon=":material/cloud_download:",
        disabled=not name,
        help=f"At most its first {MOST_ROWS:,} rows, Parquet or JSON; nothing of it is run.",
    )
    # What was asked for, and the file or the messages that came of it.
    read: tuple[str, str | None, tuple[str, ...]] | None = st.session_state.get(f"{key}_state")
    if pressed:
        with st.spinner("Reading the data set"):
            read = st.session_state[f"{key}_state"] = (wanted, *_read(wanted))
    if read is None or read[0] != wanted:
        return None
    asked.problems += read[2]
    if read[1] is None or not Path(read[1]).exists():  # kept for a day
        return None
    st.caption(f":material/description: {Path(read[1]).name}")
    return Path(read[1])


def _read(wanted: str) -> tuple[str | None, tuple[str, ...]]:
    try:
        if parse(wanted).folder:
            return None, (f"{wanted}: is a folder; name a data set on the hub, like openai/gsm8k.",)
        return str(local(wanted).path), ()
    except InputError as error:
        return None, error.problems
