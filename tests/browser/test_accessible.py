"""The decide and learn pages under axe-core: no serious violation, as far as the pages can help it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import acts, app
from tests.engine.test_labelled import tickets

STREAMLITS_OWN = {
    # Streamlit 1.67 puts each section of the menu, a <div>, between its <ul> and its <li>.
    "list": "stSidebarNavItems",
    "listitem": "stSidebarNav",
}
"""Rule -> test id of the element that Streamlit draws and no page can change; the same rule counts anywhere else."""

POINTS = (
    "strategy,seeds,queries,correct,total\nseeds_only,100,0,90,300\n"
    "answer_augmentation,100,1000,120,300\nnew_question,100,1000,180,300\n"
)
MONEY = (
    "/?seeds=300&usd=150&teacher1=gpt-4o-mini&tokens_in=400&tokens_out=300&teacher2=claude-haiku-4-5"
    "&teacher3=our-own-7b&unlabelled=300&test_items=200"
)


def opened(*labels: str) -> Callable[[Page, Path], None]:
    def act(page: Page, folder: Path) -> None:
        for label in labels:
            page.get_by_text(label, exact=True).click()
            page.wait_for_timeout(500)
            app.settle(page)

    return act


def own_points(page: Page, folder: Path) -> None:
    (folder / "own.csv").write_text(POINTS)
    acts.choose(page, "Your own measurements", "CSV file")
    acts.upload(page, "Measured points (CSV)", folder / "own.csv")
    expect(page.get_by_text(re.compile("Your data moved"))).to_be_visible()


def wrong_examples(page: Page, folder: Path) -> None:
    page.get_by_text("Take them from your file", exact=True).click()
    acts.upload(page, "Your labelled examples (JSONL, CSV or Parquet)", tickets(folder / "t.jsonl", {7: "billing"}))
    page.get_by_text("Fix", exact=True).click()
    expect(page.get_by_role("button", name="Take these answers")).to_be_visible()


VIEWS: dict[str, tuple[str, Callable[[Page, Path], None]]] = {
    "advice": (
        "/",
        opened("Values of this chart, as a table", "Price of a query", "Assumptions", "What else you have"),
    ),
    "nothing left to train on": ("/?seeds=100&test_items=200", opened()),
    "price unknown": ("/?teacher1=our-own-7b", opened()),
    "a tie, money, three teachers": (MONEY, opened("Other teachers")),
    "own points": ("/", own_points),
    "wrong examples": ("/", wrong_examples),
    "what if": ("/what-if?if_writer=true&if_check=true&if_student=1.5", opened("Values of this chart, as a table")),
    "what if, nothing changed": ("/what-if", opened("Your situation")),
    "evidence": ("/evidence", opened()),
    "evidence, a search": ("/evidence?evidence_find=chan-shift-100", opened()),
    "evidence, nothing found": ("/evidence?evidence_find=zebra", opened()),
    "track record": ("/track-record", opened()),
    "method": ("/method", opened()),
    "map": ("/map", opened("Values of this chart, as a table")),
    "law": ("/law?q_new=0.6", opened("Student and labelled examples")),
    "glossary": ("/glossary", opened()),
}


LIGHT, DARK = ("light", 1440), ("dark", 390)
# Views take turns in which look is seen by every run of the tests; the other one is slow (`make test-slow`).
LOOKS = [
    pytest.param(view, *look, marks=() if (place % 2 == 0) == (look == LIGHT) else pytest.mark.slow)
    for place, view in enumerate(VIEWS)
    for look in (LIGHT, DARK)
]


@pytest.mark.parametrize(("view", "scheme", "width"), LOOKS)
def test_no_serious_violation(
    browser: Browser, address: str, tmp_path: Path, view: str, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    context.set_default_timeout(60_000)
    page = context.new_page()
    where, act = VIEWS[view]
    page.goto(address + where)
    app.settle(page)
    act(page, tmp_path)
    found = violations(page)
    context.close()
    assert not found, "\n".join(found)


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical, but for what no page can help."""
    return [
        f"{violation['impact']}, {violation['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not inside(page, node["target"][0], STREAMLITS_OWN.get(violation["id"]))
    ]


def inside(page: Page, selector: str, test_id: str | None) -> bool:
    return test_id is not None and bool(
        page.locator(selector).first.evaluate("(e, id) => !!e.closest(`[data-testid=${id}]`)", test_id)
    )


def test_axe_sees_a_violation_that_is_planted(page: Page, address: str) -> None:
    page.goto(f"{address}/method")
    app.settle(page)
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<p style=\"color: #ccc\">Hardly read</p>')"
    )
    found = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] == "serious"]
    assert "color-contrast" in found


def test_a_screen_reader_is_told_the_takeaway_of_the_chart_and_where_its_values_are(page: Page, address: str) -> None:
    page.goto(address)
    app.settle(page)
    title = page.get_by_role("heading", level=3).first.inner_text()
    said = page.get_by_test_id("stPlotlyChart").locator("xpath=ancestor-or-self::*[@aria-label][1]").first
    label = said.get_attribute("aria-label") or ""
    assert label.startswith(title)
    assert "table below the chart" in label


def test_the_keyboard_reaches_the_values_of_the_chart(page: Page, address: str) -> None:
    page.goto(address)
    app.settle(page)
    page.get_by_role("radiogroup", name="Your own measurements").get_by_role("radio").first.focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if "Values of this chart" in page.evaluate("document.activeElement.innerText || ''"):
            break
    page.keyboard.press("Enter")
    app.settle(page)
    below = page.get_by_test_id("stExpander").filter(has_text="Values of this chart")
    expect(below.get_by_test_id("stDataFrame")).to_have_count(1)
