"""One dashboard and one chromium for all browser tests; a fresh page, with its own session, for each.

Both end with this package: while Playwright's synchronous API is open, this thread has a running event
loop, and `asyncio.run` of any other test would be refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import app

expect.set_options(timeout=30_000)
"""Generous, because other work may share the machine; a quick one waits no longer."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            if not app.CHROMIUM.exists():
                item.add_marker(pytest.mark.skip(reason=f"{app.CHROMIUM} is missing: apt-get install chromium"))


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the dashboard answers."""
    with app.dashboard(tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with app.chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without any history; its own browser context."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(60_000)
    page = context.new_page()
    yield page
    context.close()
