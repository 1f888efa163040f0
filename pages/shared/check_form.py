"""The check before a pilot, from the page: filed for a worker like any run, watched here, read here."""

from __future__ import annotations

import json
import secrets
from typing import Any

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.plan import SANDBOX, CheckPlan, GridPlan, check_plan
from engine.settings import Settings
from pages.shared import check_parts, pilots, run_controls, run_words
from pages.shared.pilot_parts import KEEP, Asked

OF_THE_CHECK = ("task", "seeds", "test", "teacher", "augmenter", "judge", "teachers", "prompts", "unlabelled", "check")
"""Tables of a plan that a check's queries come from."""


def alone(raw: dict[str, Any]) -> dict[str, Any]:
    """The plan of a check while student, design or ceiling are still to be put right: the smallest pilot on the
    sandbox's student stands in for them. Nothing of it is run."""
    own = {name: raw[name] for name in OF_THE_CHECK if name in raw}
    seeds = raw.get("check", {}).get("seeds", CheckPlan().seeds)
    grid = {"strategies": raw.get("grid", {}).get("strategies") or GridPlan().strategies, "budgets": [max(50, seeds)]}
    usd = raw.get("ceiling", {}).get("usd")
    test = {name: value for name, value in raw.get("test", {}).items() if name != "teacher_items"}
    return own | {
        "name": raw.get("name") or "pilot",
        "student": SANDBOX,
        "grid": grid | {"replicates": 1, "adaptive": False},
        "test": test | {"teacher_items": 0},
        "ceiling": {} if usd is None else {"usd": usd},
    }


def section() -> dict[str, Any]:
    """Asks how large the check is; the plan's part."""
    left, right = st.columns(2)
    seeds = left.number_input("Seeds to ask", min_value=1, value=CheckPlan().seeds, step=10, key="check_seeds", **KEEP)
    most = right.number_input(
        "The most queries",
        min_value=1,
        value=None,
        step=10,
        key="check_ceiling",
        placeholder="needed plus a tenth",
        help="A ceiling of the check's own. A ceiling in dollars holds here too.",
        **KEEP,
    )
    return {"check": {"seeds": int(seeds)} | ({} if most is None else {"ceiling_queries": int(most)})}


def show(found: pilots.Outline | None, plan_json: str, *, asked: Asked) -> None:
    """The button, and the last check of this visit; `plan_json` is what a check would be filed with."""
    store = pilots.store()
    last: tuple[str, str] | None = st.session_state.get("check_run")
    run = None if last is None else next((one for one in store.runs() if one.id == last[0]), None)
    live = run is not None and (run.state in run_words.LIVE)
    if found is None:
        st.caption("Can start once seeds, task and teacher are complete; student and design may follow.")
    else:
        st.caption(
            f"{found.check.seeds} of your seeds, three answers to ten of them, one example of each strategy: at most "
            f"{found.check.queries:,} queries, ceiling {found.check.ceiling:,}. A pilot does not buy them again."
        )
    pressed = st.button(
        "Check the teacher", key="check_start", icon=":material/fact_check:", disabled=found is None or live
    )
    if pressed and found is not None and not live:
        st.session_state["check_run"] = (_start(plan_json, asked.key), plan_json)
        st.rerun()
    if run is None:
        return
    if last is not None and asked_of(last[1]) != asked_of(plan_json):
        st.caption("The form changed since: this check was of the plan as it stood then.")
    _watch(run.id, live=live)
    st.page_link(
        "pages/pilot/run.py",
        label="The check on its own page",
        query_params={"run": run.id},
        icon=":material/monitoring:",
    )


def stopped(plan_json: str) -> bool:
    """Whether the last check of this visit, of this very plan, says that no pilot should follow."""
    last: tuple[str, str] | None = st.session_state.get("check_run")
    if last is None or asked_of(last[1]) != asked_of(plan_json):
        return False
    found = check_parts.read(pilots.store(), last[0])
    return found is not None and bool(found["stopped"])


def asked_of(plan_json: str) -> str:
    """What of a plan a check asks about: a student or budgets that are chosen after it leave it valid."""
    raw = json.loads(plan_json)
    return json.dumps([[raw.get(name) for name in OF_THE_CHECK], raw.get("grid", {}).get("strategies")], sort_keys=True)


def _start(plan_json: str, key: str | None) -> str:
    """Files the check once, however often the button is pressed, and starts its worker."""
    token = st.session_state.setdefault("check_token", secrets.token_hex(16))
    settings, store = Settings(), pilots.store()
    run_id = runs.file_check(check_plan(json.loads(plan_json)), store, token)
    if not launch.was_started(run_id, settings):
        launch.start(run_id, settings, SecretStr(key) if key else None)
    del st.session_state["check_token"]
    return run_id


def _watch(run_id: str, *, live: bool) -> None:
    # It polls only while something can change; at the end the page runs once more, whole.
    @st.fragment(run_every=0.5 if live else None)
    def watch() -> None:
        now = pilots.store().run(run_id)
        if live and now.state not in run_words.LIVE:
            st.rerun()
        if live and run_controls.overdue(now):
            run_controls.told(now, run_controls.standing(now, pilots.store()))
        check_parts.view(now, pilots.store())

    watch()
