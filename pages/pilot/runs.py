"""Runs: all that was asked of the workers, found again, compared, taken up in a new plan, deleted."""

import streamlit as st

from engine.history import Wanted, search
from pages.shared import forecast_parts, history_parts, pilots, run_words

AT_ONCE = 15
store = pilots.store()
wanted = history_parts.asked()
shown = st.session_state.get("runs_shown", AT_ONCE)
going = search(store, Wanted(states=tuple(run_words.LIVE)), 0).total > 0


# Looked at again only while something runs.
@st.fragment(run_every=0.7 if going else None)
def listed() -> None:
    found = search(store, wanted, shown)
    if going and not search(store, Wanted(states=tuple(run_words.LIVE)), 0).total:
        st.rerun()
    if not found.runs:
        history_parts.nothing(wanted)
        return
    if going:
        history_parts.queue(store)
    # Before the cards, which would move down when it came.
    history_parts.actions([run for run in found.runs if history_parts.picked(run)], found.total, len(found.runs))
    for run in found.runs:
        history_parts.card(run)
    if found.total > len(found.runs) and st.button(
        f"Show older runs ({found.total - len(found.runs):,})", key="runs_more"
    ):
        st.session_state["runs_shown"] = shown + AT_ONCE
        st.rerun()


listed()
forecast_parts.record(store)
st.page_link("pages/pilot/new.py", label="New pilot", icon=":material/science:")
