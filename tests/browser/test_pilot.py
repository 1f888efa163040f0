"""A pilot in the real app: from the advice to a result, with a reload in the middle; and a key that stays secret."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.browser.acts import choose, fill, start, state_on, step

SECRET = "sk-test-very-secret-123"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pilots")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


@pytest.mark.timeout(600)
def test_from_advice_to_a_measured_pilot_with_a_reload_in_between(page: Page, address: str, home: Path) -> None:
    page.goto(f"{address}/?budget=Queries")
    app.settle(page)
    before = page.get_by_role("heading", level=2).first.inner_text()
    fill(page, "spinbutton", "Labelled examples", "2000")
    fill(page, "spinbutton", "Teacher queries", "900000")
    assert page.get_by_role("heading", level=2).first.inner_text() != before

    page.get_by_role("link", name="New pilot", exact=True).click()
    app.settle(page)
    fill(page, "spinbutton", "Test items", "40")
    step(page, "Design")
    fill(page, "textbox", "Budgets, in teacher queries", "40")
    fill(page, "spinbutton", "Test items for the teacher", "20")
    fill(page, "spinbutton", "Replicates", "1")
    step(page, "Student")
    page.get_by_test_id("stExpander").get_by_text("Advanced").click()
    fill(page, "spinbutton", "Fewest steps", "10")
    fill(page, "spinbutton", "Passes over the examples", "1")
    run_id = start(page)
    expect(page.get_by_text("Sandbox: seeds, teacher, student")).to_be_visible()
    expect(page.get_by_test_id("stProgress")).to_be_visible()

    context, address_of_run = page.context, page.url
    page.close()  # the worker does not notice
    page = context.new_page()
    page.goto(address_of_run)
    app.settle(page)
    assert page.url.endswith(run_id)
    state_on(page, "Finished")
    app.settle(page)
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    expect(page.get_by_text(re.compile("measured best so far at 40 queries"))).to_be_visible()
    expect(page.get_by_text(re.compile("likely best|Too close|close to call")).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"^(\d+) of \1$"))).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    assert Store(home / "seedpilot.sqlite").run(run_id).state is RunState.DONE

    page.reload()  # the file that was there first stays chosen while the run goes on
    app.settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download answer_augmentation-s100.jsonl")).click()
    assert '"messages"' in download.value.path().read_text()

    page.get_by_role("link", name="Runs", exact=True).click()
    app.settle(page)
    page.get_by_role("link", name="pilot", exact=True).first.click()
    page.wait_for_url(f"**/run?run={run_id}")


@pytest.mark.timeout(400)
def test_a_typed_key_is_nowhere_but_in_memory(page: Page, address: str, home: Path) -> None:
    page.goto(f"{address}/pilot?step=teacher")
    app.settle(page)
    choose(page, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
    choose(page, "Key", "Typed here")
    fill(page, "textbox", "Base URL", "http://127.0.0.1:9/v1")
    fill(page, "textbox", "Model", "some-model")
    fill(page, "textbox", "Key", SECRET)
    step(page, "Design")
    fill(page, "textbox", "Budgets, in teacher queries", "40")
    run_id = start(page)
    store, seen = Store(home / "seedpilot.sqlite"), []
    deadline = time.monotonic() + 200
    while store.run(run_id).state in (RunState.QUEUED, RunState.RUNNING) and time.monotonic() < deadline:
        seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout)
        assert SECRET not in page.url
        page.wait_for_timeout(300)
    run = store.run(run_id)
    assert run.state is RunState.FAILED
    assert "127.0.0.1:9" in run.message
    assert any(run_id in listed for listed in seen), "the worker was seen among the processes"
    assert not any(SECRET in listed for listed in seen)
    app.settle(page)
    expect(page.get_by_role("button", name="Resume")).to_be_visible(timeout=20_000)
    assert page.get_by_role("textbox", name="Key", exact=True).input_value() == ""
    assert SECRET not in page.content()
    for path in home.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
