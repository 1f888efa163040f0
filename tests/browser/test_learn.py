"""Map, law and glossary in a real browser: links bring a view back, and a pointer reads the map."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.app import settle


def test_a_link_restores_a_slider_and_the_reset_takes_it_back(page: Page, address: str) -> None:
    page.goto(f"{address}/law?q_new=0.6&seeds=1000")
    settle(page)
    slider = page.get_by_role("slider", name="Quality of a new question")
    expect(slider).to_have_attribute("aria-valuetext", "0.6")
    expect(page.get_by_text("You moved quality of a new question from 0.29 to 0.6")).to_be_visible()
    page.get_by_role("button", name="Back to published").click()
    settle(page)
    expect(page.get_by_text("Nothing is moved yet")).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "0.29")
    assert "q_new" not in page.url


def test_the_keyboard_moves_a_slider_and_the_sentence_says_so(page: Page, address: str) -> None:
    page.goto(f"{address}/law")
    settle(page)
    page.get_by_role("slider", name="Reach of answers").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    expect(page.get_by_text("You moved reach of answers from 7.5 to 10")).to_be_visible()


def test_a_pointer_reads_a_cell_of_the_map(page: Page, address: str) -> None:
    page.goto(f"{address}/map")
    settle(page)
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    told = page.locator(".hoverlayer")
    expect(told).to_contain_text("labelled examples")
    expect(told).to_contain_text("per seed")
    expect(told).to_contain_text("New questions: ")


def test_a_link_to_a_term_opens_the_glossary_there(page: Page, address: str) -> None:
    page.goto(f"{address}/glossary#reach")
    settle(page)
    expect(page.get_by_role("heading", name="Reach", exact=True)).to_be_in_viewport()
