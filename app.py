"""The frame of the dashboard: page config, navigation, and the net that catches a page's errors."""

from pathlib import Path

import streamlit as st

from pages.shared import account, linked, session

st.set_page_config(page_title="SeedPilot", page_icon=":material/explore:", layout="wide")
st.logo(str(Path(__file__).parent / "pages/shared/logo.svg"), size="large")

account.gate()
page = st.navigation(
    {
        "Decide": [
            st.Page("pages/decide/recommend.py", title="Advice", icon=":material/signpost:", default=True),
            st.Page("pages/decide/what_if.py", title="What if", icon=":material/alt_route:", url_path="what-if"),
            st.Page("pages/decide/retrieval.py", title="Retrieval", icon=":material/manage_search:"),
        ],
        "Pilot": [
            st.Page("pages/pilot/new.py", title="New pilot", icon=":material/science:", url_path="pilot"),
            st.Page("pages/pilot/generate.py", title="Generate", icon=":material/dataset:"),
            st.Page("pages/pilot/runs.py", title="Runs", icon=":material/list_alt:"),
            st.Page("pages/pilot/compare.py", title="Compare", icon=":material/compare_arrows:", visibility="hidden"),
            st.Page("pages/pilot/run.py", title="Run", icon=":material/monitoring:", visibility="hidden"),
            st.Page("pages/pilot/data.py", title="Data", icon=":material/table_rows:", visibility="hidden"),
        ],
        "Learn": [
            st.Page("pages/learn/map.py", title="Map", icon=":material/map:"),
            st.Page("pages/learn/law.py", title="Law", icon=":material/tune:"),
            st.Page("pages/learn/atlas.py", title="Atlas", icon=":material/public:"),
            st.Page("pages/learn/evidence.py", title="Evidence", icon=":material/table_chart:"),
            st.Page(
                "pages/learn/track_record.py", title="Track record", icon=":material/history:", url_path="track-record"
            ),
            st.Page("pages/learn/method.py", title="Method", icon=":material/functions:"),
            st.Page("pages/learn/glossary.py", title="Glossary", icon=":material/menu_book:"),
        ],
    },
)
st.title(page.title)
with session.shown_errors(), linked.page(page.url_path):
    page.run()
