"""New pilot: a plan, what it takes before it starts, and the start."""

import json
import secrets

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.errors import InputError
from engine.plan import check_plan, to_toml
from engine.settings import Settings
from pages.shared import (
    check_form,
    confirm_parts,
    judge_form,
    pilot_form,
    pilots,
    plan_door,
    prompts_form,
    run_words,
    variants_form,
    words,
)


def start(plan_json: str, key: str | None) -> str:
    """Files the plan once, however often the button is pressed, and starts its worker."""
    token = st.session_state.setdefault("pilot_token", secrets.token_hex(16))
    settings = Settings()
    store = pilots.store()
    # From here to the worker's start nothing touches Streamlit: a rerun cannot come between the two.
    run_id = runs.file_pilot(check_plan(json.loads(plan_json)), store, token)
    if not launch.was_started(run_id, settings):
        launch.start(run_id, settings, SecretStr(key) if key else None)
    return run_id


st.markdown(
    "Try the strategies on a small scale with your own examples, teacher and student, before you spend the rest."
)
form, before = st.columns([1.5, 1], gap="large")
with form:
    came = st.container()
    asked = pilot_form.ask()
    with st.container(border=True):
        st.subheader("6. What the teacher is sent", anchor=False)
        asked.raw |= prompts_form.section()
        sent = st.container()
    with st.container(border=True):
        st.subheader("7. Variants to compare", anchor=False)
        asked.raw |= variants_form.section(asked)
    if judge_form.needed(asked):
        with st.container(border=True):
            st.subheader("The judge", anchor=False)
            asked.raw |= judge_form.section(asked)
            judge_form.show(asked)
    with st.container(border=True):
        st.subheader("8. Check the teacher first", anchor=False)
        asked.raw |= check_form.section()
        check = st.container()
    pilot_form.advanced(asked)
with came:
    plan_door.told(asked.raw)
plan_json = json.dumps(asked.raw, sort_keys=True)
with before:
    st.subheader("Before you start", anchor=False)
    found = None
    if asked.complete:
        try:
            found = pilots.outline(plan_json)
        except InputError as error:
            asked.problems += [run_words.in_form_words(problem) for problem in error.problems]
    if asked.problems:
        found = None
    if found is not None:
        confirm_parts.figures(found)
    else:
        several = len(asked.problems) > 1
        st.error(
            "\n".join(("- " if several else "") + words.plain(problem) for problem in asked.problems),
            icon=":material/error:",
        )
    for note in (*asked.notes, *(found.warnings if found else ())):
        st.warning(words.plain(run_words.in_form_words(note)), icon=":material/warning:")
    if check_form.stopped(plan_json):
        st.warning(
            "The check of this plan says that no pilot should follow: read why in part 8.", icon=":material/block:"
        )
    pressed = st.button(
        "Start the pilot",
        key="pilot_start",
        type="primary",
        icon=":material/rocket_launch:",
        disabled=found is None,
        width="stretch",
    )
    if found is not None:
        st.download_button(
            "Download the plan (TOML)",
            to_toml(check_plan(asked.raw)),
            "plan.toml",
            "application/toml",
            key="pilot_toml",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            help="The same pilot from the command line: seedpilot pilot plan.toml",
        )
    st.caption("The work goes on in a process of its own. You can close this tab and come back.")
    if pressed and found is not None:
        if st.session_state.get("pilot_shown") not in (None, plan_json):
            st.warning("The plan changed just now. Look at the figures, then press Start again.")
        else:
            run_id = start(plan_json, asked.key)
            del st.session_state["pilot_token"]
            st.switch_page("pages/pilot/run.py", query_params={"run": run_id})
    st.session_state["pilot_shown"] = plan_json
with sent:
    prompts_form.show(None if found is None else found.prompts)
with check:
    check_form.show(found, asked, plan_json)
