"""Data: every example of a run, what became of it and where it came from; rows are edited and dropped by hand."""

import streamlit as st

from engine.errors import InputError
from pages.shared import data_parts, data_row, pilots, run_head

store = pilots.store()
run, plan = run_head.of_address(store)
run_head.head(run, plan)
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
