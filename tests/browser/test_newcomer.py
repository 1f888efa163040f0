"""The walk of somebody who has never heard of the paper: from the first page to a pilot that could be started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.settings import Settings
from tests import atlases
from tests.browser import app
from tests.browser.app import settle


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard whose atlas is the small drawn one, where strategies cross; `test_atlas` walks the shipped one."""
    data = tmp_path_factory.mktemp("data")
    for part in Settings().data.iterdir():
        if part.name != "atlas":
            Path(data / part.name).symlink_to(part)
    (data / "atlas").mkdir()
    atlases.written(data / "atlas")
    with app.dashboard(tmp_path_factory.mktemp("home"), SEEDPILOT_DATA=str(data)) as url:
        yield url


def figure_of(page: Page, name: str):
    return page.get_by_test_id("stMetric").filter(has_text=name)


def test_a_newcomer_reads_advice_a_word_the_map_and_the_atlas_and_comes_back_to_the_same_advice(
    page: Page, address: str
) -> None:
    page.goto(address)
    settle(page)
    headline = page.get_by_role("heading", level=2).first
    said = headline.inner_text()
    assert re.search(r"(new questions|rephrasings|answers|Too close).*\. Confidence (low|medium|high): \d+ stud", said)

    page.get_by_role("spinbutton", name="Labelled examples").fill("200")
    page.keyboard.press("Enter")
    page.wait_for_url("**seeds=200*")
    settle(page)
    said = headline.inner_text()
    # A word of the sentence is a link right below it, to its own place in the glossary.
    word = page.get_by_role("link", name="New questions", exact=True).first
    box = word.bounding_box()
    assert box is not None
    assert box["y"] < 700, "seen without scrolling"
    with page.context.expect_page() as opened:
        word.click()
    glossary = opened.value
    settle(glossary)
    expect(glossary.get_by_role("heading", name="New question", exact=True)).to_be_in_viewport()
    expect(glossary.get_by_text("A different question inspired by one of yours, then its answer.")).to_be_visible()
    glossary.close()

    page.get_by_role("link", name=re.compile("other budgets")).click()
    expect(page.get_by_role("heading", name="Map", level=1)).to_be_visible()
    settle(page)
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("200")
    expect(page.get_by_text(re.compile(r"^Your situation\. Likely best: .*\d+ %"))).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart").get_by_text("You", exact=True)).to_be_attached()
    page.go_back()
    expect(headline).to_have_text(said)
    settle(page)

    page.get_by_role("link", name=re.compile("See it happen")).click()
    expect(page.get_by_role("heading", name="Atlas", level=1)).to_be_visible()
    settle(page)
    asked_for = page.get_by_role("slider", name="Examples asked for")
    asked_for.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text(re.compile(r"100 examples, 1 per seed\..*: answers win by \d"))).to_be_visible()
    asked_for.focus()
    page.keyboard.press("End")
    expect(page.get_by_text(re.compile(r"3,200 examples, 32 per seed\..*: new questions win by \d"))).to_be_visible()
    settle(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Advice", exact=True).click()
    expect(headline).to_have_text(said)
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("200")


def test_a_newcomer_without_a_file_sees_cost_and_time_of_a_practice_pilot_before_its_start(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/?seeds=200")
    settle(page)
    page.get_by_role("link", name=re.compile("Measure it on your own task")).click()
    expect(page.get_by_role("heading", name="New pilot", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile(r"Filled from your advice \(.*200 labelled examples, \$50\)"))).to_be_visible()
    settle(page)
    expect(figure_of(page, "Cost, at most")).to_contain_text("unknown")
    page.get_by_role("button", name="No file at hand: practise on the sandbox").click()
    expect(page.get_by_text("On the sandbox for practice, without a key")).to_be_visible()
    expect(figure_of(page, "Cost, at most")).to_contain_text("$0")
    expect(figure_of(page, "Time, roughly")).to_contain_text(re.compile(r"\d+ (s|min|h)"))
    expect(page.get_by_role("button", name="No file at hand: practise on the sandbox")).to_have_count(0)
    settle(page)
    page.get_by_role("tab", name="Start").click()
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()
    page.get_by_role("link", name="The advice", exact=True).click()
    expect(page.get_by_role("heading", name="Advice", level=1)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("200")
