"""Data: every example of a run, what became of it and where it came from; rows are edited and dropped by hand."""

import streamlit as st

from engine.errors import InputError
from engine.runs import plan_of
from pages.shared import data_parts, data_row, pilots, run_words, words

store = pilots.store()
run_id = st.query_params.get("run")
if not run_id:
    st.info("No run is chosen. The list of runs leads to each of them.", icon=":material/info:")
    st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
    st.stop()
run = store.run(run_id)
st.subheader(words.plain(run.name), anchor=False)
st.markdown(f"{run_words.badges(run, plan_of(run))} :gray[:small[{run.id}]]")
st.page_link("pages/pilot/run.py", label="The run", icon=":material/arrow_back:", query_params={"run": run.id})
try:
    index = data_parts.opened(store, run)
except InputError as error:
    st.info(str(error), icon=":material/hourglass_empty:")
    st.stop()
wanted = data_parts.asked(index, store.pools(run.id))
row = data_parts.listed(index, wanted)
if row is not None:
    data_row.section(run, store, index, row)
data_parts.by_hand(run, store, index, wanted)
