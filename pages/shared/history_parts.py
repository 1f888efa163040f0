"""What the list of runs is made of: what is looked for, one run's card, and what can be done with those picked."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import streamlit as st

from engine.deletion import Deletion, delete, deletion
from engine.errors import InputError
from engine.history import Wanted, holder, machine_is_taken, search
from engine.ledger import account
from engine.plan import SANDBOX, PilotPlan, check_plan
from engine.records import RETRIEVAL, Run, RunState
from engine.run_comparison import MOST, Comparison, compare
from engine.store import Store
from pages.shared import emphasis, money_limit, pilots, plan_door, run_words, session, words

_LABELS = {label: state for state, (label, _, _) in run_words.STATES.items()}
LONGEST_QUEUE = 20
"""Waiting runs that are named."""


def plan(run: Run) -> PilotPlan:
    """The plan that a run was filed with, checked once: a list shows many of them at each rerun."""
    return _plan(json.dumps(run.plan))


@lru_cache(maxsize=256)  # a plan is frozen: copied for each look, as `st.cache_data` does, it took a tenth of the list
def _plan(raw: str) -> PilotPlan:
    return check_plan(json.loads(raw))


def compared(run_ids: Sequence[str]) -> Comparison | None:
    """Those runs beside each other, compared again only when something changed; None for fewer than two."""
    if len(set(run_ids)) < 2:
        return None
    store = pilots.store()
    # What the result depends on: who they are, and what is measured.
    standing = [(run.id, run.name, run.state, run.plan) for run in map(store.run, run_ids)]
    measured = [row.cell for run_id in run_ids for row in store.cells(run_id) if row.measurement is not None]
    return _compared(hashlib.sha256(f"{standing}\n{measured}".encode()).hexdigest(), tuple(run_ids))


@st.cache_data(max_entries=16, show_spinner="Comparing the runs")
def _compared(state: str, _run_ids: tuple[str, ...]) -> Comparison:
    return compare(pilots.store(), _run_ids)


def asked() -> Wanted:
    """Asks which runs are looked for."""
    text, states, since, until = st.columns([2.2, 1.6, 1, 1], vertical_alignment="bottom")
    typed = text.text_input(
        "Search",
        key="runs_words",
        placeholder="name, task, student, teacher or file",
        icon=":material/search:",
        help="Each word must stand somewhere in a run's name, id, task, student, teacher or file names.",
    )
    picked = states.multiselect("State", list(_LABELS), key="runs_states", placeholder="Any state")
    first = since.date_input("Filed since", None, key="runs_since", format="YYYY-MM-DD")
    last = until.date_input("Filed until", None, key="runs_until", format="YYYY-MM-DD")
    return Wanted(typed, tuple(_LABELS[label] for label in picked), first, last)


def nothing(wanted: Wanted) -> None:
    """What is said where no run is found."""
    if wanted == Wanted():
        st.info(
            "No runs yet. A pilot on the sandbox takes about five minutes and needs no key.", icon=":material/info:"
        )
    else:
        st.info("No run was found. Take a word or a filter away to see more.", icon=":material/search_off:")


def queue(store: Store) -> None:
    """Which run has the machine, and which wait for it, in the order in which they get it; nothing where none waits."""
    found = search(store, Wanted(states=(RunState.QUEUED,)), LONGEST_QUEUE)
    if not found.runs:
        return
    waiting = [*reversed(found.runs)]
    now = holder(store)
    who = f"**{words.plain(now.name)}**" if now else "Another user's run" if machine_is_taken(store) else "Nobody"
    first, *then = [f"**{words.plain(run.name)}**" for run in waiting]
    after = f" Then {', '.join(then)}." if then else ""
    st.info(f"{who} has the machine now. Next: {first}.{after}", icon=":material/queue:")


def picked(run: Run) -> bool:
    """Whether the box on its card is ticked."""
    return bool(st.session_state.get(f"runs_pick_{run.id}"))


def card(run: Run) -> None:
    """One run, with a box to pick it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"runs_head_{run.id}"):
            st.checkbox(f"Pick {run.name}", key=f"runs_pick_{run.id}", label_visibility="collapsed", width="content")
            st.page_link(
                "pages/pilot/run.py", label=f"**{words.plain(run.name)}**", query_params={"run": run.id},
                icon=":material/monitoring:", width="stretch",
            )  # fmt: skip
            st.markdown(run_words.badges(run, plan(run)), width="content")
        if run.state in run_words.LIVE:
            st.progress(*run_words.progress(run))
            st.caption(words.plain(_paid(run)))
        elif run.message:
            st.caption(words.plain(run.message[:1].upper() + run.message[1:]))
        filed = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created_at))
        st.caption(words.plain(" · ".join([filed, *about(run), run.id])))


def _paid(run: Run) -> str:
    """Queries and money so far, against the ceilings."""
    store, asked = pilots.store(), plan(run)
    paid, ceiling = account(store, run.id), asked.ceiling
    queries = f"{paid.queries:,}" + (f" of {ceiling.queries:,}" if ceiling.queries else "")
    return f"So far: {queries} queries, {money_limit.charged(run, asked, store, paid.usd)}"


def about(run: Run) -> list[str]:
    """Whose it is, and task, student and teacher as they stand in the plan of the run, of whatever version it is."""

    def of(*path: str) -> str:
        value: Any = run.plan
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    # Of a path only what the user called it: runs keep copies of files, by number.
    task = PurePath(of("task")).name if of("task").endswith(".toml") else of("task")
    student = PurePath(of("student")).name if of("student").startswith("/") else of("student")
    teacher = of("teacher", "model") or of("teacher", "kind")
    # Whoever sits at the machine sees the runs of all who log in.
    by = run.owner if run.owner is not None and pilots.store().owner is None else ""
    if run.id.startswith(RETRIEVAL):  # its plan's task and student are stand-ins
        task = student = ""
    named = {"by": by, "task": task, "student": student, "teacher": teacher}
    return [f"{what}: {name}" for what, name in named.items() if name and name != SANDBOX]


def actions(picked: Sequence[Run], total: int, shown: int) -> None:
    """What can be done with the runs that are picked."""
    with st.container(horizontal=True, vertical_alignment="center", key="runs_actions"):
        if st.button(
            f"Compare ({len(picked)})" if picked else "Compare",
            key="runs_compare",
            icon=":material/compare_arrows:",
            disabled=not 2 <= len(picked) <= MOST,
            help=f"Pick two to {MOST} runs below.",
        ):
            st.switch_page("pages/pilot/compare.py", query_params={"run": [run.id for run in picked]})
        if st.button(
            "New plan from this one",
            key="runs_new",
            icon=":material/content_copy:",
            disabled=len(picked) != 1,
            help="Pick one run below: its plan fills the form of a new pilot.",
        ):
            new_plan(picked[0])
        if st.button(
            f"Delete ({len(picked)})" if picked else "Delete",
            key="runs_delete",
            icon=":material/delete:",
            disabled=not picked,
            help="Asks first, and says what it frees.",
        ):
            confirm_delete(tuple(run.id for run in picked))
        of = f"{shown:,} of {total:,} runs" if shown < total else f"{total:,} run{'' if total == 1 else 's'}"
        st.caption(of if not picked else f"{of}, {len(picked)} picked")


def new_plan(run: Run) -> None:
    """Fills the form of a new pilot and goes there."""
    try:
        plan_door.pour(run)
    except InputError as error:
        st.error(session.message(error), icon=":material/error:")
    else:
        st.switch_page("pages/pilot/new.py")


@st.dialog("Delete for good?")
def confirm_delete(run_ids: tuple[str, ...]) -> None:
    """Says what goes and what stays, and asks."""
    with session.shown_errors():  # a dialog runs by itself, outside the frame's net
        _confirm(run_ids)


def _confirm(run_ids: tuple[str, ...]) -> None:
    store = pilots.store()
    there = {run.id for run in store.runs()}
    found = [deletion(store, run_id) for run_id in run_ids if run_id in there]
    if not found:  # just now, by the button below
        st.rerun()
    held = [one for one in found if one.problem]
    for one in held:
        st.warning(words.plain(one.problem[:1].upper() + one.problem[1:]) + ".", icon=":material/block:")
    going = [one for one in found if not one.problem]
    for one in going:
        st.markdown(f"**{words.plain(one.run.name)}** :gray[:small[{one.run.id}]]")
    if going:
        st.markdown(_told(going))
    with st.container(horizontal=True):
        several = f" {len(going)} runs" if len(going) > 1 else ""
        if going and st.button(
            f"Delete{several}",
            key="runs_delete_yes",
            type=emphasis.first(),
            icon=":material/delete:",
            on_click=_delete,
            args=(tuple(one.run.id for one in going),),
        ):
            st.rerun()
        if st.button("Keep" if going else "Close", key="runs_delete_no"):
            st.rerun()


def _delete(run_ids: tuple[str, ...]) -> None:
    for run_id in run_ids:
        delete(pilots.store(), run_id)
        st.session_state.pop(f"runs_pick_{run_id}", None)


def _told(found: Sequence[Deletion]) -> str:
    files, cells, replies = (sum(getattr(one, name) for one in found) for name in ("files", "cells", "replies"))
    lines = [
        f"- **Frees {size(sum(one.frees for one in found))}** on the disk: {files:,} files "
        "(data, adapters, predictions, logs)",
        f"- Forgets the results of {cells:,} cells; advice no longer knows them",
        f"- **Keeps {replies:,} paid replies** in the ledger: another run that asks the same does not buy them again",
    ]
    if outside := [one.elsewhere for one in found if one.elsewhere is not None]:
        lines.append("- Keeps your data set in " + ", ".join(words.plain(str(folder)) for folder in outside))
    return "\n".join(lines)


def size(count: float) -> str:
    """`340 B`, `12 kB`, `3.4 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
