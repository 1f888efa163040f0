"""What `seedpilot bench ui` measures with, and pages that answer while the engine stands still."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks import _running, ui
from benchmarks._visitor import Visitor
from engine import launch, runs
from engine.plan import check_plan
from engine.records import RunState
from engine.settings import Settings
from engine.store import Store

WRITTEN = [(0.0, "Asking: 0"), (1.0, "Asking: 1"), (1.2, "Asking: 2"), (5.0, "Training: 0 %"), (9.0, "Asking: 0")]


def test_what_is_shown_is_as_old_as_the_first_state_that_was_written_and_not_shown() -> None:
    shown = [(0.1, "Asking: 0"), (1.5, "Asking: 2"), (5.9, "Training: 0 %")]
    assert _running.lags(WRITTEN, shown) == pytest.approx([0.5, 0.9])


def test_a_stage_that_comes_back_is_the_latest_one_written() -> None:
    shown = [(0.1, "Asking: 0"), (6.0, "Training: 0 %"), (9.4, "Asking: 0")]
    assert _running.lags(WRITTEN, shown) == pytest.approx([5.0, 0.4])


def test_what_was_shown_before_it_was_seen_in_the_store_is_left_out() -> None:
    assert _running.lags(WRITTEN, [(0.1, "Asking: 0"), (0.2, "Starting")]) == []


@pytest.mark.timeout(180)
def test_pages_answer_while_the_worker_of_a_pilot_stands_still(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = Store(settings.store_path)
    run_id = runs.file_pilot(check_plan(_running.PLAN), store)
    launch.start(run_id, settings)
    deadline = time.monotonic() + 120
    while (held := store.holder(run_id)) is None or store.run(run_id).state is not RunState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(held[0], signal.SIGSTOP)
    try:
        with ui.server(ui.OURS, tmp_path) as (url, _):
            asyncio.run(seen(url, run_id))
    finally:
        os.kill(held[0], signal.SIGKILL)


async def seen(url: str, run_id: str) -> None:
    async with Visitor(url, "run", f"run={run_id}") as visitor:
        assert await visitor.rerun() < 60
    async with Visitor(url) as visitor:
        assert await visitor.move("usd", double_value=77.0) < 60
