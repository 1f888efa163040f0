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
    page.goto(f"{address}/?budget=Queries")
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
    page.goto(f"{address}/?budget=Queries&queries=3000")
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


HEADER = "strategy,seeds,queries,correct,total\n"
OWN = HEADER + "seeds_only,100,0,90,300\nanswer_augmentation,100,1000,120,300\nnew_question,100,1000,180,300\n"


def test_two_visitors_at_once_do_not_see_each_others_points(
    page: Page, browser: Browser, address: str, tmp_path: Path
) -> None:
    (tmp_path / "secret-points.csv").write_text(OWN)
    page.goto(f"{address}/?budget=Queries")
    settle(page)
    before = page.get_by_role("heading", level=2).first.inner_text()
    acts.choose(page, "Your own measurements", "CSV file")
    acts.upload(page, "Measured points (CSV)", tmp_path / "secret-points.csv")
    expect(page.get_by_text("Your data moved")).to_be_visible()
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    other = context.new_page()
    other.goto(page.url)  # even by the same link
    settle(other)
    acts.choose(other, "Your own measurements", "CSV file")
    assert other.get_by_role("heading", level=2).first.inner_text() == before
    expect(other.get_by_text("Your data moved")).to_have_count(0)
    expect(other.get_by_text("secret-points")).to_have_count(0)
    (tmp_path / "other-points.csv").write_text(
        HEADER + "seeds_only,100,0,90,300\nanswer_augmentation,100,1000,200,300\n"
    )
    acts.upload(other, "Measured points (CSV)", tmp_path / "other-points.csv")
    expect(other.get_by_text("2 points of yours count")).to_be_visible()
    type_number(page, "Teacher queries", 3500)
    expect(page.get_by_text("3 points of yours count")).to_be_visible()
    expect(page.get_by_text("other-points")).to_have_count(0)
    context.close()


def test_the_values_of_the_chart_and_its_picture_can_be_taken_home(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    page.get_by_text("Values of this chart, as a table").click()
    button = page.get_by_role("button", name="Download this table (CSV)").first
    expect(button).to_be_visible()
    settle(page)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "seedpilot-curves.csv"
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == 'Strategy,What,"Spent, $",Queries,Queries per seed,"Accuracy, %",80 % from,to'
    assert len(lines) == 1 + 3 * 40
    figure = page.get_by_test_id("stPlotlyChart").first
    figure.hover()
    with page.expect_download() as picture:
        figure.locator("[data-title*='Download plot']").click()
    assert picture.value.suggested_filename == "seedpilot-curves.png"
    assert picture.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_typed_model_name_brings_its_price_and_the_chart_is_in_dollars(page: Page, address: str) -> None:
    page.goto(f"{address}/?teacher1=our-own-7b")
    settle(page)
    expect(page.get_by_text("The price is unknown")).to_be_visible()
    field = page.get_by_role("textbox", name="Teacher", exact=True)
    field.fill("gpt-4o-mini")
    field.press("Enter")
    settle(page)
    expect(page.get_by_text("assumed for such answers")).to_be_visible()
    source = page.get_by_text(re.compile("genai-prices .* openai gpt-4o-mini, for 20"))
    expect(source).to_be_attached()
    page.wait_for_timeout(1000)
    if not source.is_visible():  # folded anew, now that the price is known, or still open from before
        page.get_by_text("Price of a query", exact=True).click()
    expect(source).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart").get_by_text("US dollars")).to_be_attached()
    expect(page.get_by_test_id("stPlotlyChart").get_by_text("budget ratio")).to_be_attached()


def test_a_link_restores_what_else_you_have(page: Page, address: str) -> None:
    page.goto(f"{address}/?unlabelled=2000&student=Qwen2.5-1.5B&verifiable=No")
    settle(page)
    expect(page.get_by_text("Real questions").first).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Real inputs without an answer")).to_have_value("2000")
    page.get_by_text("What else you have").click()
    expect(page.get_by_role("textbox", name="Student")).to_have_value("Qwen2.5-1.5B")
