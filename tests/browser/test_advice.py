"""Advice in a real browser: inputs move the answer, links restore it, nothing leaks to the next visitor."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.app import settle


def budget_ratio(page: Page):
    return page.get_by_test_id("stMetric").filter(has_text="Budget ratio")


def type_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")
    settle(page)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(re.escape(label))).click()
    page.get_by_role("option", name=option).click()
    settle(page)


def test_changing_the_inputs_changes_the_ratio_and_the_headline(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    headline = page.get_by_role("heading", level=2).first
    before = headline.inner_text()
    assert "Confidence" in before
    expect(budget_ratio(page)).to_contain_text("30 per seed")

    type_number(page, "Labelled examples", 800)
    expect(budget_ratio(page)).to_contain_text("3.8 per seed")

    type_number(page, "Teacher queries", 20_000)
    expect(budget_ratio(page)).to_contain_text("25 per seed")

    choose(page, "What does one answer look like?", "Label or JSON record")
    expect(headline).not_to_have_text(before)
    expect(headline).to_contain_text("Confidence low")


def test_a_reload_restores_the_scenario_from_the_address(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    type_number(page, "Labelled examples", 800)
    assert "seeds=800" in page.url
    page.reload()
    settle(page)
    expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("800")


def test_a_second_visitor_starts_afresh(page: Page, browser: Browser, address: str) -> None:
    page.goto(address)
    settle(page)
    type_number(page, "Labelled examples", 800)
    other = browser.new_context().new_page()
    other.goto(address)
    settle(other)
    expect(other.get_by_role("spinbutton", name="Labelled examples")).to_have_value("100")
    other.context.close()


def test_figures_are_drawn_and_fit_a_phone(browser: Browser, address: str) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(address)
    settle(page)
    figure = page.get_by_test_id("stPlotlyChart").first
    expect(figure.locator(".scatterlayer .trace").first).to_be_attached()
    box = figure.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
