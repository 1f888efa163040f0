"""New pilot: a plan in six steps, what it takes before it starts, and the start."""

import hashlib
import json

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.errors import InputError
from engine.plan import check_plan, to_toml
from engine.settings import Settings
from pages.shared import (
    advice_door,
    check_form,
    confirm_parts,
    drafts,
    emphasis,
    pilot_form,
    pilots,
    plan_door,
    plan_summary,
    prompts_form,
    run_words,
    wizard,
    words,
)
from pages.shared.pilot_parts import Asked


def start(plan_json: str, key: str | None) -> str:
    """Files the plan once, however often the button is pressed and in however many tabs, and starts its worker."""
    token = hashlib.sha256(f"{st.session_state[drafts.TOKEN]}\n{plan_json}".encode()).hexdigest()
    settings = Settings()
    store = pilots.store()
    # From here to the worker's start nothing touches Streamlit: a rerun cannot come between the two.
    run_id = runs.file_pilot(check_plan(json.loads(plan_json)), store, token)
    if not launch.was_started(run_id, settings):
        launch.start(run_id, settings, SecretStr(key) if key else None)
    return run_id


def beginning(plan_json: str) -> None:
    """The last step's own part: what the pilot is worth, what to know, and the two ways to run it."""
    confirm_parts.worth(found)
    for warning in found.warnings if found else ():
        st.warning(words.plain(run_words.in_form_words(warning)), icon=":material/warning:")
    if check_form.stopped(plan_json):
        st.warning(
            "The check of this plan says that no pilot should follow: read why in the teacher's step.",
            icon=":material/block:",
        )
    pressed = st.button(
        "Start the pilot",
        key="pilot_start",
        type=emphasis.first(),
        icon=":material/rocket_launch:",
        disabled=found is None,
    )
    st.caption("The work goes on in a process of its own. You can close this tab and come back.")
    if found is not None:
        st.download_button(
            "Download the plan (TOML)",
            to_toml(check_plan(asked.raw)),
            "plan.toml",
            "application/toml",
            key="pilot_toml",
            icon=":material/download:",
            on_click="ignore",
            help="The same pilot from the command line: seedpilot pilot plan.toml",
        )
    if pressed and found is not None:
        if st.session_state.get("pilot_shown") not in (None, plan_json):
            st.warning("The plan changed just now. Look at the figures, then press Start again.")
        else:
            run_id = start(plan_json, asked.key)
            drafts.renew()
            st.switch_page("pages/pilot/run.py", query_params={"run": run_id})
    st.session_state["pilot_shown"] = plan_json


def alone() -> tuple[pilots.Outline | None, str]:
    """What the teacher is sent and asked in a check, while only steps after the teacher's are not complete; the plan
    of that check."""
    raw = json.dumps(check_form.alone(asked.raw), sort_keys=True)
    try:
        return pilots.outline(raw), raw
    except InputError:  # told in its step
        return None, raw


entered = wizard.TAB not in st.session_state
advice_door.pour()
lost = drafts.opened()
st.markdown(
    "Try the strategies on a small scale with your own examples, teacher and student, before you spend the rest."
)
came = st.container()
form, beside = st.columns([1.7, 1], gap="large")
asked = Asked({})
with form:
    steps = wizard.Steps(asked)
    places = pilot_form.ask(asked, steps)
plan_json = json.dumps(asked.raw, sort_keys=True)
found = None
if asked.complete:
    try:
        found = pilots.outline(plan_json)
    except InputError as error:
        asked.problems += [run_words.in_form_words(problem) for problem in error.problems]
else:
    asked.problems += pilot_form.faults_so_far(asked, steps)
if asked.problems:
    found = None
faults = steps.faults(pilot_form.files(asked.raw))
with came:
    for said in lost:
        st.warning(words.plain(said), icon=":material/history:")
    plan_door.told(asked.raw)
    advice_door.told()
with beside:
    st.subheader("Your pilot", anchor=False)
    confirm_parts.figures(found)
    with st.container(border=True):
        plan_summary.section(asked, found, faults)
    st.button(
        "Begin anew", key="pilot_anew", type="tertiary", icon=":material/restart_alt:", on_click=plan_door.anew,
        help="Empties every step.",
    )  # fmt: skip
asks, asks_json = found, plan_json
if found is None and not {wizard.SEEDS, wizard.TASK, wizard.TEACHER} & set(faults):
    asks, asks_json = alone()
if steps.open == wizard.TEACHER:
    with places.sent:
        prompts_form.show(None if asks is None else asks.prompts)
with places.check:
    check_form.show(asks, asks_json, asked=asked)
with steps.part(wizard.START):
    beginning(plan_json)
steps.finish(faults)
drafts.keep(entered=entered)
