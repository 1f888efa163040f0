"""Parts of the situation that are folded: nothing in them is drawn, and nothing that was said in them is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import ROOT
from tests.pages.look import metric


def fold(app: AppTest, part: str, *, up: bool) -> AppTest:
    """The page after that part was folded up or opened."""
    app.session_state[part] = not up
    return app.run()


def keys(app: AppTest) -> set[str | None]:
    """Of all inputs on the page."""
    return {input_.key for kind in (app.number_input, app.text_input, app.selectbox, app.radio) for input_ in kind}


def test_what_is_folded_is_not_drawn(fresh: AppTest) -> None:
    assert {"seeds", "usd", "teacher1"} <= keys(fresh)
    assert not keys(fresh) & {"usd_in", "augmenter", "teacher2", "student"}


@pytest.mark.parametrize("opened_first", [False, True])
def test_a_link_speaks_for_folded_inputs_too(own_home: Path, opened_first: bool) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update({"usd": "50", "price": "One query", "usd_query": "0.01", "augmenter": "Weak"})
    app.session_state["price_fold"] = opened_first
    assert metric(app.run(), "Budget ratio") == "50 per seed"
    assert app.query_params["augmenter"] in ("Weak", ["Weak"])
    fold(app, "assumptions", up=False)
    assert app.radio(key="augmenter").value == "Weak"


def test_what_was_typed_counts_when_its_part_is_folded_and_stands_there_when_it_is_opened(fresh: AppTest) -> None:
    fold(fresh, "price_fold", up=False).segmented_control(key="price").set_value("One query").run()
    fresh.number_input(key="usd_query").set_value(0.005).run()
    fold(fresh, "price_fold", up=True)
    assert "usd_query" not in keys(fresh)
    assert metric(fresh, "Budget ratio") == "100 per seed"
    fresh.number_input(key="usd").set_value(100.0).run()
    assert metric(fresh, "Budget ratio") == "200 per seed"
    fold(fresh, "price_fold", up=False)
    assert fresh.number_input(key="usd_query").value == 0.005


def test_what_is_typed_and_folded_at_once_counts(fresh: AppTest) -> None:
    fold(fresh, "price_fold", up=False).segmented_control(key="price").set_value("One query").run()
    fresh.number_input(key="usd_query").set_value(0.005)
    fold(fresh, "price_fold", up=True)
    assert metric(fresh, "Budget ratio") == "100 per seed"


def test_a_name_without_a_listed_price_opens_the_part_that_asks_for_it(fresh: AppTest) -> None:
    fresh.text_input(key="teacher1").set_value("our-own-7b").run()
    assert "usd_in" in keys(fresh)
    assert any("price is unknown" in info.value for info in fresh.info)
    fold(fresh, "price_fold", up=True)
    assert "usd_in" not in keys(fresh)  # folded by hand, it stays so


def test_a_run_that_is_cut_off_within_a_folded_part_hides_no_input_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clicks in quick succession: the first ends the run in the middle of the part, the second ends what is done on
    the way out, where the session is asked once more."""
    cut: list[str] = []

    def script() -> None:
        import streamlit as st

        from pages.shared import linked

        with linked.page("cut"):
            st.number_input("Before", key="before")
            linked.number("Seeds", 100.0, key="seeds_here")
            with linked.fold("More", key="more_here", icon=":material/tune:"):
                linked.number("Folded", 1.0, key="folded_here")
                st.session_state["in_the_part"] = True

    write = SafeSessionState.__setitem__

    def interrupted(self: SafeSessionState, key: str, value: object) -> None:
        if (key == "in_the_part" and not cut) or (len(cut) == 1 and not key.startswith("$$")):
            cut.append(key)
            raise RerunException(RerunData())
        write(self, key, value)

    monkeypatch.setattr(SafeSessionState, "__setitem__", interrupted)
    page = AppTest.from_function(script).run()
    assert cut
    assert cut[0] == "in_the_part"
    assert [one.label for one in page.number_input] == ["Before", "Seeds"]
