"""The six steps of a new pilot in a real browser: back and forth, a reload, the back button, two tabs, bad uploads."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import app
from tests.browser.acts import choose, fill, step, upload
from tests.browser.test_examples_form import EXAMPLES
from tests.browser.test_own_task import TICKETS


def opened(page: Page, where: str) -> Page:
    page.goto(where)
    app.settle(page)
    return page


def in_step(page: Page, name: str) -> None:
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def pressed(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(300)
    app.settle(page)


def test_steps_keep_what_was_chosen_through_back_forth_reload_and_the_back_button(page: Page, address: str) -> None:
    opened(page, f"{address}/pilot")
    choose(page, "Labelled examples", "My own file")
    expect(page.get_by_text("Upload a file with your labelled examples")).to_be_visible()
    upload(page, EXAMPLES, TICKETS)
    fill(page, "spinbutton", "Rows kept for testing", "60")
    pressed(page, "Next: Task")
    choose(page, "How an answer is scored", "My own task, in a form")
    fill(page, "textbox", "Name of the task", "tickets")
    expect(page.get_by_text("tickets.jsonl: 240 seeds, 60 test items")).to_be_visible()
    pressed(page, "Next: Teacher")
    in_step(page, "Teacher")

    page.go_back()
    in_step(page, "Task")
    page.go_forward()
    in_step(page, "Teacher")

    page.reload()
    app.settle(page)
    in_step(page, "Teacher")
    expect(page.get_by_text("tickets.jsonl: 240 seeds, 60 test items")).to_be_visible()
    step(page, "Task")
    expect(page.get_by_role("textbox", name="Name of the task")).to_have_value("tickets")
    step(page, "Seeds")
    expect(page.get_by_role("spinbutton", name="Rows kept for testing")).to_have_value("60")
    expect(page.get_by_text("tickets.jsonl, uploaded before")).to_be_visible()


def test_two_tabs_go_on_from_one_link_and_never_write_over_each_other(page: Page, address: str) -> None:
    opened(page, f"{address}/pilot")
    fill(page, "spinbutton", "Seeds", "120")
    page.wait_for_url("**/pilot?*draft=*")
    first = page.url
    other = opened(page.context.new_page(), first)
    expect(other.get_by_role("spinbutton", name="Seeds", exact=True)).to_have_value("120")
    fill(other, "spinbutton", "Seeds", "90")
    expect(other.get_by_text("The sandbox: 90 seeds")).to_be_visible()
    assert other.url != first
    page.reload()
    app.settle(page)
    expect(page.get_by_role("spinbutton", name="Seeds", exact=True)).to_have_value("120")
    other.reload()
    app.settle(other)
    expect(other.get_by_role("spinbutton", name="Seeds", exact=True)).to_have_value("90")
    pressed(other, "Begin anew")
    expect(other.get_by_role("spinbutton", name="Seeds", exact=True)).to_have_value("100")


def test_a_bad_upload_is_told_in_its_step_and_a_good_one_makes_it_good(
    page: Page, address: str, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{broken\n" + TICKETS.read_text(encoding="utf-8"), encoding="utf-8")
    opened(page, f"{address}/pilot")
    choose(page, "Labelled examples", "My own file")
    upload(page, EXAMPLES, broken)
    expect(page.get_by_role("alert").filter(has_text=re.compile("line 1: is no valid JSON"))).to_be_visible()
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_disabled()
    page.get_by_role("button", name="Seeds: one thing to put right").click()
    app.settle(page)
    in_step(page, "Seeds")
    upload(page, EXAMPLES, TICKETS)
    expect(page.get_by_text("line 1: is no valid JSON")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Column of the question")).to_be_visible()


def test_the_advice_fills_the_steps(page: Page, address: str) -> None:
    opened(page, f"{address}/pilot?from=advice&task=Label+or+JSON+record&seeds=800&budget=Money&usd=150")
    expect(
        page.get_by_text("Filled from your advice (Label or JSON record, 800 labelled examples, $150)")
    ).to_be_visible()
    upload(page, EXAMPLES, TICKETS)
    step(page, "Task")
    expect(page.get_by_text("Your answers look like JSON with the keys")).to_be_visible()
    step(page, "Design")
    expect(page.get_by_role("spinbutton", name="Whole budget, $")).to_have_value("150.00")
    expect(page.get_by_role("spinbutton", name="Seeds of the full run")).to_have_value("800")
    page.reload()
    app.settle(page)
    expect(page.get_by_text("Filled from your advice")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Whole budget, $")).to_have_value("150.00")
