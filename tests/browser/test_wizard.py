"""The six steps of a new pilot in a real browser: back and forth, a reload, the back button, two tabs, bad uploads; and
from the advice to a run that asks a real server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.records import RunState
from engine.sandbox.catalogue import world_of
from engine.stopping import CANCEL
from engine.store import Store
from tests.browser import app
from tests.browser.acts import choose, fill, start, step, upload
from tests.browser.test_examples_form import EXAMPLES
from tests.browser.test_own_task import TICKETS
from tests.openai_server import KEY, MODEL, serving
from tests.small_students import build_tiny_student
from tests.voices import SandboxVoice


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wizard")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


def eight_hundred(path: Path) -> Path:
    """800 support tickets with JSON answers, of the sandbox's world; 12 of them hold a bare label."""
    rows = [{"message": item.question, "record": item.answer} for item in world_of("tickets").seeds(800)]
    for place in range(6, 800, 70):
        rows[place]["record"] = "billing"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


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


@pytest.mark.slow  # the steps above are the short form of it
@pytest.mark.timeout(900)
def test_from_advice_on_800_tickets_to_a_run_with_a_reload_in_the_middle(
    page: Page, address: str, home: Path, tmp_path: Path
) -> None:
    student = build_tiny_student(tmp_path / "tiny")
    with serving(SandboxVoice()) as server:
        opened(page, address)
        fill(page, "spinbutton", "Money, $", "150")
        page.get_by_text("Take them from your file", exact=True).click()
        upload(page, "Your labelled examples (JSONL, CSV or Parquet)", eight_hundred(tmp_path / "support.jsonl"))
        said = 'Line 7, record: expected keys category, priority, order; found "billing". 12 of 800 rows.'
        expect(page.get_by_role("heading", name=f"{said} Fix, remap, or drop 12.")).to_be_visible()
        pressed(page, "Drop 12")
        expect(page.get_by_role("spinbutton", name="Labelled examples")).to_have_value("788")
        expect(page.get_by_text("591 to train on, 197 to test on.")).to_be_visible()
        expect(page.get_by_role("combobox", name="What does one answer look like?")).to_have_value(
            "Label or JSON record"
        )
        page.get_by_role("link", name=re.compile("a new pilot, filled from here")).click()
        page.wait_for_url("**/pilot*")
        app.settle(page)
        expect(page.get_by_text("Your examples came along")).to_be_visible()
        expect(page.get_by_role("spinbutton", name="Rows kept for testing")).to_have_value("197")
        expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
        expect(page.get_by_role("combobox", name="Column of the question")).to_have_value("message")
        pressed(page, "Next: Task")
        page.get_by_text("Try the scorer on your first rows; nothing is paid").click()
        pressed(page, "Try it on 5 rows")
        expect(page.get_by_text("Of 5 right answers of yours, the scorer takes 5 for right.")).to_be_visible()
        pressed(page, "Next: Teacher")
        choose(page, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
        expect(page.get_by_text("Base URL: found ''")).to_be_visible()
        expect(page.get_by_test_id("stMetric").filter(has_text="Cost, expected")).to_contain_text("unknown")
        choose(page, "Key", "Typed here")
        fill(page, "textbox", "Base URL", server.base_url)
        fill(page, "textbox", "Model", MODEL)
        fill(page, "spinbutton", "Price of a million tokens read, $", "0.15")
        fill(page, "spinbutton", "Price of a million tokens written, $", "0.60")
        fill(page, "textbox", "Key", KEY)
        pressed(page, "Next: Student")

        page.reload()
        app.settle(page)
        in_step(page, "Student")
        choose(page, "Which model learns", "A model of mine")
        fill(page, "textbox", "Folder or hub id", str(student))
        page.get_by_test_id("stExpander").get_by_text("Advanced").click()
        fill(page, "spinbutton", "Longest example, tokens", "400")
        fill(page, "spinbutton", "Longest answer of the student, tokens", "16")
        pressed(page, "Next: Design")
        step(page, "Start")
        # The key alone is not kept, and the last step leads to where it is asked for.
        page.get_by_role("button", name="Teacher: one thing to put right").click()
        app.settle(page)
        expect(page.get_by_role("textbox", name="Base URL")).to_have_value(server.base_url)
        fill(page, "textbox", "Key", KEY)
        expect(page.get_by_text("for an example from your first seed, word for word")).to_be_visible()
        step(page, "Design")
        expect(page.get_by_text(re.compile(r"\$150.00 buys about [\d,]+ queries"))).to_be_visible()
        page.get_by_text("Take the recommended budgets").click()
        app.settle(page)
        fill(page, "textbox", "Budgets, in teacher queries", "40")
        fill(page, "spinbutton", "Replicates", "1")
        for figure in ("Cost, expected", "Cost, at most", "Cost, at least", "Time, roughly", "Memory, at most"):
            shown = page.get_by_test_id("stMetric").filter(has_text=figure)
            expect(shown).to_contain_text(re.compile(r"\$|about|GB"))
        run_id = start(page)
        deadline = time.monotonic() + 120
        while not server.answered and time.monotonic() < deadline:
            page.wait_for_timeout(500)
        assert server.answered, "a worker asks the teacher"
        store = Store(home / "seedpilot.sqlite")
        plan = store.run(run_id).plan
        assert (plan["teacher"]["base_url"], plan["student"]) == (server.base_url, str(student))
        assert plan["target"]["seeds"] == 591
        store.ask(run_id, CANCEL)
        while store.run(run_id).state in (RunState.QUEUED, RunState.RUNNING) and time.monotonic() < deadline + 120:
            page.wait_for_timeout(500)
    kept = [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not kept, kept
    assert json.loads(next((home / "drafts").glob("*.json")).read_text())["values"]
