"""What can be done with a run: resume, pause, cancel, take its files away; and what the user is told."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from pydantic import SecretStr

from engine import launch
from engine.check_report import read_report
from engine.heart import ask
from engine.history import holder, machine_is_taken, waiting_before
from engine.nothing_kept import is_alone
from engine.plan import PilotPlan
from engine.records import CHECK, HELD, NO_PILOTS, RESUMABLE, CellRow, Run, RunState
from engine.settings import Settings
from engine.stopping import CANCEL, PAUSE, STOP
from engine.store import Store
from pages.shared import emphasis, run_head, run_parts, run_words, teacher_form, words

STARTS_WITHIN_S = 20.0
"""A worker takes a queued run within this time, unless another run has the machine."""
ROWS = 50
"""Rows of a file shown for a look."""
COLUMNS = {
    "question": "Question",
    "answer": "Answer",
    "gold": "Right answer",
    "reply": "Reply",
    "outcome": "Outcome",
    "gold_log_likelihood": "Log-likelihood of the right answer, nats",
    "reason": "Why",
    "seed_id": "Seed",
    "queries": "Queries",
}
"""What is shown of a row, and how it is called."""


def starting(run: Run) -> bool:
    """Whether a worker was started from this page a moment ago and has not yet taken the run."""
    asked, state = st.session_state.get(f"run_resumed_{run.id}", (0.0, None))
    return run.state is state and time.time() - asked < STARTS_WITHIN_S


def note_start(run: Run) -> None:
    """Remembers that a worker was started for the run as it stands: it takes a moment to say so itself."""
    st.session_state[f"run_resumed_{run.id}"] = time.time(), run.state


def overdue(run: Run) -> bool:
    """Whether a queued run should have been taken by now."""
    return run.state is RunState.QUEUED and time.time() - run.created_at > STARTS_WITHIN_S


@dataclass(frozen=True, slots=True)
class Ahead:
    """Who comes before a run that waits."""

    holder: str | None
    """Name of the run that has the machine; None where it is another user's."""
    before: int
    """Others, anybody's, that wait and were filed earlier."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the message and the buttons depend on; when it changes, the whole page is drawn again."""

    state: RunState
    request: str | None
    starting: bool
    ahead: Ahead | None
    """None where the run waits for nobody."""
    abandoned: bool
    """Queued, and nobody will take it: no other run has the machine, or gave it back a moment ago."""


def standing(run: Run, store: Store) -> Standing:
    """How the run stands now."""
    other = None
    if run.state is RunState.QUEUED and machine_is_taken(store):
        st.session_state[f"run_waited_{run.id}"] = time.time()
        held = holder(store)
        other = Ahead(held and held.name, waiting_before(run, store))
    waited = time.time() - st.session_state.get(f"run_waited_{run.id}", 0.0) < STARTS_WITHIN_S
    alone = overdue(run) and other is None and not waited
    return Standing(run.state, run.request, starting(run), other, alone)


def told(run: Run, stands: Standing) -> None:
    """What the user should know of the run's state, and what to do."""
    said = words.plain(run.message[:1].upper() + run.message[1:])
    if stands.starting:
        st.info("A worker is starting.", icon=":material/hourglass_empty:")
    elif run.state is RunState.QUEUED:
        if stands.ahead is not None:
            st.info(_turn(stands.ahead), icon=":material/queue:")
        elif stands.abandoned:
            st.warning("No worker holds this run. Press Resume to start one.", icon=":material/link_off:")
    elif run.state is RunState.LOST:
        st.warning(
            "No worker holds this run: its process ended without a word. Press Resume; nothing that was paid "
            "for is bought again.",
            icon=":material/link_off:",
        )
    elif run.state is RunState.FAILED:
        st.error(f"{said}  \nWhat was paid for is kept. When the cause is gone, press Resume.", icon=":material/error:")
    elif run.state is RunState.WAITING_FOR_KEY:
        st.warning(said, icon=":material/key:")
    elif said and is_alone(run.message):
        st.warning(said, icon=":material/warning:")
    elif said:
        st.info(said, icon=":material/info:")


def _turn(other: Ahead) -> str:
    has = "another user's run" if other.holder is None else f"**{words.plain(other.holder)}**"
    waiting = ""
    if other.before:
        waiting = f", and {other.before:,} more {'waits' if other.before == 1 else 'wait'} before it"
    return (
        f"Waits for its turn: {has} has the machine now{waiting}. It starts by itself, "
        "and nothing is paid until then; you may close this page."
    )


def buttons(run: Run, plan: PilotPlan, store: Store, stands: Standing) -> None:
    """Resume, pause, stop and keep, cancel, each where it makes sense."""
    if run.id.startswith(CHECK) and run.state is RunState.FAILED and read_report(store.folder(run.id)) is not None:
        return  # it has ended, with the verdict that no pilot should follow: the same replies would be read again
    resumable = (run.state in RESUMABLE or stands.abandoned) and not stands.starting
    key = None
    if resumable and (plan.teacher.key_typed or run.state is RunState.WAITING_FOR_KEY):
        key = teacher_form.password(f"run_key_{run.id}")
    with st.container(horizontal=True):
        if resumable and st.button("Resume", key="run_resume", type=emphasis.first(), icon=":material/play_arrow:"):
            launch.start(run.id, Settings(), SecretStr(key) if key else None)
            note_start(run)
            st.rerun()
        if run.state in run_words.LIVE and st.button(
            "Pause", key="run_pause", icon=":material/pause:", disabled=run.request is not None
        ):
            ask(store, run.id, PAUSE)
            st.rerun()
        trained = run.state in HELD or run.state in (RunState.PAUSED, RunState.FAILED, RunState.LOST)
        if (
            trained
            and not run.id.startswith(NO_PILOTS)
            and st.button(
                "Stop and keep",
                key="run_stop",
                icon=":material/stop_circle:",
                disabled=run.request is not None,
                help="Ends the pilot: what is trained is scored, the rest is not run, the advice uses what there is.",
            )
        ):
            ask(store, run.id, STOP)
            if run.state not in HELD:  # somebody must score it
                launch.start(run.id, Settings(), SecretStr(key) if key else None)
                note_start(run)
            st.rerun()
        if run.state not in (RunState.DONE, RunState.CANCELLED) and st.button(
            "Cancel", key="run_cancel", icon=":material/cancel:", disabled=run.request == CANCEL
        ):
            _confirm_cancel(run, store)


@st.dialog("Cancel this run?")
def _confirm_cancel(run: Run, store: Store) -> None:
    st.write("It cannot be resumed afterwards. What was generated and measured until now is kept.")
    with st.container(horizontal=True):
        if st.button(
            "Cancel the run", key="run_cancel_yes", type=emphasis.first(), on_click=ask, args=(store, run.id, CANCEL)
        ):
            st.rerun()
        if st.button("Keep it running", key="run_cancel_no"):
            st.rerun()


def take_away(run: Run, store: Store, cells: Sequence[CellRow]) -> None:
    """Data sets and predictions: a look at the first rows, and the whole file."""
    pools = store.pools(run.id)
    files = run_parts.files(store, run.id, cells, pools)
    if not files:
        return
    st.subheader("Data sets and predictions", anchor=False)
    if pools:
        st.page_link(
            "pages/pilot/data.py",
            label="Every example: filter, search, edit, drop, and where each came from",
            icon=":material/table_rows:",
            query_params={"run": run.id},
        )
    run_head.folder(
        run,
        store,
        key="run_data_download",
        help="Seeds and generated examples as JSONL with their provenance, a data card, and configs for TRL and "
        "Axolotl; `datasets.load_dataset` takes it as it is.",
    )
    labels = {file.label: file for file in files}
    file = labels[st.selectbox("File", list(labels), key=f"run_file_{run.id}")]
    with file.path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, ROWS)]
    # Replies of a teacher or a student are others' text: shown as text in cells, never as Markdown.
    st.dataframe(
        [{label: row[name] for name, label in COLUMNS.items() if name in row} for row in rows],
        hide_index=True,
        placeholder="",
        key="run_rows",
        alt=f"The first rows of {file.label}",
    )
    st.download_button(
        f"Download {file.name} ({max(1, round(file.path.stat().st_size / 1000)):,} kB)",
        file.path.read_bytes,
        file.name,
        "application/jsonl",
        key="run_file_download",
        icon=":material/download:",
        on_click="ignore",
    )
