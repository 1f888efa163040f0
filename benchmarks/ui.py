"""How quick the dashboard is: `seedpilot bench ui [--reruns 40] [--visits 5] [--cells 1000] [--no-browser]`.

A server of its own with a store of 20 pilots. The server's time of a rerun: from the message of an input that moved
to the end of the script. The first meaningful paint in Debian's chromium: from the request to the sentence of advice
on the screen, once on a server that nobody has visited and then by fresh visitors. Beside it a page that reads and
fits everything on each rerun.
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks._visitor import Visitor
from engine.domain import Baseline, Measurement
from engine.plan import check_plan
from engine.records import RunState
from engine.settings import ROOT, Settings
from engine.store import Store

PILOTS, ITEMS = 20, 300
CHROMIUM = "/usr/bin/chromium"
OURS = [sys.executable, "-m", "pages.shared.serve", "--server.headless=true"]
NAIVE = [sys.executable, "-m", "streamlit", "run", "benchmarks/_naive_page.py", "--server.headless=true"]


@dataclass(frozen=True)
class View:
    """A page, and the input of it that is moved."""

    name: str
    page: str
    moved: str
    field: str
    values: Sequence[Any]
    before: tuple[tuple[str, str, Any], ...] = ()
    """Inputs that are set first: key, field, value."""
    query: str = ""


MONEY = [float(20 + 7 * n) for n in range(200)]
VIEWS = (
    View("advice, another sum", "", "usd", "double_value", MONEY),
    View("advice with the points of a pilot, another sum", "", "usd", "double_value", MONEY,
         (("own_points", "string_array_value", ["Pilot"]),)),
    View("what if, another student", "what-if", "if_student", "double_value", [0.5 + 0.3 * n for n in range(200)]),
    View("map, another sum", "map", "usd", "double_value", MONEY),
    View("law, another number of labelled examples", "law", "seeds", "double_value", [100.0 + n for n in range(200)]),
    View("evidence, another search", "evidence", "evidence_find", "string_value", ["gsm8k", "LLaMA", "RFT", ""] * 50),
    View("runs, another search", "runs", "runs_words", "string_value", ["pilot 1", "pilot 2", "words", ""] * 50),
)  # fmt: skip


def main() -> None:
    """Prints the rows."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--reruns", type=int, default=40, help="of each view, after 3 to warm up")
    given.add_argument("--visits", type=int, default=5, help="fresh visitors in the browser")
    given.add_argument("--cells", type=int, default=1000, help="measured cells in the store")
    given.add_argument("--no-browser", action="store_true")
    arguments = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cells = fill(Store(Settings(home=Path(folder)).store_path), arguments.cells)
        print(f"store: {cells} cells", file=sys.stderr, flush=True)
        rows: list[dict[str, Any]] = []
        with server(OURS, Path(folder)) as (url, process):
            if not arguments.no_browser:
                rows += paints(url, arguments.visits, cells)
            for view in VIEWS:
                rows.append(
                    {"what": view.name, "cells": cells} | asyncio.run(reruns(url, process, view, arguments.reruns))
                )
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        with server(NAIVE, Path(folder)) as (url, process):
            naive = View(
                "naive page, another budget", "", "queries", "double_value", [3000.0 + 50 * n for n in range(200)]
            )
            few = min(arguments.reruns, 12)
            rows.append({"what": naive.name, "cells": cells} | asyncio.run(reruns(url, process, naive, few)))
    print(json.dumps(rows))


async def reruns(url: str, process: psutil.Process, view: View, count: int) -> dict[str, Any]:
    """Milliseconds of the first run and of `count` reruns; processor time of the server, per rerun."""
    start = time.perf_counter()
    async with Visitor(url, view.page, view.query) as visitor:
        opened = time.perf_counter() - start
        for key, field, value in view.before:
            await visitor.move(key, **{field: value})
        values = iter(view.values)
        for _ in range(3):
            await visitor.move(view.moved, **{view.field: next(values)})
        busy = sum(process.cpu_times()[:2])
        wall = [await visitor.move(view.moved, **{view.field: next(values)}) for _ in range(count)]
        busy = sum(process.cpu_times()[:2]) - busy
    return {
        "first_run_ms": round(1000 * opened),
        "reruns": count,
        "median_ms": round(1000 * statistics.median(wall), 1),
        "p95_ms": round(1000 * statistics.quantiles(wall, n=20, method="inclusive")[-1], 1),
        "processor_ms": round(1000 * busy / count, 1),
    }


def paints(url: str, visits: int, cells: int) -> list[dict[str, Any]]:
    """First meaningful paint: the sentence of advice stands on the screen."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(visits + 1):
            context = browser.new_context(viewport={"width": 1440, "height": 1000})
            page = context.new_page()
            start = time.perf_counter()
            page.goto(url, wait_until="commit")
            page.locator("[data-testid=stMain] h2").first.wait_for()
            found.append(1000 * (time.perf_counter() - start))
            context.close()
        browser.close()
    first, *others = found
    rows = [{"what": "first paint, first visitor of a new server", "cells": cells, "median_ms": round(first)}]
    if others:
        rows.append(
            {"what": "first paint, later visitors, empty browser cache", "cells": cells, "visits": len(others)}
            | {"median_ms": round(statistics.median(others)), "worst_ms": round(max(others))}
        )
    for row in rows:
        print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


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
