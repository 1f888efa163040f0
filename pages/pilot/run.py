"""Run: one pilot as it stands now, from its address; reload it or close it as you like."""

import streamlit as st

from engine.records import CHECK, DRY_RUN, FULL, CellRow, RunState
from pages.shared import (
    check_parts,
    follow_form,
    full_parts,
    pilots,
    result_parts,
    result_tables,
    run_controls,
    run_head,
    run_outcome,
    run_words,
)

store = pilots.store()
run, plan = run_head.of_address(store)
stands = run_controls.standing(run, store)
if plan.retrieval is not None:
    st.page_link(
        "pages/decide/retrieval.py", label="What this retrieval pilot measured", icon=":material/manage_search:"
    )
    run_controls.told(run, stands)
    run_controls.buttons(run, plan, store, stands)
    st.stop()
live = run.state in run_words.LIVE or stands.starting


pilot = not run.id.startswith((CHECK, DRY_RUN, FULL))
at_first = store.cells(run.id)


def cells() -> list[CellRow]:
    """As they stand now; those of a run that has ended stay as they were."""
    return store.cells(run.id) if live else at_first


# Only what can change is looked at again: progress and money twice a second, so that on its way to the screen neither
# gets a second old; a pilot's results less often, since they are drawn anew. At the end the page runs once more, whole.
@st.fragment(run_every=0.5 if live else None)
def moving() -> None:
    now = store.run(run.id)
    if run_controls.standing(now, store) != stands:
        st.rerun()
    if run.id.startswith(CHECK):
        check_parts.view(now, store)
    elif run.id.startswith(DRY_RUN):
        full_parts.dry(now, store)
    elif run.id.startswith(FULL):
        full_parts.view(now, store)
        if not live:
            result_tables.diversity(now, store.pools(run.id))
    else:
        if live:
            st.progress(*run_words.progress(now))
        result_parts.money(now, plan, store, cells())


@st.fragment(run_every=4 if live else None)
def results() -> None:
    now = store.run(run.id)
    measured = cells()
    if live:
        result_parts.headline(now, store, measured)
    result_parts.result(now, plan, store, measured)


run_head.head(run, plan)
if plan.sandbox_parts:
    st.caption("Sandbox results are practice: they say how SeedPilot works, not how your own task will go.")
if not (run.id.startswith(CHECK) and run.state in (RunState.DONE, RunState.FAILED)):  # its verdict says it
    run_controls.told(run, stands)
run_controls.buttons(run, plan, store, stands)
if pilot and not live:
    result_parts.headline(run, store, at_first)
    follow_form.section(run, plan, store, at_first)
follow_form.origin(plan)
moving()
if pilot:
    results()
if run.state is not RunState.QUEUED:
    run_controls.take_away(run, store, at_first)
    run_outcome.section(run, store)
st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
