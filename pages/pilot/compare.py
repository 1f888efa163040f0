"""Compare: two or more runs side by side, and pair by pair where they were tested on the same items."""

import streamlit as st

from pages.shared import comparison_parts, history_parts

found = history_parts.compared(st.query_params.get_all("run"))
if found is None:
    st.info("Pick two or more runs in the list, then press Compare.", icon=":material/info:")
else:
    comparison_parts.heads(found)
    comparison_parts.verdict(found)
    comparison_parts.pairs(found)
    comparison_parts.cells(found)
    comparison_parts.plans(found)
st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
