"""The pilot pages under axe-core: each step of a new pilot, runs, a run's page, its data; and by the keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.browser.acts import choose, step, upload
from tests.browser.test_accessible import violations
from tests.browser.test_examples_form import EXAMPLES
from tests.browser.test_own_task import TICKETS
from tests.pages import filled

STEPS = ("Seeds", "Task", "Teacher", "Student", "Design", "Start")
LIGHT, DARK = ("light", 1440), ("dark", 390)
DONE = "20261121-090000-done"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    store = Store(home / "seedpilot.sqlite")
    filled.run(store, DONE)
    filled.run(store, "20261121-080000-fail", RunState.FAILED, "The disk is full: 0 bytes free, 12 MB needed.")
    filled.run(store, "20261121-100000-busy", RunState.RUNNING)
    with app.dashboard(home) as url:
        yield url


@pytest.fixture
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in that colour scheme and width."""
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.get_by_test_id("stMain").evaluate("main => main.scrollWidth <= main.clientWidth"))


@pytest.mark.parametrize("look", [DARK, pytest.param(LIGHT, marks=pytest.mark.slow)], indirect=True, ids=str)
def test_each_step_of_a_new_pilot(look: Page, address: str) -> None:
    look.goto(f"{address}/pilot")
    app.settle(look)
    choose(look, "Labelled examples", "My own file")
    upload(look, EXAMPLES, TICKETS)
    step(look, "Task")
    choose(look, "How an answer is scored", "My own task, in a form")
    step(look, "Teacher")
    choose(look, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
    found = []
    for name in STEPS:
        step(look, name)
        found += [f"{name}: {one}" for one in violations(look)]
        assert fits(look), name
    assert not found, "\n".join(found)


@pytest.mark.parametrize("look", [LIGHT, pytest.param(DARK, marks=pytest.mark.slow)], indirect=True, ids=str)
@pytest.mark.parametrize("where", ["/runs", f"/run?run={DONE}", "/run?run=20261121-100000-busy", f"/data?run={DONE}"])
def test_runs_a_run_and_its_data(look: Page, address: str, where: str) -> None:
    look.goto(address + where)
    app.settle(look)
    if where.startswith("/data"):
        look.get_by_text("Where it came from").click()
        expect(look.get_by_text("Answered by").or_(look.get_by_text("Checks: passed")).first).to_be_visible()
        app.settle(look)
    found = violations(look)
    assert not found, "\n".join(found)
    assert fits(look)


def test_the_keyboard_goes_through_the_steps(page: Page, address: str) -> None:
    page.goto(f"{address}/pilot")
    app.settle(page)
    page.get_by_role("tab", name="Seeds").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Task")).to_have_attribute("aria-selected", "true")
    app.settle(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if "Next: Teacher" in page.evaluate("document.activeElement.innerText || ''"):
            break
    page.keyboard.press("Enter")
    app.settle(page)
    expect(page.get_by_role("tab", name="Teacher")).to_have_attribute("aria-selected", "true")


def test_the_filters_of_the_data_stand_in_the_address_and_a_row_is_edited(page: Page, address: str) -> None:
    page.goto(f"{address}/data?run={DONE}&data_pool=New+questions%2C+100+seeds")
    app.settle(page)
    expect(page.get_by_test_id("stCode").filter(has_text="How many, asked as new_question?")).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Answer").fill("<b>Two</b>. #### 2")
    dialog.get_by_role("button", name="Keep this version").click()
    expect(page.get_by_role("heading", name="New questions, 100 seeds: kept, edited by hand")).to_be_visible()
    page.reload()
    app.settle(page)
    expect(page.get_by_test_id("stCode").filter(has_text="<b>Two</b>. #### 2")).to_be_visible()
    with page.expect_download() as loaded:
        page.get_by_role("button", name="Download the data set folder (ZIP)").click()
    assert Path(loaded.value.path()).stat().st_size > 1000
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_role("heading", name="New questions, 100 seeds: kept", exact=True)).to_be_visible()
    assert json.dumps(page.url).count("data_pool=") == 1
