"""Every page opens, and what goes wrong on one is told in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.errors import InputError
from pages.shared import session

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "pages").glob("*/*.py")
    if path.stem != "__init__" and path.parent.name != "shared"
)


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_on_an_empty_home(app: AppTest, page: str) -> None:
    app.switch_page(page).run()
    assert not app.exception
    assert not app.error
    assert app.title


def failing_page(message: str | None) -> None:
    import streamlit as st

    from engine.errors import InputError
    from pages.shared import session

    with session.shown_errors():
        if message:
            raise InputError(message)
        raise ZeroDivisionError("secret detail")
    st.write("the page goes on below")


def test_an_error_of_ours_is_shown_as_it_is() -> None:
    app = AppTest.from_function(failing_page, args=("Seeds: 0; expected at least 1.",)).run()
    assert [error.value for error in app.error] == ["Seeds: 0; expected at least 1."]
    assert not app.exception


def test_an_error_nobody_foresaw_is_one_sentence_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    app = AppTest.from_function(failing_page, args=(None,)).run()
    assert len(app.error) == 1
    assert "fault of SeedPilot" in app.error[0].value
    assert "secret detail" not in app.error[0].value
    assert not app.exception
    assert "secret detail" in caplog.text


def test_several_problems_are_shown_as_a_list() -> None:
    assert session.message(InputError(["one", "two"])) == "- one\n- two"
