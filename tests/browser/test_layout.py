"""Nothing jumps: the layout shift of every page while it loads, and of pages with inputs while one of them moves.

Measured by the browser's own Layout Instability API, summed as web.dev does (the worst window of shifts less than a
second apart and 5 s long); up to 0.1 is good there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from engine.store import Store
from tests.browser import acts, app
from tests.pages import filled

GOOD = 0.1
WATCH = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push([entry.startTime, entry.value]);
}).observe({type: "layout-shift", buffered: true});
"""
FIRST = ("/",)
OTHERS = (
    "/pilot", "/runs", "/?usd=150&task=Label+or+JSON+record&seeds=800&test_items=200", "/what-if?if_writer=true",
    "/retrieval", "/generate", "/map", "/law", "/atlas", "/evidence", "/track-record", "/method", "/glossary",
)  # fmt: skip


def shift(page: Page) -> float:
    """The cumulative layout shift so far."""
    worst = window = 0.0
    start = last = -1e9
    for at, value in page.evaluate("window.shifts"):
        if at - last > 1000 or at - start > 5000:
            window, start = 0.0, at
        window, last = window + value, at
        worst = max(worst, window)
    return worst


def opened(browser: Browser, where: str, width: int) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.context.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    page.goto(where)
    app.settle(page)
    page.wait_for_timeout(700)
    return page


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("where", [*FIRST, *(pytest.param(where, marks=pytest.mark.slow) for where in OTHERS)])
def test_nothing_jumps_while_a_page_loads(browser: Browser, address: str, where: str, width: int) -> None:
    page = opened(browser, address + where, width)
    found = shift(page)
    page.context.close()
    print(f"{where} at {width} px: {found:.3f}")
    assert found <= GOOD


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_a_list_of_ten_runs_loads(browser: Browser, tmp_path: Path, width: int) -> None:
    store = Store(tmp_path / "seedpilot.sqlite")
    for day in range(10, 20):
        filled.run(store, f"202611{day}-090000-aaaa", name=f"Pilot of day {day}")
    with app.dashboard(tmp_path) as url:
        page = opened(browser, f"{url}/runs", width)
        found = shift(page)
        page.context.close()
    print(f"ten runs at {width} px: {found:.3f}")
    assert found <= GOOD


@pytest.mark.parametrize("width", [1440, pytest.param(390, marks=pytest.mark.slow)])
def test_nothing_jumps_while_an_input_moves(browser: Browser, address: str, width: int) -> None:
    page = opened(browser, f"{address}/?budget=Queries", width)
    page.evaluate("window.shifts.length = 0")
    for seeds in ("800", "120", "3000"):
        acts.fill(page, "spinbutton", "Labelled examples", seeds)
        page.wait_for_timeout(700)
    found = shift(page)
    page.context.close()
    print(f"moving an input at {width} px: {found:.3f}")
    assert found <= GOOD
