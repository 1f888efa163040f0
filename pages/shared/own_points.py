"""The user's own measurements for the advice: a CSV file, or what a finished pilot measured."""

from __future__ import annotations

import datetime
from dataclasses import replace
from functools import lru_cache

import streamlit as st

from engine import runs
from engine.domain import Baseline, Measurement, Situation, Strategy, TaskType
from engine.errors import InputError, SeedPilotError
from engine.points import COLUMNS, WrongRowsError, columns_of, parse_points, renamed
from engine.pools import none_kept
from engine.records import Run, RunState
from engine.store import Store
from pages.shared import columns_form, pilots, run_words, session, uploads, words

NONE, FILE, PILOT = "None", "CSV file", "Pilot"
TEMPLATE = (
    f"{','.join(COLUMNS)},examples,replicate\n"
    f"{Baseline.SEEDS_ONLY.value},100,0,96,300,0,0\n"
    f"{Strategy.ANSWER_AUGMENTATION.value},100,1000,129,300,940,0\n"
    f"{Strategy.NEW_QUESTION.value},100,1000,121,300,410,0\n"
)


def ask(given: Situation) -> tuple[Situation, tuple[Measurement, ...]]:
    """Asks where they come from; the situation with what else they say of it, and the points: none where there are
    none, or where the file is wrong and its problems are shown."""
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
        return given, _from_file(given.calls)
    if source == PILOT and (found := _from_pilot(given.task)) is not None:
        run, points = found
        return replace(given, none_kept=none_kept(pilots.store().pools(run.id))), points
    return given, ()


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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        st.error(f"{path.name} cannot be read as text; expected a CSV file with {', '.join(COLUMNS)}.")
        return ()
    of = path.parent.name  # its content: another file is asked about anew
    try:
        return parse_points(_mapped(text, of), calls, path.name)
    except WrongRowsError as error:
        return _without_wrong(error, of)
    except InputError as error:
        st.error(f"None of these points count until the file is right:\n\n{session.message(error)}")
    return ()


def _mapped(text: str, of: str) -> str:
    """The file with our names for its columns, asked for where some are missing."""
    names = columns_of(text)
    missing = [column for column in COLUMNS if column not in names]
    if not missing or not names:
        return text
    st.warning(
        f"The file has the columns {words.plain(', '.join(names))}. Say which of them hold what is missing.",
        icon=":material/view_column:",
    )
    left = [name for name in names if name not in COLUMNS]
    chosen = columns_form.choose(missing, left, {}, "points_map", of)
    return renamed(text, chosen)


def _without_wrong(error: WrongRowsError, of: str) -> tuple[Measurement, ...]:
    """What is wrong with which lines, and the offer to go on without them."""
    first, *others = error.problems
    rows, are = ("row", "is") if error.wrong == 1 else ("rows", "are")
    if st.session_state.get(f"points_dropped_{of}", False):
        st.caption(f"{error.wrong} of {error.rows} rows dropped.")
        if st.button("Take the drop back", key="points_undrop", icon=":material/undo:"):
            st.session_state[f"points_dropped_{of}"] = False
            st.rerun()
        return error.good
    st.error(
        f"{words.plain(first)} {error.wrong} of {error.rows} rows {are} wrong, and none counts yet. Fix the file and "
        f"upload it again, or drop {error.wrong}.",
        icon=":material/error:",
    )
    if others:
        with st.expander(f"{len(others)} more", key="points_problems"):
            st.markdown("\n".join(f"- {words.plain(problem)}" for problem in others))
    if st.button(f"Drop {error.wrong} {rows}", key="points_drop", icon=":material/delete_sweep:"):
        st.session_state[f"points_dropped_{of}"] = True
        st.rerun()
    return ()


def _from_pilot(task: TaskType) -> tuple[Run, tuple[Measurement, ...]] | None:
    store = pilots.store()
    found = {}
    for run in store.runs():
        # A run that has ended is read once; one that lives has another sign of life each time.
        version = (run.id, run.created_at, run.state.value, run.finished_at or run.heartbeat_at or 0.0)
        if _speaks_about(store, version, task):
            found[run.id] = (run, _scored(store, version))
    found = {run: (of, points) for run, (of, points) in found.items() if any(m.cell.budget for m in points)}
    if not found:
        st.caption(
            "No pilot of yours has measured this kind of answer yet. Sandbox pilots are practice and never count here."
        )
        return None
    chosen = st.selectbox(
        "Pilot",
        list(found),
        format_func=lambda run: _named(*found[run]),
        key="points_pilot",
        persist_state="session",
        help="Finished pilots, and what unfinished ones have measured so far. Sandbox pilots never count.",
    )
    return found[str(chosen)]


_Version = tuple[str, float, str, float]
"""Of a run: its id, when it was filed, its state, when it ended or was last seen."""


@lru_cache(maxsize=2000)
def _scored(store: Store, version: _Version) -> tuple[Measurement, ...]:
    return tuple(m for m in store.measurements(version[0]) if m.scored)


def _named(run: Run, points: tuple[Measurement, ...]) -> str:
    day = datetime.datetime.fromtimestamp(run.created_at, datetime.UTC).astimezone()
    state = "" if run.state is RunState.DONE else f", {run_words.STATES[run.state][0].lower()}"
    return f"{run.name}, {day:%-d %b %H:%M}, {len(points)} cells{state}"


@lru_cache(maxsize=2000)
def _speaks_about(store: Store, version: _Version, task: TaskType) -> bool:
    try:
        run = store.run(version[0])
        plan = runs.plan_of(run)
        return not plan.sandbox_parts and runs.situation_of(run, []).task is task
    except SeedPilotError:  # the plan's own task is gone or broken: its run's page says so
        return False
