"""What happens to real pilots is done to them for real, and they end as an undisturbed one does, to the bit.

After every fault: settled <= what the server counts <= settled + unknown <= ceiling. Elsewhere: a full disk
(test_full_disk.py), pausing, cancelling and stopping (test_stopping.py), a browser tab that is closed while the worker
runs (tests/browser/test_pilot.py), batches (test_batches.py), the ledger alone (test_ledger_rules.py).
"""

import os
import random
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine import worker
from engine.domain import UNTRAINED, Baseline
from engine.job_files import FEWER, read_json
from engine.ledger import account
from engine.records import RunState
from engine.runs import summary
from engine.settings import Settings
from engine.store import Store
from tests.disturbed import QUERIES, SteadyReader, ended, filed, money_holds, results, started, wait_for
from tests.killed_worker import STAGES
from tests.openai_server import KEY, OpenAIServer, serving
from tests.small_students import build_tiny_student

MINUTES = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Undisturbed:
    """What comes of the pilot that every test disturbs, and how long it takes."""

    results: dict[str, Any]
    seconds: float


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(SteadyReader()) as server:
        yield server


@pytest.fixture(scope="module")
def undisturbed(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch, serving(SteadyReader()) as server:
        patch.setenv("SEEDPILOT_HOME", str(home))
        patch.setenv("SEEDPILOT_TEST_KEY", KEY)
        store = Store(Settings().store_path)
        run_id = filed(server, student, store)
        begun = time.monotonic()
        assert started(run_id).wait(timeout=600) == 0
        assert store.run(run_id).state is RunState.DONE, store.run(run_id).message
        assert (account(store, run_id).settled, server.answered) == (QUERIES, QUERIES)
        assert {row.state for row in store.cells(run_id)} == {"done"}, [row.message for row in store.cells(run_id)]
        return Undisturbed(results(store, run_id), time.monotonic() - begun)


def finishes_like(undisturbed: Undisturbed, store: Store, run_id: str, server: OpenAIServer) -> None:
    """Another worker ends the run, and nothing tells it from the undisturbed one but what was lost on the way."""
    assert money_holds(store, run_id, server)
    assert worker.run(run_id, store) is RunState.DONE, store.run(run_id).message
    is_like(undisturbed, store, run_id, server)


def is_like(undisturbed: Undisturbed, store: Store, run_id: str, server: OpenAIServer) -> None:
    assert store.run(run_id).state is RunState.DONE, store.run(run_id).message
    assert money_holds(store, run_id, server)
    assert account(store, run_id).settled == QUERIES, "each was bought once"
    found = results(store, run_id)
    assert found.keys() == undisturbed.results.keys()
    for name, one in undisturbed.results.items():
        assert found[name] == one, name


# --- killed -------------------------------------------------------------------------------------------


@MINUTES
@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_killed_at_the_end_of_a_stage_is_gone_on_with(
    stage: str, undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    process = started(run_id, kill_at=stage)
    assert process.wait(timeout=300) == -signal.SIGKILL, "it came to the end of that stage"
    finishes_like(undisturbed, store, run_id, server)


@MINUTES
@pytest.mark.slow
@pytest.mark.parametrize("draw", [0, 1])
def test_workers_killed_at_random_moments_do_no_harm(
    draw: int, undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    server.latency_s = 0.2  # so that many kills find queries on their way
    moments, run_id = random.Random(draw), filed(server, student, store)
    for _ in range(6):
        process = started(run_id)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moments.uniform(0.05, 0.7) * undisturbed.seconds)
        ended(process)
        assert money_holds(store, run_id, server)
        if store.run(run_id).state is RunState.DONE:
            break
    else:
        assert worker.run(run_id, store) is RunState.DONE, store.run(run_id).message
    is_like(undisturbed, store, run_id, server)


@MINUTES
@pytest.mark.slow
def test_a_worker_outlives_whoever_started_it(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    # As the app does: it launches, and is then killed with its whole process group, as a closed terminal does.
    said = f"from engine import launch; from engine.settings import Settings; launch.start({run_id!r}, Settings())"
    app = subprocess.Popen([sys.executable, "-c", f"{said}; import time; time.sleep(600)"], start_new_session=True)
    wait_for(lambda: account(store, run_id).settled, app)
    os.killpg(app.pid, signal.SIGKILL)
    app.wait()
    wait_for(lambda: store.run(run_id).state is not RunState.RUNNING, most_s=300)
    is_like(undisturbed, store, run_id, server)


# --- the store ----------------------------------------------------------------------------------------


@MINUTES
@pytest.mark.slow
def test_a_store_that_somebody_locks_for_ten_seconds_is_waited_for(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    server.latency_s = 0.1
    run_id = filed(server, student, store)
    process = started(run_id)
    try:
        for reached in (lambda: account(store, run_id).settled > 10, lambda: len(done(store, run_id)) > 2):
            wait_for(reached, process)
            other = sqlite3.connect(store.path, isolation_level=None, timeout=30)
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(10)
            other.execute("ROLLBACK")
            other.close()
        assert process.wait(timeout=300) == 0
    finally:
        ended(process)
    is_like(undisturbed, store, run_id, server)
    assert account(store, run_id).unknown == 0


def done(store: Store, run_id: str) -> list[str]:
    return [row.cell.key for row in store.cells(run_id) if row.state == "done"]


@MINUTES
@pytest.mark.slow
def test_two_workers_on_one_run_do_its_work_once(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    both = [started(run_id), started(run_id)]
    try:
        assert [process.wait(timeout=600) for process in both] == [0, 0]
    finally:
        for process in both:
            ended(process)
    is_like(undisturbed, store, run_id, server)
    assert server.answered == QUERIES


@MINUTES
@pytest.mark.slow
def test_a_second_worker_takes_over_from_one_that_is_killed(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    first = started(run_id)
    wait_for(lambda: account(store, run_id).settled > 5, first)
    second = started(run_id)  # waits for the machine
    time.sleep(8)
    ended(first)
    try:
        assert second.wait(timeout=600) == 0
    finally:
        ended(second)
    is_like(undisturbed, store, run_id, server)


@MINUTES
@pytest.mark.slow
def test_two_runs_of_two_workers_take_turns_and_share_what_is_paid(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    runs = [filed(server, student, store) for _ in range(2)]
    both = [started(run_id) for run_id in runs]
    try:
        assert [process.wait(timeout=600) for process in both] == [0, 0]
    finally:
        for process in both:
            ended(process)
    assert server.answered == QUERIES
    assert sorted(account(store, run_id).queries for run_id in runs) == [0, QUERIES]
    assert [results(store, run_id) for run_id in runs] == [undisturbed.results] * 2


# --- the endpoint -------------------------------------------------------------------------------------


@MINUTES
@pytest.mark.slow
def test_an_endpoint_that_is_gone_for_a_while_is_waited_for(undisturbed: Undisturbed, store: Store, student: Path):
    reader, port = SteadyReader(), free_port()
    first = OpenAIServer(reader, port=port)
    first.latency_s = 0.1
    serve(first)
    run_id = filed(first, student, store)
    process = started(run_id)
    try:
        wait_for(lambda: account(store, run_id).settled > 25, process)
        first.go_down()
        time.sleep(60)
        assert process.poll() is None, "it waits"
        second = OpenAIServer(reader, port=port)
        second.answered = first.answered
        serve(second)
        assert process.wait(timeout=300) == 0
        is_like(undisturbed, store, run_id, second)
        second.go_down()
    finally:
        ended(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(server: OpenAIServer) -> None:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@MINUTES
@pytest.mark.slow
def test_an_endpoint_that_only_fails_stops_the_run_which_goes_on_when_it_is_well(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    server.voice = turning(server, 25, lambda: server.fault_rates.update({"500": 1.0}))
    assert worker.run(run_id, store) is RunState.FAILED
    assert "(500)" in store.run(run_id).message
    server.fault_rates.clear()
    server.voice = SteadyReader()
    finishes_like(undisturbed, store, run_id, server)
    assert account(store, run_id).unknown > 0, "a failure of the server may have been charged"


def turning(server: OpenAIServer, after: int, turn: Callable[[], object]) -> Callable[[list[dict[str, str]]], str]:
    """The steady voice, after so many replies of which something turns."""
    reader = SteadyReader()

    def voice(messages: list[dict[str, str]]) -> str:
        if server.answered >= after:
            turn()
        return reader(messages)

    return voice


@MINUTES
@pytest.mark.slow
def test_a_key_that_is_revoked_half_way_is_asked_for_and_another_goes_on(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
):
    run_id = filed(server, student, store)
    server.voice = turning(server, 25, lambda: setattr(server, "key", "sk-another"))
    assert worker.run(run_id, store) is RunState.WAITING_FOR_KEY
    run = store.run(run_id)
    assert "refused the key (401)" in run.message
    assert "resume with a key that works" in run.message
    assert KEY not in run.message
    settled = account(store, run_id).settled
    assert 25 <= settled < QUERIES
    assert worker.run(run_id, store) is RunState.WAITING_FOR_KEY, "the same key is refused again"
    assert (account(store, run_id).settled, account(store, run_id).unknown) == (settled, 0)
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", "sk-another")
    finishes_like(undisturbed, store, run_id, server)
    assert account(store, run_id).unknown == 0


@MINUTES
@pytest.mark.slow
def test_garbage_lost_and_cut_replies_are_asked_for_again_and_leave_no_trace_in_the_results(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    server.faults = [fault for fault in ("garbage", "cut_connection", "500", "dropped", "429") for _ in range(2)]
    run_id = filed(server, student, store)
    finishes_like(undisturbed, store, run_id, server)
    assert account(store, run_id).unknown == 8, "a 429 alone is known to be free"


def test_an_endpoint_that_says_only_garbage_stops_the_run_within_its_ceiling(
    store: Store, student: Path, server: OpenAIServer
):
    server.fault_rates = {"garbage": 1.0}
    run_id = filed(server, student, store)
    assert worker.run(run_id, store) is RunState.FAILED
    assert "no chat completion" in store.run(run_id).message
    assert money_holds(store, run_id, server)
    assert account(store, run_id).settled == 0


# --- the student --------------------------------------------------------------------------------------


@MINUTES
@pytest.mark.slow
def test_a_student_that_diverges_fails_its_cells_and_each_says_why(store: Store, tmp_path: Path, server: OpenAIServer):
    broken = build_tiny_student(tmp_path / "broken")
    model = AutoModelForCausalLM.from_pretrained(broken)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1e38)
    model.save_pretrained(broken)
    run_id = filed(server, broken, store)
    state = worker.run(run_id, store)
    assert money_holds(store, run_id, server)
    trained = [row for row in store.cells(run_id) if row.cell.arm not in (*UNTRAINED, Baseline.TEACHER)]
    failed = [row for row in trained if row.state == "failed"]
    assert failed
    assert all(re.search(r"the (loss|gradient) became (nan|inf).* at step 1 of", row.message) for row in failed)
    assert not any(row.state == "done" for row in trained)
    assert not list(store.folder(run_id).glob("cells/*/adapter")), "no adapter of no numbers is kept"
    assert state is RunState.DONE, "the untuned student and the teacher are measured"
    assert f"{len(failed)} cells failed; the first said: {failed[0].message}" in store.run(run_id).message
    summary(store, run_id)


@MINUTES
@pytest.mark.slow
def test_after_the_system_killed_the_training_processes_the_run_goes_on_with_fewer(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    process = started(run_id)
    cells = store.folder(run_id) / "cells"
    wait_for(lambda: list(cells.glob("*/progress.json")), process)
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()  # as the kernel does
    assert process.wait(timeout=900) == 0
    is_like(undisturbed, store, run_id, server)
    assert read_json(cells / "packs" / FEWER) is not None, "and says so among the settings"


@MINUTES
@pytest.mark.slow
def test_a_machine_without_room_for_training_says_so_and_with_room_it_goes_on(
    undisturbed: Undisturbed, store: Store, student: Path, server: OpenAIServer
):
    run_id = filed(server, student, store)
    process = started(run_id)
    wait_for(lambda: store.run(run_id).stage == "Asking the teacher", process)
    # Its processes inherit the limit as they begin: they have too little room for the libraries alone.
    resource.prlimit(process.pid, resource.RLIMIT_AS, (700_000_000, resource.RLIM_INFINITY))
    server.latency_s = 0.0
    assert process.wait(timeout=300) == 0
    run = store.run(run_id)
    assert run.state is RunState.FAILED, run.message
    assert "memory" in run.message
    finishes_like(undisturbed, store, run_id, server)
