"""The history in the real app: search, compare, take a run's report and log, new plan from this one, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.items import write_jsonl
from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.browser.acts import fill, step
from tests.pages import filled


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("history")
    store = Store(home / "seedpilot.sqlite")
    for run_id, name, plan in (
        ("20261121-080000-aaaa", "Word problems, small", {"grid": {"budgets": [200, 1600], "replicates": 2}}),
        ("20261121-090000-bbbb", "Word problems, rank 32", {"training": {"rank": 32}}),
        ("20261121-100000-cccc", "Something else", {}),
    ):
        filled.run(store, run_id, RunState.DONE, name=name, **plan)
        for row in store.cells(run_id):
            rows = [{"question": f"{n}?", "gold": f"{n}"} for n in range(len(row.outcomes))]
            write_jsonl(Path(str(row.folder)) / "predictions.jsonl", rows)
        (store.folder(run_id) / "worker.log").write_text("2026-11-21 began\n2026-11-21 ended\n")
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


def pick(page: Page, name: str) -> None:
    page.get_by_test_id("stCheckbox").filter(has_text=f"Pick {name}").click()
    page.wait_for_timeout(300)
    app.settle(page)


@pytest.mark.timeout(400)
def test_search_compare_new_plan_and_delete(page: Page, address: str, home: Path) -> None:
    page.goto(f"{address}/runs")
    app.settle(page)
    expect(page.get_by_text("3 runs")).to_be_visible()
    fill(page, "textbox", "Search", "WORD sandbox")
    expect(page.get_by_text("2 runs")).to_be_visible()
    expect(page.get_by_text("Something else")).to_have_count(0)

    pick(page, "Word problems, small")
    pick(page, "Word problems, rank 32")
    page.get_by_role("button", name="Compare (2)").click()
    page.wait_for_url("**/compare?run=*&run=*")
    app.settle(page)
    expect(page.get_by_role("heading", name=re.compile("between these runs|lies above"))).to_be_visible()
    expect(page.get_by_text("not compared item by item")).to_have_count(0)
    page.reload()  # the address holds the comparison
    app.settle(page)
    expect(page.get_by_role("heading", name="What differs in their plans")).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0

    page.get_by_role("link", name="A: Word problems").click()
    page.wait_for_url("**/run?run=*")
    app.settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    report = download.value.path().read_text()
    assert "<h2>Decision</h2>" in report
    page.get_by_text("Log of the worker").click()
    expect(page.get_by_text("2026-11-21 ended")).to_be_visible()

    page.get_by_role("link", name="Runs", exact=True).click()
    page.wait_for_url("**/runs")
    app.settle(page)
    pick(page, "Word problems, rank 32")
    page.get_by_role("button", name="New plan from this one").click()
    page.wait_for_url("**/pilot*")
    app.settle(page)
    expect(page.get_by_text("Filled from the run")).to_be_visible()
    step(page, "Student")
    page.get_by_test_id("stExpander").get_by_text("Advanced").click()
    expect(page.get_by_role("spinbutton", name="LoRA rank")).to_have_value("32")
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()

    page.get_by_role("link", name="Runs", exact=True).click()
    page.wait_for_url("**/runs")
    app.settle(page)
    pick(page, "Something else")
    page.get_by_role("button", name="Delete (1)").click()
    expect(page.get_by_text("paid replies in the ledger")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 runs")).to_be_visible()
    assert not (home / "20261121-100000-cccc").exists()


@pytest.mark.timeout(200)
def test_a_report_opens_from_the_disk_and_asks_the_network_for_nothing(page: Page, home: Path, tmp_path: Path) -> None:
    from engine.report.facts import facts
    from engine.report.page import as_html

    file = tmp_path / "report.html"
    file.write_text(as_html(facts(Store(home / "seedpilot.sqlite"), "20261121-080000-aaaa")))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert said == []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(page.pdf(format="A4")) > 20_000
