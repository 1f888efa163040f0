"""A dry run from the page: two examples of each strategy, asked by a worker, whose figures say what all will take."""

from __future__ import annotations

import json

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.records import RunState
from engine.settings import Settings
from pages.shared import dry_run_parts, full_plans, pilots, run_controls, run_words, words


def pace(plan_json: str) -> full_plans.Pace | None:
    """What the last dry run of this very plan measured; None where there is none yet."""
    last: tuple[str, str] | None = st.session_state.get("dry_run")
    if last is None or last[1] != plan_json:
        return None
    if pilots.store().run(last[0]).state is not RunState.DONE:
        return None
    return _pace(last[0], plan_json)


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def _pace(run_id: str, plan_json: str) -> full_plans.Pace | None:
    return full_plans.pace(pilots.store(), run_id, full_plans.prepared(json.loads(plan_json)))


def section(plan_json: str, key: str | None, *, ready: bool) -> None:
    """The button, and the last dry run of this visit."""
    last: tuple[str, str] | None = st.session_state.get("dry_run")
    run = None if last is None else next((one for one in pilots.store().runs() if one.id == last[0]), None)
    live = run is not None and run.state in run_words.LIVE
    pressed = st.button(
        "Dry run: two examples of each strategy",
        key="dry_start",
        icon=":material/speed:",
        disabled=not ready or live,
        width="stretch",
        help="A few queries that are paid, and not bought again afterwards. They tell the time and the price of all.",
    )
    if pressed and ready and not live:
        st.session_state["dry_run"] = (_start(plan_json, key), plan_json)
        st.rerun()
    if run is None or last is None:
        return
    if last[1] != plan_json:
        st.caption("The form changed since the dry run: it was of the plan as it stood then.")
    _watch(run.id, plan_json, live=live)


def _start(plan_json: str, key: str | None) -> str:
    """Files it once, however often the button is pressed, and starts its worker."""
    settings = Settings()
    run_id = runs.file_dry_run(full_plans.prepared(json.loads(plan_json)), pilots.store())
    run = pilots.store().run(run_id)
    if run.state is not RunState.DONE:
        launch.start(run_id, settings, SecretStr(key) if key else None)
        run_controls.note_start(run)
    return run_id


def _watch(run_id: str, plan_json: str, *, live: bool) -> None:
    # It polls only while something can change; at the end the page runs once more, whole.
    @st.fragment(run_every=0.5 if live else None)
    def watch() -> None:
        now = pilots.store().run(run_id)
        if live and now.state not in run_words.LIVE:
            st.rerun()
        if live:
            st.caption(":material/hourglass_empty: The dry run is under way.")
            if run_controls.overdue(now) and not run_controls.starting(now):
                run_controls.told(now, run_controls.standing(now, pilots.store()))
            return
        found = pace(plan_json)
        if found is not None:
            each = "" if found.usd is None else f", {run_words.money(found.usd)} for all"
            st.caption(words.plain(f"Dry run: {found.queries} queries, {found.each_s:.2g} s each{each}."))
            dry_run_parts.written(now, pilots.store())
        elif now.state is not RunState.DONE:
            st.warning(f"Dry run: {words.plain(now.message)}", icon=":material/error:")
        elif now.message:
            st.caption(words.plain(now.message))

    watch()
