"""Small pilots whose results can be compared to the bit, and workers that can be killed: for the tests of faults."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from engine.ledger import account
from engine.plan import check_plan
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import OpenAIServer
from tests.pilots import QUICK, rows, ticket_plan
from tests.voices import TicketReader, asked

QUERIES = 20 + 2 * 12
"""What the plan below buys where nothing is lost: the teacher's own answers, and a pool for each strategy."""


class SteadyReader(TicketReader):
    """Says the same to the same words, whoever asks and whenever."""

    def __call__(self, messages: list[dict[str, str]]) -> str:
        want, text = asked(messages)
        rng = random.Random(hashlib.sha256(str(messages).encode()).digest())
        if want == "answer":
            return self.read(text)
        if want == "new":
            return self.new(rng)
        return f"{rng.choice(['In short:', 'As I said before,', 'Dear team,'])} {text.split(', ', 1)[-1]}"


def small_plan(server: OpenAIServer, student: Path, **changes: Any) -> dict[str, Any]:
    """Two strategies at one budget, every kind of cell: seconds of work on one core."""
    plan = ticket_plan(server.base_url, student, **changes)
    plan["seeds"] = plan["seeds"] | {"count": 24}
    plan["test"] = plan["test"] | {"holdout": 20, "teacher_items": 20}
    plan["grid"] = {
        "budgets": [12],
        "replicates": 1,
        "strategies": ["question_rephrase", "new_question"],
    } | changes.get("grid", {})
    # Cells of unlike length, and a control that takes the steps of the longest.
    plan["training"] = QUICK | {"max_length": 400, "min_steps": 2, "epochs": 2.0} | changes.get("training", {})
    plan["ceiling"] = {"queries": 200} | changes.get("ceiling", {})
    return plan


def filed(server: OpenAIServer, student: Path, store: Store, **changes: Any) -> str:
    """The id of such a pilot, queued."""
    return file_pilot(check_plan(small_plan(server, student, **changes)), store)


def started(run_id: str, *, kill_at: str | None = None, **environment: str) -> subprocess.Popen[bytes]:
    """A worker of that run in a process of its own; `kill_at` is a stage of `tests.killed_worker`."""
    module = ["engine.worker", run_id] if kill_at is None else ["tests.killed_worker", run_id, kill_at]
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"SEEDPILOT_HOME": str(Settings().home)} | environment,
    )


def wait_for(
    reached: Callable[[], object], process: subprocess.Popen[bytes] | None = None, most_s: float = 180
) -> None:
    """Until it is reached; the worker must not end before."""
    end = time.monotonic() + most_s
    while not reached():
        assert time.monotonic() < end, "it took too long"
        assert process is None or process.poll() is None, "the worker ended too early"
        time.sleep(0.02)


def ended(process: subprocess.Popen[bytes]) -> None:
    """Kills a worker, and waits until what it had started has noticed."""
    children = []
    if process.poll() is None:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    process.wait()
    wait_for(lambda: not any(_alive(child) for child in children))


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def money_holds(store: Store, run_id: str, server: OpenAIServer) -> bool:
    """settled <= what the server counts <= settled + unknown <= ceiling."""
    paid = account(store, run_id)
    ceiling = store.run(run_id).plan["ceiling"]["queries"]
    return paid.settled <= server.answered <= paid.settled + paid.unknown + paid.reserved <= ceiling


def results(store: Store, run_id: str) -> dict[str, Any]:
    """All that came of a pilot, to the bit: examples, adapters, replies, scores. Times and row numbers are left out."""
    found: dict[str, Any] = {}
    for row in store.cells(run_id):
        folder = Path(row.folder) if row.folder else None
        adapter = folder / "adapter" / "adapter_model.safetensors" if folder else None
        found[row.cell.key] = (
            row.state,
            row.measurement,
            row.outcomes,
            rows(folder / "predictions.jsonl") if folder else None,
            hashlib.sha256(adapter.read_bytes()).hexdigest() if adapter and adapter.exists() else None,
        )
    for pool in store.pools(run_id):
        examples = rows(Path(pool.folder) / "examples.jsonl")
        found[pool.name] = (dict(pool.counts), [(one["question"], one["answer"]) for one in examples])
    return found
