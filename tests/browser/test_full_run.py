"""From a pilot to its full run with one button, in the real app: the confirmation, the result, the score kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.records import FULL, RunState
from engine.store import Store
from tests.browser import app
from tests.browser.acts import fill, state_on

PLAN = """
name = "small pilot"
[seeds]
count = 40
[test]
count = 60
teacher_items = 20
[target]
queries = 240
[grid]
strategies = ["answer_augmentation", "new_question"]
budgets = [40]
replicates = 1
adaptive = false
matched_steps = false
[training]
min_steps = 10
epochs = 1.0
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a real sandbox pilot in it, run by the command line."""
    home = tmp_path_factory.mktemp("full")
    (home / "plan.toml").write_text(PLAN)
    environment = os.environ | {"SEEDPILOT_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "engine.cli", "pilot", str(home / "plan.toml")], env=environment, check=True)
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_button_runs_what_the_pilot_advises_and_keeps_the_score(page: Page, address: str, home: Path) -> None:
    store = Store(home / "seedpilot.sqlite")
    (pilot,) = store.runs()
    page.goto(f"{address}/run?run={pilot.id}")
    app.settle(page)
    expect(page.get_by_role("heading", name=re.compile("^From .* untuned to"))).to_be_visible()
    page.get_by_text("Seeds, generated examples and errors, side by side").click()
    expect(page.get_by_text(re.compile(r"The student.s errors"))).to_be_visible()

    fill(page, "spinbutton", "Whole budget, teacher queries", "20")
    page.get_by_role("button", name="Full run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("nothing is left to follow it with")).to_be_visible()
    page.keyboard.press("Escape")
    fill(page, "spinbutton", "Whole budget, teacher queries", "240")
    page.get_by_role("button", name="Full run").click()
    expect(dialog.get_by_text(re.compile("Of 240 queries: .* are paid already"))).to_be_visible()
    expect(dialog.get_by_text("Cost, at most")).to_be_visible()
    assert len(store.runs()) == 1, "nothing starts before the yes"
    dialog.get_by_role("button", name="Start the full run").click()
    page.wait_for_url(f"**/run?run={FULL}*")
    app.settle(page)
    state_on(page, "Finished")
    app.settle(page)
    expect(page.get_by_role("heading", name=re.compile("The forecast (held|did not hold): "))).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0

    page.get_by_role("button", name="The pilot that this follows").click()
    page.wait_for_url(f"**/run?run={pilot.id}")
    expect(page.get_by_role("button", name=re.compile("full run after small pilot"))).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("[01] of 1 past forecasts held"))).to_be_visible()
    (made,) = (run for run in store.runs() if run.id.startswith(FULL))
    assert made.state is RunState.DONE
    (row,) = store.cells(made.id)
    assert row.measurement is not None
