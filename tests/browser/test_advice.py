"""Advice in a real browser: inputs move the answer, links restore it, nothing leaks to the next visitor."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import acts
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


def test_points_of_your_own_move_the_advice_and_a_wrong_file_says_where(
    page: Page, address: str, tmp_path: Path
) -> None:
    header = "strategy,seeds,queries,correct,total\n"
    (tmp_path / "wrong.csv").write_text(header + "new_question,100,1000,400,300\nnothing,1,1,1,1\n")
    (tmp_path / "own.csv").write_text(
        header + "seeds_only,100,0,90,300\nanswer_augmentation,100,1000,120,300\nnew_question,100,1000,180,300\n"
    )
    page.goto(address)
    settle(page)
    headline = page.get_by_role("heading", level=2).first
    before = headline.inner_text()
    acts.choose(page, "Your own measurements", "CSV file")
    acts.upload(page, "Measured points (CSV)", tmp_path / "wrong.csv")
    expect(page.get_by_text("line 2")).to_be_visible()
    expect(page.get_by_text("line 3")).to_be_visible()
    expect(headline).to_have_text(before)
    acts.upload(page, "Measured points (CSV)", tmp_path / "own.csv")
    expect(page.get_by_text(re.compile("Your data moved P\\(new questions best\\) from 0"))).to_be_visible()
    expect(headline).to_contain_text("New questions")
    expect(page.get_by_text("Measured: your own points count")).to_be_visible()


def test_a_link_restores_what_else_you_have(page: Page, address: str) -> None:
    page.goto(f"{address}/?unlabelled=2000&student=Qwen2.5-1.5B&verifiable=No")
    settle(page)
    expect(page.get_by_text("Real questions").first).to_be_visible()
    page.get_by_text("What else you have").click()
    expect(page.get_by_role("spinbutton", name="Questions without an answer")).to_have_value("2000")
    expect(page.get_by_role("textbox", name="Student")).to_have_value("Qwen2.5-1.5B")
