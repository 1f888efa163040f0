"""How quick the dashboard is: `seedpilot bench ui [--reruns 40] [--visits 5] [--cells 1000] [--no-browser]`.

A server of its own with a store of 20 pilots. The server's time of a rerun: from the message of an input that moved
to the end of the script. The first meaningful paint in Debian's chromium: from the request to the sentence of advice
on the screen, once on a server that nobody has visited and then by fresh visitors. Then a small pilot on the sandbox:
how old the progress is that its page shows, and what the advice takes meanwhile. Beside it a page that reads and fits
everything on each rerun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks import _running
from benchmarks._paint import CHROMIUM, paints
from benchmarks._visitor import Visitor
from engine.domain import Baseline, Measurement
from engine.plan import check_plan
from engine.records import RunState
from engine.settings import ROOT, Settings
from engine.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PILOTS, ITEMS = 20, 300
OURS = [sys.executable, "-m", "pages.shared.serve", "--server.headless=true"]
NAIVE = [sys.executable, "-m", "streamlit", "run", "benchmarks/_naive_page.py", "--server.headless=true"]


@dataclass(frozen=True)
class View:
    """A page, and the input of it that is moved."""

    name: str
    page: str
    moved: str = ""
    """Empty: the page runs again as it is."""
    field: str = ""
    values: Sequence[Any] = (None,) * 200
    before: tuple[tuple[str, str, Any], ...] = ()
    """Inputs that are set first: key, field, value."""
    query: str = ""


MONEY = [float(20 + 7 * n) for n in range(200)]
SEEDS = [float(100 + n) for n in range(200)]
BUDGETS = [[float(n % 6)] for n in range(1, 200)]
VIEWS = (
    View("advice, another sum", "", "usd", "double_value", MONEY),
    View("advice with the points of a pilot, another sum", "", "usd", "double_value", MONEY,
         (("own_points", "string_array_value", ["Pilot"]),)),
    View("what if, another student", "what-if", "if_student", "double_value", [0.5 + 0.3 * n for n in range(200)]),
    View("map, another sum", "map", "usd", "double_value", MONEY),
    View("law, another number of labelled examples", "law", "seeds", "double_value", SEEDS),
    View("evidence, another search", "evidence", "evidence_find", "string_value", ["gsm8k", "LLaMA", "RFT", ""] * 50),
    View("runs, another search", "runs", "runs_words", "string_value", ["pilot 1", "pilot 2", "words", ""] * 50),
    View("advice, another number of labelled examples", "", "seeds", "double_value", SEEDS),
    View("atlas, another number of examples", "atlas", "atlas_budget", "double_array_value", BUDGETS),
    View("new pilot, another number of test items", "pilot", "pilot_test_items", "double_value", SEEDS),
    View("a run of 50 cells, again", "run", query="run=20261121-090000-pilot"),
)  # fmt: skip
NAIVE_VIEW = View("naive page, another budget", "", "queries", "double_value", [3000.0 + 50 * n for n in range(200)])
DATA = View("data of a run, another search", "data", "data_words", "string_value", ["the", "how many", "box", ""] * 50)


def main() -> None:
    """Prints the rows."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--reruns", type=int, default=40, help="of each view, after 3 to warm up")
    given.add_argument("--visits", type=int, default=5, help="fresh visitors in the browser")
    given.add_argument("--cells", type=int, default=1000, help="measured cells in the store")
    given.add_argument("--views", default="", help="only views whose name holds these words; no browser, no pilot")
    given.add_argument("--no-browser", action="store_true")
    given.add_argument("--no-pilot", action="store_true", help="without the small pilot that progress is watched on")
    arguments = given.parse_args()
    chosen = [view for view in VIEWS if arguments.views in view.name]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        home = Path(folder)
        cells = fill(Store(Settings(home=home).store_path), arguments.cells)
        print(f"store: {cells} cells; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
        rows: list[dict[str, Any]] = []

        def measured(row: dict[str, Any]) -> None:
            rows.append(row | {"cells": cells, "load": round(os.getloadavg()[0], 1)})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)

        browser = None if arguments.no_browser or arguments.views else opened.enter_context(_chromium())
        with server(OURS, home) as (url, process):
            if browser is not None:
                for row in paints(browser, url, arguments.visits):
                    measured(row)
            every: list[float] = []
            for view in chosen:
                row, wall = reruns(url, process, view, arguments.reruns)
                every += wall
                measured(row)
            if every:
                measured({"what": "all of these views together", "reruns": len(every)} | _spread(every))
            if not arguments.no_pilot and not arguments.views:
                for row in beside_a_pilot(browser, url, process, home, arguments.reruns):
                    measured(row)
        with server(NAIVE, home) as (url, process):
            measured(reruns(url, process, NAIVE_VIEW, min(arguments.reruns, 12))[0])
    print(json.dumps(rows))


def beside_a_pilot(
    browser: Browser | None, url: str, process: psutil.Process, home: Path, count: int
) -> list[dict[str, Any]]:
    """What the pages take while a small pilot runs, how old its progress is, and its data once it has run."""
    found: list[dict[str, Any]] = []
    with _running.pilot(home) as run_id:
        beside = replace(VIEWS[0], name="advice while a pilot runs, another sum")
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(reruns, url, process, beside, count)
            if browser is not None:
                found.append(_running.progress(browser, url, home, run_id))
            found.append(waiting.result()[0])
    data = replace(DATA, query=f"run={run_id}")
    return [*found, reruns(url, process, data, count)[0]]


@contextmanager
def _chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def reruns(url: str, process: psutil.Process, view: View, count: int) -> tuple[dict[str, Any], list[float]]:
    """Milliseconds of the first run and of `count` reruns; processor time of the server, per rerun. And each rerun's
    seconds."""
    with ThreadPoolExecutor(1) as thread:  # the browser's driver has the event loop of the first one
        return thread.submit(lambda: asyncio.run(_reruns(url, process, view, count))).result()


async def _reruns(url: str, process: psutil.Process, view: View, count: int) -> tuple[dict[str, Any], list[float]]:
    start = time.perf_counter()
    async with Visitor(url, view.page, view.query) as visitor:
        opened = time.perf_counter() - start
        for key, field, value in view.before:
            await visitor.move(key, **{field: value})
        values = iter(view.values)

        async def rerun() -> float:
            value = next(values)
            return await (visitor.move(view.moved, **{view.field: value}) if view.moved else visitor.rerun())

        for _ in range(3):
            await rerun()
        busy = sum(process.cpu_times()[:2])
        wall = [await rerun() for _ in range(count)]
        busy = sum(process.cpu_times()[:2]) - busy
    row: dict[str, Any] = {"what": view.name, "first_run_ms": round(1000 * opened), "reruns": count}
    return row | _spread(wall) | {"processor_ms": round(1000 * busy / count, 1)}, wall


def _spread(wall: Sequence[float]) -> dict[str, float]:
    return {
        "median_ms": round(1000 * statistics.median(wall), 1),
        "p95_ms": round(1000 * statistics.quantiles(wall, n=20, method="inclusive")[-1], 1),
    }


def fill(store: Store, cells: int) -> int:
    """A store with that many measured cells in pilots on somebody's own task; how many there are."""
    draw, made = random.Random(7), 0
    for pilot in range(PILOTS):
        plan = check_plan(
            {
                "name": f"pilot {pilot}", "seeds": {"path": "seeds.jsonl"}, "test": {"path": "test.jsonl"},
                "student": "some/student", "ceiling": {"queries": 100_000},
                "teacher": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"},
                "grid": {"budgets": [100, 200, 300, 400, 600, 800, 1200, 1600], "replicates": 2},
            }
        )  # fmt: skip
        run_id = f"20261121-09{pilot:02d}00-pilot"
        store.file_run(run_id, plan.name, plan.model_dump(mode="json"), run_id)
        me = psutil.Process()
        store.claim(run_id, me.pid, me.create_time())
        planned = [cell for cell in plan.cells(100) if cell.arm != Baseline.TEACHER][: -(-cells // PILOTS)]
        store.plan_cells(run_id, planned)
        for cell in planned:
            outcomes = [float(draw.random() < 0.4 + 0.03 * min(cell.budget / 400, 4)) for _ in range(ITEMS)]
            measured = Measurement(cell, int(sum(outcomes)), ITEMS, 0, cell.budget)
            store.record_cell(run_id, measured, outcomes, {"steps": 100}, "")
            made += 1
        store.finish(run_id, RunState.DONE, "")
    return made


@contextmanager
def server(command: list[str], home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Its address and its process; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SEEDPILOT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with (home / "server.log").open("ab") as log:
        started = subprocess.Popen(  # noqa: S603 - our own server
            [*command, f"--server.port={port}"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()  # noqa: S310 - our own address
                break
            except OSError:
                time.sleep(0.1)
        yield url, psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(20)


if __name__ == "__main__":
    main()
