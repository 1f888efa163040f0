"""Runs: what was asked of the workers, and how far it is."""

import time

import streamlit as st

from engine.records import Run
from engine.runs import plan_of
from pages.shared import pilots, run_words, words

SHOWN = 20
runs = pilots.store().runs()
going = any(run.state in run_words.LIVE for run in runs)


def card(run: Run) -> None:
    with st.container(border=True):
        name, state = st.columns([1.4, 1], vertical_alignment="center")
        name.page_link(
            "pages/pilot/run.py", label=f"**{words.plain(run.name)}**", query_params={"run": run.id},
            icon=":material/monitoring:",
        )  # fmt: skip
        state.markdown(run_words.badges(run, plan_of(run)))
        if run.state in run_words.LIVE:
            st.progress(*run_words.progress(run))
        elif run.message:
            st.caption(words.plain(run.message[:1].upper() + run.message[1:]))
        st.caption(f"Filed {time.strftime('%Y-%m-%d %H:%M', time.localtime(run.created_at))} · {run.id}")


# Looked at again only while something runs.
@st.fragment(run_every=2 if going else None)
def listed() -> None:
    found = pilots.store().runs()
    if going and not any(run.state in run_words.LIVE for run in found):
        st.rerun()
    shown = st.session_state.get("runs_shown", SHOWN)
    for run in found[:shown]:
        card(run)
    if len(found) > shown and st.button(f"Show older runs ({len(found) - shown})", key="runs_more"):
        st.session_state["runs_shown"] = shown + SHOWN
        st.rerun(scope="fragment")


if runs:
    listed()
else:
    st.info("No runs yet. A pilot on the sandbox takes about five minutes and needs no key.", icon=":material/info:")
st.page_link("pages/pilot/new.py", label="New pilot", icon=":material/science:")
