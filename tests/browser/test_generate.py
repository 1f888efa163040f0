"""A data set is made from the page, by a worker, of a teacher behind a real HTTP server."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from playwright.sync_api import Page, expect

from engine.ledger import account
from engine.records import DRY_RUN, FULL
from engine.store import Store
from tests.browser import acts, app
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

ADDS = 7


def voice(messages: list[dict[str, str]]) -> str:
    """Writes a question from the one it is shown, and adds up what it is asked."""
    said = messages[-1]["content"]
    numbers = [int(word.strip("?.")) for word in said.split() if word.strip("?.").isdigit()]
    if "new question" in messages[0]["content"]:
        return f"Question: A baker sells {sum(numbers) + ADDS} loaves and then 5 more. How many is that in all?"
    return f"They are added up.\n#### {sum(numbers)}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generate")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(voice, key=KEY) as server:
        yield server


THINGS = ("apple", "river", "stone", "cloud", "copper", "violin", "lantern", "meadow", "engine", "pepper", "anchor")


def seeds(path: Path) -> Path:
    rows = [
        {"question": f"{thing.title()} shop number {i}: how many {other} are {17 * i + 3} and {i + 2} together?",
         "answer": f"#### {18 * i + 5}"}
        for i, (thing, other) in enumerate((a, b) for a in THINGS for b in THINGS if a != b)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_a_data_set_is_tried_made_and_taken_away(
    page: Page, address: str, home: Path, server: OpenAIServer, tmp_path: Path
) -> None:
    page.goto(f"{address}/generate")
    app.settle(page)
    acts.choose(page, "Labelled examples", "My own file")
    acts.upload(page, "Examples (JSONL, CSV or Parquet)", seeds(tmp_path / "seeds.jsonl"))
    acts.choose(page, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
    acts.fill(page, "textbox", "Base URL", server.base_url)
    acts.fill(page, "textbox", "Model", MODEL)
    acts.choose(page, "Key", "Typed here")
    page.get_by_role("textbox", name="Key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    app.settle(page)
    acts.fill(page, "spinbutton", "New questions: queries", "20")
    acts.fill(page, "spinbutton", "Answers: queries", "20")

    page.get_by_role("button", name="Dry run: two examples of each strategy").click()
    expect(page.get_by_text("Dry run: 6 queries")).to_be_visible(timeout=acts.MINUTES)
    assert server.answered == 6
    expect(page.get_by_text("a dry run tells")).to_have_count(0)

    expect(page.get_by_role("button", name="Make the data set")).to_be_enabled()
    page.get_by_role("button", name="Make the data set").click()
    page.wait_for_url("**/run?run=data-*")
    acts.state_on(page, "Finished")
    run_id = page.url.split("run=")[1]
    assert run_id.startswith(FULL)
    store = Store(home / "seedpilot.sqlite")
    assert server.answered == 40, "the dry run's six are not bought again"
    assert account(store, run_id).settled == 34
    assert not any(KEY.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the data set folder (ZIP)").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(tmp_path)
    rows = datasets.load_dataset(str(tmp_path / run_id), cache_dir=str(tmp_path / "cache"))["train"]
    assert {"seed", "new_question"} <= set(rows["source"])

    dry = next(run.id for run in store.runs() if run.id.startswith(DRY_RUN))
    page.goto(f"{address}/run?run={dry}")
    app.settle(page)
    expect(page.get_by_text("does not buy it again")).to_be_visible()


def test_the_page_fits_a_phone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    for where in ("generate", "pilot"):
        page.goto(f"{address}/{where}")
        app.settle(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        main = page.get_by_test_id("stMain").evaluate("main => main.scrollWidth")
        assert max(width, main) <= 390
