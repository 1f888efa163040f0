"""Every view of Decide and Learn is a link: its address brings all of it back, and Back goes back to it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import settle

SITUATION = (
    "task=Label+or+JSON+record&seeds=800&test_items=200&unlabelled=300&usd=150&teacher1=our-own-7b&usd_in=1"
    "&usd_out=4&tokens_in=400&tokens_out=300&teacher2=gpt-4o-mini&augmenter=Weak"
    "&calls=One+per+example%2C+as+in+the+studies&seed_usd=2&verifiable=Yes&student=Qwen2.5-1.5B&writer_usd=0.0002"
    "&known=The+sandbox%27s+atlas"
)
VIEWS = {
    "/": SITUATION,
    "/what-if": f"{SITUATION}&if_writer=true&if_teacher=gpt-4.1-mini&if_price=25&if_worth=80&if_check=true"
    "&if_rejected=20&if_student=13",
    "/map": SITUATION,
    "/law": "task=Code&augmenter=Weak&seeds=1000&q_new=0.6&reach_answers=20&ceiling=0.9",
    "/evidence": "evidence_find=gsm8k&evidence_task=Number%2C+after+reasoning&evidence_strategy=Answers"
    "&evidence_study=RFT&evidence_reading=Read+in+the+source%27s+own+table+or+text",
    "/glossary": "find=budget",
}


SEEN = (
    "[...document.querySelectorAll('[data-testid=stMain] input, [data-testid=stMain] h2, [data-testid=stMain] h3')]"
    ".map(e => e.tagName + (e.checked ?? '') + (e.value ?? e.innerText))"
)
"""Every input with its value and every heading."""


@pytest.mark.parametrize("path", VIEWS)
def test_the_address_restores_every_input_and_loses_none(page: Page, address: str, path: str) -> None:
    page.goto(f"{address}{path}?{VIEWS[path]}")
    settle(page)
    assert parse_qs(urlsplit(page.url).query) == parse_qs(VIEWS[path])
    page.locator("[data-testid=stMain] :is(h2, h3)").first.wait_for()
    # Grey boxes stand for inputs that the browser has not drawn yet.
    page.wait_for_function(f"!document.querySelector('[data-testid=stSkeleton]') && {SEEN}.length > 3")
    settle(page)
    before = page.evaluate(SEEN)
    page.reload()
    page.wait_for_function(f"before => JSON.stringify({SEEN}) == JSON.stringify(before)", arg=before)
    assert parse_qs(urlsplit(page.url).query) == parse_qs(VIEWS[path])


def test_the_atlas_leads_to_advice_that_starts_from_it(page: Page, address: str) -> None:
    page.goto(f"{address}/atlas")
    settle(page)
    page.get_by_role("link", name="Advice for your own situation that starts from these worlds").click()
    expect(page.get_by_text("Prior: worlds of the sandbox's atlas only")).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["known"] == ["The sandbox's atlas"]


def test_back_and_forward_keep_what_was_typed(page: Page, address: str) -> None:
    page.goto(f"{address}/?seeds=800&usd=150")
    settle(page)
    headline = page.get_by_role("heading", level=2).first.inner_text()
    page.get_by_role("link", name=re.compile("other budgets and with more examples")).click()
    settle(page)
    expect(page.get_by_role("heading", name="Map", exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("800")
    page.go_back()
    settle(page)
    expect(page.get_by_role("heading", name="Advice", exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("800")
    expect(page.get_by_role("heading", level=2).first).to_have_text(headline)
    page.go_forward()
    settle(page)
    expect(page.get_by_role("heading", name="Map", exact=True)).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Money, $")).to_have_value("150.00")


def test_the_menu_carries_the_situation_from_page_to_page(page: Page, address: str) -> None:
    page.goto(f"{address}/?seeds=800&usd=150")
    settle(page)
    for name in ("What if", "Map", "Advice"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
        settle(page)
        expect(page.get_by_role("heading", name=name, level=1, exact=True)).to_be_visible()
        if name == "What if":
            page.get_by_text("Your situation", exact=True).click()
        expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("800")


def test_a_source_of_the_advice_opens_its_rows(page: Page, address: str) -> None:
    page.goto(f"{address}/?seeds=800")
    settle(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="arXiv 2607.01727").first.click()
    rows = opened.value
    settle(rows)
    expect(rows.get_by_role("heading", name="Evidence", exact=True)).to_be_visible()
    expect(rows.get_by_text("Speaks against the rule").first).to_be_visible()
