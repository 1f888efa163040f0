"""The data set of a run is taken away from its page, and loads."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
from playwright.sync_api import Page, expect

from engine.records import RunState
from engine.store import Store
from tests.browser import app
from tests.pages import filled

BUTTON = "Download the data set folder (ZIP)"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with app.dashboard(home) as url:
        yield url


def taken(page: Page, address: str, run_id: str, folder: Path) -> datasets.Dataset:
    """What the page's button gives, loaded as it is."""
    page.goto(f"{address}/run?run={run_id}")
    app.settle(page)
    assert page.get_by_test_id("stException").count() == 0
    with page.expect_download() as download:
        page.get_by_role("button", name=BUTTON).click()
    assert download.value.suggested_filename == f"{run_id}-data.zip"
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(folder)
    return datasets.load_dataset(str(folder / run_id), cache_dir=str(folder / "cache"))["train"]


def test_a_full_run_gives_its_data_set(page: Page, address: str, home: Path, tmp_path: Path) -> None:
    command = ["generate", "--task", "math", "--seeds", "sandbox", "--teacher", "sandbox", "--json"]
    command += ["--strategy", "new_question=20", "--out", str(tmp_path / "made")]
    subprocess.run(
        [sys.executable, "-m", "engine.cli", *command],
        env=os.environ | {"SEEDPILOT_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    run_id = next(run.id for run in Store(home / "seedpilot.sqlite").runs() if run.id.startswith("data-"))
    rows = taken(page, address, run_id, tmp_path)
    assert rows.num_rows > 100
    assert set(rows["source"]) == {"seed", "new_question"}


def test_a_pilot_gives_the_pools_that_it_made(page: Page, address: str, home: Path, tmp_path: Path) -> None:
    run_id = filled.run(Store(home / "seedpilot.sqlite"), "20261121-120000-data")
    rows = taken(page, address, run_id, tmp_path)
    assert {"seed", "new_question"} <= set(rows["source"])


def test_a_run_without_examples_offers_none(page: Page, address: str, home: Path) -> None:
    run_id = filled.run(Store(home / "seedpilot.sqlite"), "20261121-130000-wait", RunState.QUEUED)
    page.goto(f"{address}/run?run={run_id}")
    app.settle(page)
    expect(page.get_by_role("button", name=BUTTON)).to_have_count(0)
