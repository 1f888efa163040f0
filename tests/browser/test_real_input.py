"""Pilots on real seeds, real server, started from the page (from the command line: tests/test_real_input.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.domain import UNTRAINED, Baseline
from engine.ledger import account
from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.browser.acts import choose, fill, start, state_on, step, upload
from tests.openai_server import KEY, MODEL, OpenAIServer, serving
from tests.pilots import TICKETS, gsm8k_plan, rows
from tests.voices import GSM8K, RecordedGsm8k, TicketReader


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


def endpoint(page: Page, server: OpenAIServer) -> None:
    step(page, "Teacher")
    choose(page, "Who answers", "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)")
    choose(page, "Key", "Typed here")
    fill(page, "textbox", "Base URL", server.base_url)
    fill(page, "textbox", "Model", MODEL)
    fill(page, "textbox", "Key", KEY)


def small(page: Page, student: Path, budget: int, longest: int, teacher_items: int = 20) -> None:
    """A tiny student, one budget, few steps: what is tested is the way, not the learning."""
    step(page, "Design")
    fill(page, "textbox", "Budgets, in teacher queries", str(budget))
    fill(page, "spinbutton", "Replicates", "1")
    fill(page, "spinbutton", "Test items for the teacher", str(teacher_items))
    step(page, "Student")
    choose(page, "Which model learns", "A model of mine")
    fill(page, "textbox", "Folder or hub id", str(student))
    page.get_by_test_id("stExpander").get_by_text("Advanced").click()
    fill(page, "spinbutton", "Fewest steps", "8")
    fill(page, "spinbutton", "Passes over the examples", "1")
    fill(page, "spinbutton", "Longest example, tokens", str(longest))
    fill(page, "spinbutton", "Longest answer of the student, tokens", "16")


def ended(page: Page, home: Path, run_id: str) -> None:
    """The page says so, and data sets, adapters and accuracies are on disk and in the store."""
    state_on(page, "Finished")
    app.settle(page)
    assert page.get_by_test_id("stException").count() == 0
    store = Store(home / "seedpilot.sqlite")
    assert store.run(run_id).state is RunState.DONE
    cells = store.cells(run_id)
    done = [row for row in cells if row.state == "done"]
    expect(page.get_by_text(f"{len(done)} of {len(cells)}")).to_be_visible()
    # Examples need room beside a question, and a control a cell with more steps: else they are left out, and say so.
    left_out = [row for row in cells if row.state == "skipped"]
    assert len(done) + len(left_out) == len(cells)
    assert all(row.message for row in left_out)
    assert {row.cell.arm for row in left_out} <= {Baseline.UNTUNED_FEW_SHOT, Baseline.SEEDS_ONLY}
    for row in done:
        assert row.measurement is not None
        assert row.measurement.accuracy is not None
        adapter = Path(row.folder or "") / "adapter" / "adapter_model.safetensors"
        assert adapter.exists() == (row.cell.arm not in UNTRAINED)
    for pool in store.pools(run_id):
        assert len(rows(Path(pool.folder) / "examples.jsonl")) == pool.counts["kept"]
    assert not any(KEY.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not GSM8K.is_dir(), reason=f"{GSM8K} is missing: it is lent, never committed")
@pytest.mark.timeout(900)
def test_gsm8k_from_the_page(page: Page, address: str, home: Path, student: Path, tmp_path: Path) -> None:
    gsm8k_plan("", student, tmp_path)  # writes the two files
    # 40 items are enough of a test for a tiny student that gets none of them right
    test = tmp_path / "few.jsonl"
    test.write_text("".join((tmp_path / "gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:40]))
    with serving(RecordedGsm8k()) as server:
        page.goto(f"{address}/pilot")
        app.settle(page)
        choose(page, "Labelled examples", "My own file")
        upload(page, "Examples (JSONL, CSV or Parquet)", tmp_path / "gsm8k_seeds.jsonl")
        choose(page, "Test items", "A test file")
        upload(page, "Test items (JSONL, CSV or Parquet)", test)
        endpoint(page, server)
        # the recordings know the seeds only; so few wrong answers to test items do not end the plan
        small(page, student, 150, 700, teacher_items=19)
        expect(page.get_by_text("150 rows: 150 seeds; 40 test items")).to_be_visible()
        run_id = start(page)
        ended(page, home, run_id)
        assert account(Store(home / "seedpilot.sqlite"), run_id).settled == server.answered == 19 + 3 * 150


@pytest.mark.slow  # the command line runs the same pilot
@pytest.mark.timeout(900)
def test_tickets_from_the_page(page: Page, address: str, home: Path, student: Path) -> None:
    with serving(TicketReader()) as server:
        page.goto(f"{address}/pilot")
        app.settle(page)
        choose(page, "Labelled examples", "My own file")
        upload(page, "Examples (JSONL, CSV or Parquet)", TICKETS / "tickets.jsonl")
        fill(page, "spinbutton", "Rows kept for testing", "40")
        step(page, "Task")
        choose(page, "How an answer is scored", "As a task file says")
        upload(page, "Task file (task.toml)", TICKETS / "tickets.toml")
        endpoint(page, server)
        small(page, student, 40, 400)
        expect(page.get_by_text("300 rows: 260 seeds, 40 test items")).to_be_visible()
        step(page, "Start")
        expect(page.get_by_text("Answer augmentation is not applicable here")).to_be_visible()
        run_id = start(page)
        ended(page, home, run_id)
        assert account(Store(home / "seedpilot.sqlite"), run_id).settled == server.answered == 20 + 2 * 40
