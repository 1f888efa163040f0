"""Track record: how the forecasts of this machine's own full runs did, and those of published papers."""

import streamlit as st

from engine.prior_record import left_out
from engine.track_record import track_record
from pages.shared import chart_left_out, forecast_parts, pilots, shown, terms

st.markdown(
    f"Before a {terms.link('Full run')} SeedPilot says how many test items its student will get right, with an "
    f"{terms.link('80 % interval')}. Afterwards it is held to it, here, whatever came out."
)
st.header("Your own full runs", anchor=False)
record = track_record(pilots.store())
if record.judged:
    forecast_parts.shown_record(record)
else:
    st.info(
        "No forecast has been put to the test on this machine yet. A full run after a pilot makes one: open a finished "
        "pilot under Runs, and press *Full run*.",
        icon=":material/hourglass_empty:",
    )
    st.page_link("pages/pilot/runs.py", label="Runs", icon=":material/list_alt:")

st.header("Before you measure anything: papers that the advice had not seen", anchor=False)
st.markdown(
    f"{terms.link('Prior advice')} rests on published studies. Each was left out in turn, the rest fitted again, and "
    "the study predicted as one that nobody has run."
)
found = left_out()
missed = [one for one in found if not one.held]
above = sum(one.point.value > one.expected for one in missed)
shown.chart(
    chart_left_out.chart(found),
    chart_left_out.takeaway(found),
    key="left_out",
    detail="Expected against published accuracies, one mark each, with 80 % intervals",
    note=f"Of the {len(missed)} outside, {above} were published higher than expected. Differences between strategies "
    "are predicted better than levels: docs/prior-validation.md holds both.",
)
shown.values(
    lambda: chart_left_out.table(found), key="left_out", alt="Every predicted accuracy beside the published one"
)
shown.table(
    chart_left_out.by_paper(found),
    key="left_out_papers",
    alt="How many accuracies of each paper lie inside the interval",
    name="seedpilot-unseen-papers",
)
st.page_link("pages/learn/evidence.py", label="Every published row", icon=":material/table_chart:")
