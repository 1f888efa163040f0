"""Track record: how the forecasts of this machine's own full runs did, and what stands in for them until there are."""

import streamlit as st

from engine.track_record import track_record
from pages.shared import forecast_parts, pilots, terms

st.markdown(
    f"Before a {terms.link('Full run')} SeedPilot says how many test items its student will get right, with an "
    f"{terms.link('80 % interval')}. Afterwards it is held to it, here, whatever came out."
)
found = track_record(pilots.store())
if found.judged:
    forecast_parts.shown_record(found)
else:
    st.info(
        "No forecast has been put to the test on this machine yet. A full run after a pilot makes one: open a finished "
        "pilot under Runs, and press *Full run*.",
        icon=":material/hourglass_empty:",
    )
    st.page_link("pages/pilot/runs.py", label="Runs", icon=":material/list_alt:")
