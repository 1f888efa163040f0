"""The app as Streamlit runs it, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.settings import Settings
from engine.store import Store

ROOT = Path(__file__).resolve().parents[2]


FOLDED = ("price_fold", "assumptions", "others", "more")
"""Parts of the situation whose inputs are drawn only while they are open."""


@pytest.fixture
def app(own_home: Path) -> AppTest:
    """The first page by a link with 3,000 queries of a teacher without a name, every part of the situation opened; an
    empty home and empty caches."""
    st.cache_resource.clear()
    st.cache_data.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["budget"] = "Queries"
    app.query_params["teacher1"] = ""
    for part in FOLDED:
        app.session_state[part] = True
    return app.run()


@pytest.fixture
def fresh(own_home: Path) -> AppTest:
    """The first page as somebody sees it who has typed nothing."""
    st.cache_resource.clear()
    st.cache_data.clear()
    # Generous: the first page imports everything, and other work may share the machine.
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


@pytest.fixture
def store(app: AppTest) -> Store:
    """The store that the app reads."""
    return Store(Settings().store_path)
