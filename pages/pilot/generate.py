"""Generate: a whole data set without a pilot; what it takes before it starts, a dry run, and the start."""

import json

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.errors import InputError
from engine.plan import SANDBOX, check_plan, to_toml
from engine.settings import Settings
from pages.shared import (
    dry_run_form,
    emphasis,
    full_plans,
    pilot_examples,
    pilots,
    prompts_form,
    run_controls,
    run_words,
    spending_form,
    teacher_form,
    words,
)
from pages.shared.pilot_parts import KEEP, Asked


def figures(found: full_plans.Outline, pace: full_plans.Pace | None) -> None:
    """What the data set takes, before a query is paid."""
    estimate = found.estimate
    left, right = st.columns(2)
    left.metric(
        "Teacher queries", f"{estimate.queries:,}", help=f"It never asks more than {estimate.ceiling_queries:,}."
    )
    right.metric(
        "Examples asked for",
        f"{sum(found.examples.values()):,}",
        help="Repeats, wrong and unreadable ones are left out and counted; so fewer are kept.",
    )
    low, middle, high = st.columns(3)
    low.metric("Cost, at least", run_words.money(estimate.lower_usd), help="All as short as your shortest example.")
    middle.metric(
        "Cost, expected",
        run_words.money(estimate.expected_usd if pace is None or pace.usd is None else pace.usd),
        help="By the mean length of your examples, or of the dry run's replies once there is one.",
    )
    most = estimate.upper_usd
    if found.usd_ceiling is not None:
        most = found.usd_ceiling if most is None else min(most, found.usd_ceiling)
    high.metric(
        "Cost, at most",
        run_words.money(most),
        help="Every query of the ceiling at the longest prompt and the longest reply.",
    )
    st.metric(
        "Time",
        run_words.duration(None if pace is None else pace.all_s) if pace else "a dry run tells",
        help="From the dry run: as many requests at once, and as many a minute, as the teacher's limits allow.",
    )
    rows = found.division or f"{found.seeds:,} seeds, {found.test_items:,} test items that nothing may come near"
    st.caption(f"{words.plain(rows)}. Ceiling: {estimate.ceiling_queries:,} queries.")
    if estimate.expected_usd is None:
        st.info("The price is unknown, so the ceiling holds in queries only.", icon=":material/help:")


def start(plan_json: str, key: str | None) -> str:
    """Files the data set and starts its worker; the same contents are the same run, however often it is pressed."""
    settings, store, raw = Settings(), pilots.store(), json.loads(plan_json)
    if (under_way := full_plans.under_way(store, raw)) is not None:
        return under_way
    run_id = runs.file_full(full_plans.prepared(raw), store, lambda _: None)
    launch.start(run_id, settings, SecretStr(key) if key else None)
    run_controls.note_start(store.run(run_id))
    return run_id


st.markdown(
    "Make a whole data set from your examples: under a ceiling that holds, and ready to train on. What a pilot has "
    "bought of it is not bought again."
)
form, before = st.columns([1.5, 1], gap="large")
with form:
    asked = Asked({"student": SANDBOX, "ceiling": {}})
    with st.container(border=True):
        st.subheader("1. Examples", anchor=False)
        own = pilot_examples.ask(asked)
    with st.container(border=True):
        st.subheader("2. Teacher", anchor=False)
        teacher_form.teacher(asked, own)
    with st.container(border=True):
        st.subheader("3. What the teacher is sent", anchor=False)
        asked.raw |= prompts_form.section()
    with st.container(border=True):
        st.subheader("4. What is made", anchor=False)
        asked.raw["name"] = (
            st.text_input("Name of the data set", "data", max_chars=80, key="generate_name", **KEEP).strip() or "data"
        )
        student = st.text_input(
            "Student that will be trained",
            key="generate_student",
            placeholder="not said",
            help="A folder or hub id. The configs for TRL and Axolotl then name it, and examples that are too long for "
            "it are left out.",
            **KEEP,
        ).strip()
        asked.raw["student"] = student or SANDBOX
        with_seeds = st.checkbox("Put your own examples in too", value=True, key="generate_with_seeds", **KEEP)
        asked.raw["full"] = {"with_seeds": with_seeds}
        spending = spending_form.section(asked)
    with st.container(border=True):
        st.subheader("5. The most it may cost", anchor=False)
        ceiling = spending_form.ceiling(asked, spending)
raw = full_plans.with_spending(asked.raw, spending, ceiling) if spending else {}
plan_json = json.dumps(raw, sort_keys=True)
with before:
    st.subheader("Before you start", anchor=False)
    found = None
    if asked.complete and spending:
        try:
            found = full_plans.outline(plan_json)
        except InputError as error:
            asked.problems += [run_words.in_form_words(problem) for problem in error.problems]
    if asked.problems:
        found = None
    if found is not None:
        figures(found, dry_run_form.pace(plan_json))
    else:
        several = len(asked.problems) > 1
        st.error(
            "\n".join(("- " if several else "") + words.plain(problem) for problem in asked.problems),
            icon=":material/error:",
        )
    for note in (*asked.notes, *(found.warnings if found else ())):
        st.warning(words.plain(note.replace(" (--test)", "")), icon=":material/warning:")
    dry_run_form.section(plan_json, asked.key, ready=found is not None)
    pressed = st.button(
        "Make the data set",
        key="generate_start",
        type=emphasis.first(),
        icon=":material/dataset:",
        disabled=found is None,
        width="stretch",
    )
    if found is not None:
        st.download_button(
            "Download the plan (TOML)",
            to_toml(check_plan(raw)),
            "plan.toml",
            "application/toml",
            key="generate_toml",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            help="The same from the command line: seedpilot generate --plan plan.toml, with "
            + " ".join(f"--strategy {name}={queries}" for name, queries in spending.items())
            + " --out FOLDER",
        )
    st.caption("The work goes on in a process of its own. You can close this tab and come back.")
    if pressed and found is not None:
        if st.session_state.get("generate_shown") not in (None, plan_json):
            st.warning("The plan changed just now. Look at the figures, then press the button again.")
        else:
            run_id = start(plan_json, asked.key)
            st.switch_page("pages/pilot/run.py", query_params={"run": run_id})
    st.session_state["generate_shown"] = plan_json
