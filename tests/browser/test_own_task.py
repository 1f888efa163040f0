"""One's own task in a real browser: JSON tickets by the form, the scorer tried, a wrong task told, the prompts read."""

from __future__ import annotations

import tomllib
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser import app
from tests.browser.acts import choose, fill, pick, step, upload
from tests.browser.test_examples_form import EXAMPLES

TICKETS = Path(__file__).parents[1] / "data" / "tickets.jsonl"


def opened(page: Page, address: str) -> None:
    page.goto(f"{address}/pilot")
    app.settle(page)
    choose(page, "Labelled examples", "My own file")
    upload(page, EXAMPLES, TICKETS)
    step(page, "Task")
    choose(page, "How an answer is scored", "My own task, in a form")


def write(page: Page, label: str, text: str) -> None:
    """Types into a box of several lines, and leaves it."""
    box = page.get_by_role("textbox", name=label, exact=True)
    box.fill(text)
    box.press("Control+Enter")
    page.wait_for_timeout(300)
    app.settle(page)


def test_json_tickets_become_a_task_by_the_form_and_its_scorer_is_tried(page: Page, address: str) -> None:
    opened(page, address)
    expect(page.get_by_text("Your answers look like JSON with the keys category, urgency and order.")).to_be_visible()
    fill(page, "textbox", "Name of the task", "tickets")
    fill(page, "textbox", "What a question is", "a customer's message")
    write(page, "What the teacher is told", "Reply with one JSON object: category, urgency, order.")
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Download the task (ZIP)").click()
    assert loaded.value.suggested_filename == "task.zip"
    page.get_by_text("Try the scorer on your first rows; nothing is paid").click()
    write(page, "A reply to try", '{"category": "billing", "urgency": "normal", "order": null}')
    page.get_by_role("button", name="Try it on 5 rows").click()
    expect(page.get_by_text("Of 5 right answers of yours, the scorer takes 5 for right.")).to_be_visible()
    app.settle(page)
    step(page, "Teacher")
    page.get_by_text("for an example from your first seed, word for word").click()
    # What the teacher will be sent is the task as it was typed, word for word.
    sent = page.get_by_test_id("stCode").filter(has_text="Reply with one JSON object: category, urgency, order.")
    expect(sent.first).to_be_visible()
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Download the plan").click()
    plan = tomllib.loads(Path(loaded.value.path()).read_text())
    task = tomllib.loads(Path(plan["task"]).read_text())
    assert (task["name"], task["question"]) == ("tickets", "a customer's message")
    assert task["scorer"]["fields"] == {"category": "text", "urgency": "text", "order": "text"}
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") <= 0


def test_a_wrong_task_is_told_whole_and_the_rest_of_the_form_stays(page: Page, address: str) -> None:
    opened(page, address)
    fill(page, "textbox", "Name of the task", "")
    pick(page, "How an answer is compared", "One of some labels")
    told = page.get_by_role("alert").filter(has_text="Name of the task: it is missing.")
    expect(told).to_be_visible()
    expect(told).to_contain_text("Labels: write two or more, one a line.")
    expect(page.get_by_text("Your task: 2 faults to put right, told below its form.")).to_be_visible()
    step(page, "Teacher")
    expect(page.get_by_role("button", name="Check the teacher")).to_be_disabled()
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_disabled()
    page.get_by_role("button", name="Task: one thing to put right").click()
    write(page, "Labels, one a line", "billing\nshipping")
    fill(page, "textbox", "Name of the task", "tickets")
    expect(told).to_have_count(0)
    step(page, "Start")
    expect(page.get_by_role("button", name="Start the pilot")).to_be_enabled()
