"""The user's own measurements for the advice: a CSV file, or what a finished pilot measured."""

from __future__ import annotations

import datetime

import streamlit as st

from engine import runs
from engine.domain import Baseline, Measurement, Strategy, TaskType
from engine.errors import InputError, SeedPilotError
from engine.points import COLUMNS, parse_points
from engine.records import Run, RunState
from engine.store import Store
from pages.shared import pilots, run_words, session, uploads

NONE, FILE, PILOT = "None", "CSV file", "Pilot"
TEMPLATE = (
    f"{','.join(COLUMNS)},examples,replicate\n"
    f"{Baseline.SEEDS_ONLY.value},100,0,96,300,0,0\n"
    f"{Strategy.ANSWER_AUGMENTATION.value},100,1000,129,300,940,0\n"
    f"{Strategy.NEW_QUESTION.value},100,1000,121,300,410,0\n"
)


def ask(task: TaskType, calls: str) -> tuple[Measurement, ...]:
    """Asks where they come from; empty where there are none, or where the file is wrong and its problems are shown."""
    source = st.segmented_control(
        "Your own measurements",
        [NONE, FILE, PILOT],
        default=NONE,
        required=True,
        key="own_points",
        persist_state="session",
        help="What you measured on your own test items counts in full, and moves the advice.",
    )
    if source == FILE:
        return _from_file(calls)
    if source == PILOT:
        return _from_pilot(task)
    return ()


def _from_file(calls: str) -> tuple[Measurement, ...]:
    path = uploads.ask("Measured points (CSV)", ["csv"], "points_file", f"Columns: {', '.join(COLUMNS)}.")
    st.download_button(
        "Download a template (CSV)",
        TEMPLATE,
        "seedpilot-points.csv",
        "text/csv",
        key="points_template",
        icon=":material/download:",
        on_click="ignore",
    )
    if path is None:
        return ()
    try:
        return parse_points(path.read_text(encoding="utf-8-sig"), calls, path.name)
    except InputError as error:
        st.error(f"None of these points count until the file is right:\n\n{session.message(error)}")
    except (OSError, UnicodeDecodeError):
        st.error(f"{path.name} cannot be read as text; expected a CSV file with {', '.join(COLUMNS)}.")
    return ()


def _from_pilot(task: TaskType) -> tuple[Measurement, ...]:
    store = pilots.store()
    found = {}
    for run in store.runs():
        # A run that has ended is read once; one that lives has another sign of life each time.
        version = (str(store.path), run.id, run.state.value, run.finished_at or run.heartbeat_at or 0.0)
        if _speaks_about(run, version, task):
            found[run.id] = (run, _scored(store, version))
    found = {run: (of, points) for run, (of, points) in found.items() if any(m.cell.budget for m in points)}
    if not found:
        st.caption(
            "No pilot of yours has measured this kind of answer yet. Sandbox pilots are practice and never count here."
        )
        return ()
    chosen = st.selectbox(
        "Pilot",
        list(found),
        format_func=lambda run: _named(*found[run]),
        key="points_pilot",
        persist_state="session",
        help="Finished pilots, and what unfinished ones have measured so far. Sandbox pilots never count.",
    )
    return found[str(chosen)][1]


_Version = tuple[str, str, str, float]
"""Of a run: where its store is, its id, its state, when it ended or was last seen."""


@st.cache_data(max_entries=2000, show_spinner=False)
def _scored(_store: Store, version: _Version) -> tuple[Measurement, ...]:
    return tuple(m for m in _store.measurements(version[1]) if m.scored)


def _named(run: Run, points: tuple[Measurement, ...]) -> str:
    day = datetime.datetime.fromtimestamp(run.created_at, datetime.UTC).astimezone()
    state = "" if run.state is RunState.DONE else f", {run_words.STATES[run.state][0].lower()}"
    return f"{run.name}, {day:%-d %b %H:%M}, {len(points)} cells{state}"


@st.cache_data(max_entries=2000, show_spinner=False)
def _speaks_about(_run: Run, version: _Version, task: TaskType) -> bool:
    try:
        plan = runs.plan_of(_run)
        return not plan.sandbox_parts and runs.situation_of(_run, []).task is task
    except SeedPilotError:  # the plan's own task is gone or broken: its run's page says so
        return False
