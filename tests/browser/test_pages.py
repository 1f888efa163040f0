"""Every page by its own link, on a server that nobody has visited yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import app
from tests.browser.app import settle


def test_a_link_to_an_inner_page_works_on_the_first_visit_of_all(browser: Browser, tmp_path: Path) -> None:
    with app.dashboard(tmp_path / "home") as address:
        page = browser.new_context().new_page()
        page.goto(f"{address}/evidence")
        settle(page)
        expect(page.get_by_role("heading", name="Evidence", exact=True)).to_be_visible()
        expect(page.get_by_text("Page not found")).to_have_count(0)
        page.context.close()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Advice"),
        ("/what-if", "What if"),
        ("/track-record", "Track record"),
        ("/map", "Map"),
        ("/law", "Law"),
        ("/evidence", "Evidence"),
        ("/method", "Method"),
        ("/glossary", "Glossary"),
    ],
)
def test_page_opens_without_an_error_in_the_browser(browser: Browser, address: str, path: str, title: str) -> None:
    page = browser.new_context().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address + path)
    settle(page)
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert errors == []
    page.context.close()
