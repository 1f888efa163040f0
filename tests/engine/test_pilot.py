"""A real pilot, small: a real server, a real LoRA run per cell, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from peft import PeftModel
from pydantic import SecretStr
from transformers import AutoModelForCausalLM

from engine import worker
from engine.domain import UNTRAINED, Baseline
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot, summary
from engine.store import Store
from tests.openai_server import KEY, OpenAIServer, serving
from tests.pilots import rows, ticket_plan
from tests.voices import TicketReader


def holds(store: Store, run_id: str, server: OpenAIServer) -> bool:
    paid = account(store, run_id)
    return paid.settled <= server.answered <= paid.settled + paid.unknown


def test_a_pilot_ends_with_data_sets_adapters_and_measured_accuracies(store: Store, student: Path):
    with serving(TicketReader(), fault_rates={"429": 0.05, "500": 0.03, "garbage": 0.03}) as server:
        run_id = file_pilot(check_plan(ticket_plan(server.base_url, student)), store)
        assert worker.run(run_id, store) == RunState.DONE
        assert holds(store, run_id, server)
    cells = {row.cell.arm: row for row in store.cells(run_id)}
    assert len(cells) == 6, "the untuned, shown examples too, the teacher, the seeds alone, two strategies"
    for arm, row in cells.items():
        assert row.state == "done"
        assert row.measurement is not None
        assert row.measurement.scored + row.measurement.not_scored == 40
        assert row.folder is not None
        predictions = rows(Path(row.folder) / "predictions.jsonl")
        assert sum(p["outcome"] == "right" for p in predictions) == row.measurement.correct
        assert (Path(row.folder) / "adapter" / "adapter_model.safetensors").exists() == (arm not in UNTRAINED)
    teacher = cells[Baseline.TEACHER].measurement
    assert teacher is not None
    assert teacher.correct > 30, "a rule-based reader gets most tickets right"
    for pool in store.pools(run_id):
        assert sum(pool.counts.values()) == 20, "two queries an example"
        assert len(rows(Path(pool.folder) / "examples.jsonl")) == pool.counts["kept"]
    # an adapter is plain peft
    folder = next(row.folder for row in cells.values() if row.cell.budget)
    PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(student), Path(folder or "") / "adapter")
    json.dumps(summary(store, run_id), allow_nan=False)


def test_a_finished_grid_run_again_asks_nothing(store: Store, student: Path):
    with serving(TicketReader()) as server:
        plan = check_plan(
            ticket_plan(
                server.base_url, student, grid={"budgets": [10], "replicates": 1, "strategies": ["new_question"]}
            )
        )
        first = file_pilot(plan, store)
        assert worker.run(first, store) == RunState.DONE
        asked = server.requests
        second = file_pilot(plan, store)
        assert worker.run(second, store) == RunState.DONE
        assert server.requests == asked
    assert account(store, second).queries == 0
    assert "replies were there already" in store.run(second).message
    results = [[row.measurement for row in store.cells(run_id)] for run_id in (first, second)]
    assert results[0] == results[1], "one plan on one machine gives the same numbers"


def test_a_worker_killed_anywhere_leaves_a_run_that_another_worker_finishes(store: Store, student: Path):
    with serving(TicketReader()) as server:
        server.latency_s = 0.05
        run_id = file_pilot(check_plan(ticket_plan(server.base_url, student)), store)
        for reached in (lambda: account(store, run_id).settled > 30, lambda: _done(store, run_id) >= 2):
            process = subprocess.Popen([sys.executable, "-m", "engine.worker", run_id], stdin=subprocess.DEVNULL)
            _wait(reached, process)
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
            _wait(lambda: not any(_alive(child) for child in children), None)  # noqa: B023
        done = _done(store, run_id)
        assert worker.run(run_id, store) == RunState.DONE
        assert holds(store, run_id, server)
        paid = account(store, run_id)
        assert paid.unknown <= 16, "at most what was on its way when the two workers died"
        assert paid.settled == 120, "40 of the teacher's own and 40 of each strategy, each bought once"
    assert _done(store, run_id) == len(store.cells(run_id)) >= done


def _done(store: Store, run_id: str) -> int:
    return sum(row.state == "done" and row.cell.arm != Baseline.TEACHER for row in store.cells(run_id)) + 1


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _wait(reached: object, process: "subprocess.Popen[bytes] | None") -> None:
    end = time.time() + 120
    while not reached():  # type: ignore[operator]
        assert time.time() < end
        assert process is None or process.poll() is None, "the worker ended too early"
        time.sleep(0.05)


def test_a_missing_key_makes_the_run_wait_and_nothing_is_asked(store: Store, student: Path):
    os.environ.pop("SEEDPILOT_TEST_KEY")
    with serving(TicketReader()) as server:
        run_id = file_pilot(check_plan(ticket_plan(server.base_url, student)), store)
        assert worker.run(run_id, store) == RunState.WAITING_FOR_KEY
        assert server.requests == 0
    assert "SEEDPILOT_TEST_KEY is not set" in store.run(run_id).message


def test_a_typed_key_is_asked_again_after_a_restart_and_the_run_then_goes_on(store: Store, student: Path):
    with serving(TicketReader()) as server:
        plan = ticket_plan(
            server.base_url, student, grid={"budgets": [4], "replicates": 1, "strategies": ["new_question"]}
        )
        plan["teacher"] = {k: v for k, v in plan["teacher"].items() if k != "key_env"} | {"key_typed": True}
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.WAITING_FOR_KEY
        assert "keys are never stored" in store.run(run_id).message
        worker.run_queue(store)
        assert server.requests == 0, "a worker without the key leaves the run alone"
        assert worker.run(run_id, store, SecretStr(KEY)) == RunState.DONE


@pytest.mark.slow  # tests/engine/test_stopping.py pauses too, with a slower teacher
def test_pausing_keeps_what_was_paid_and_resuming_goes_on(store: Store, student: Path):
    with serving(TicketReader()) as server:
        server.latency_s = 0.1
        run_id = file_pilot(
            check_plan(ticket_plan(server.base_url, student, grid={"budgets": [20], "replicates": 1})), store
        )
        process = subprocess.Popen([sys.executable, "-m", "engine.worker", run_id], stdin=subprocess.DEVNULL)
        _wait(lambda: account(store, run_id).settled > 10, process)
        store.ask(run_id, "pause")
        assert process.wait(timeout=60) == 0
        paused = account(store, run_id)
        assert store.run(run_id).state == RunState.PAUSED
        assert (paused.reserved, paused.unknown) == (0, 0), "what was sent was waited for"
        assert worker.run(run_id, store) == RunState.DONE
        assert account(store, run_id).unknown == 0
