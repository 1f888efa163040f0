"""Pause, cancel, stop and keep: each takes effect within five seconds, and what was paid for is not lost."""

import time
from collections import Counter
from pathlib import Path

import pytest

from engine import worker
from engine.domain import UNTRAINED, Baseline
from engine.errors import InputError
from engine.heart import ask
from engine.history import Wanted, search
from engine.ledger import account
from engine.records import RunState
from engine.runs import advice, summary
from engine.stopping import CANCEL, PAUSE, STOP
from engine.store import Store
from tests.disturbed import QUERIES, SteadyReader, ended, filed, money_holds, started, wait_for
from tests.openai_server import serving
from tests.pages import filled

WITHIN_S = 5.0


def seconds_until(store: Store, run_id: str, state: RunState) -> float:
    begun = time.monotonic()
    wait_for(lambda: store.run(run_id).state is state, most_s=30)
    return time.monotonic() - begun


def test_a_run_that_is_asked_to_pause_is_pausing_at_once_everywhere(store: Store):
    run_id = filled.run(store, state=RunState.RUNNING)
    store.ask(run_id, PAUSE)
    assert store.run(run_id).state is RunState.PAUSING
    assert [run.state for run in store.runs()] == [RunState.PAUSING]
    assert [run.id for run in search(store, Wanted(states=[RunState.PAUSING])).runs] == [run_id]
    assert not search(store, Wanted(states=[RunState.RUNNING])).runs
    assert summary(store, run_id)["state"] == "pausing"


@pytest.mark.parametrize(("request_", "state"), [(PAUSE, RunState.PAUSED), (CANCEL, RunState.CANCELLED)])
def test_a_run_whose_worker_is_dead_obeys_at_once(store: Store, request_: str, state: RunState):
    run_id = filled.run(store, state=RunState.RUNNING)
    store._update(run_id, worker_pid=2**22 + 1, worker_started_at=0.0)  # no process has that number
    ask(store, run_id, request_)
    assert store.run(run_id).state is state


def test_a_lost_run_that_was_asked_to_cancel_is_not_taken_up_by_the_next_worker(store: Store):
    run_id = filled.run(store, state=RunState.RUNNING)
    store.ask(run_id, CANCEL)
    store._update(run_id, worker_pid=2**22 + 1, worker_started_at=0.0)
    worker.run_queue(store)
    assert store.run(run_id).state is RunState.CANCELLED


def test_only_pilots_that_have_begun_and_not_ended_can_stop_and_keep(store: Store):
    for run_id, state, why in (
        ("check-20261121-090000-aaaa", RunState.PAUSED, "trains no cells"),
        ("20261121-090000-bbbb", RunState.DONE, "is done"),
        ("20261121-090000-cccc", RunState.QUEUED, "is queued"),
    ):
        filled.run(store, run_id, state)
        with pytest.raises(InputError, match=why):
            store.ask(run_id, STOP)


@pytest.mark.parametrize(
    ("request_", "state"),
    [(PAUSE, RunState.PAUSED), pytest.param(CANCEL, RunState.CANCELLED, marks=pytest.mark.slow)],
)
def test_a_slow_teacher_holds_nothing_up_and_its_replies_are_still_taken_in(
    store: Store, student: Path, request_: str, state: RunState
):
    with serving(SteadyReader()) as server:
        server.latency_s = 8.0
        run_id = filed(server, student, store)
        process = started(run_id)
        try:
            wait_for(lambda: server.answered == 8, process)
            ask(store, run_id, request_)
            assert store.run(run_id).state is (RunState.PAUSING if request_ == PAUSE else RunState.RUNNING)
            assert seconds_until(store, run_id, state) < WITHIN_S
            assert account(store, run_id).reserved == 8, "they are on their way still"
            assert "still taken in" in store.run(run_id).message
            assert process.wait(timeout=30) == 0
        finally:
            ended(process)
        paid = account(store, run_id)
        assert (paid.settled, paid.unknown, paid.reserved) == (8, 0, 0) == (server.answered, 0, 0)
        assert store.run(run_id).state is state
        assert "still taken in" not in store.run(run_id).message


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "state"), [(PAUSE, RunState.PAUSED), (CANCEL, RunState.CANCELLED)])
def test_training_ends_within_five_seconds(store: Store, student: Path, request_: str, state: RunState):
    with serving(SteadyReader()) as server:
        long = {"min_steps": 100_000, "epochs": 1.0, "batch_size": 8, "learning_rate": 2e-4, "max_length": 400}
        run_id = filed(server, student, store, training=long)
        process = started(run_id)
        try:
            wait_for(lambda: list(store.folder(run_id).glob("cells/*/progress.json")), process)
            ask(store, run_id, request_)
            assert seconds_until(store, run_id, state) < WITHIN_S
            steps = [path.read_text() for path in sorted(store.folder(run_id).glob("cells/*/progress.json"))]
            assert process.wait(timeout=60) == 0, "putting its libraries away takes seconds"
            assert steps == [path.read_text() for path in sorted(store.folder(run_id).glob("cells/*/progress.json"))]
        finally:
            ended(process)


@pytest.mark.slow
def test_a_pause_that_is_resumed_while_replies_are_on_their_way_buys_none_of_them_twice(store: Store, student: Path):
    with serving(SteadyReader()) as server:
        server.latency_s = 8.0
        run_id = filed(server, student, store)
        first = started(run_id)
        wait_for(lambda: server.answered == 8, first)
        ask(store, run_id, PAUSE)
        seconds_until(store, run_id, RunState.PAUSED)
        server.latency_s = 0.0
        second = started(run_id)
        try:
            assert second.wait(timeout=300) == 0
        finally:
            ended(first)
            ended(second)
        assert store.run(run_id).state is RunState.DONE
        assert (account(store, run_id).settled, account(store, run_id).unknown) == (QUERIES, 0)
        assert server.answered == QUERIES


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True], ids=["heard by its worker", "killed before it is heard"])
def test_stop_and_keep_scores_what_is_trained_and_counts_the_rest_as_not_run(store: Store, student: Path, killed: bool):
    with serving(SteadyReader()) as server:
        # Answers take long: the first adapters are whole well before they are scored.
        run_id = filed(server, student, store, max_new_tokens=400)
        process = started(run_id)
        adapters = store.folder(run_id) / "cells"
        wait_for(lambda: len(list(adapters.glob("*/adapter/done.json"))) >= 2, process)
        if killed:
            ended(process)
        ask(store, run_id, STOP)
        if killed:
            assert worker.run(run_id, store) is RunState.DONE
        else:
            try:
                assert process.wait(timeout=300) == 0
            finally:
                ended(process)
        assert money_holds(store, run_id, server)
    run, cells = store.run(run_id), store.cells(run_id)
    assert run.state is RunState.DONE
    counts = Counter(row.state for row in cells)
    trained = {path.parent.parent.name for path in adapters.glob("*/adapter/done.json")}
    done = {row.cell.key for row in cells if row.state == "done"}
    assert trained <= done, "what was trained is scored"
    assert all(row.cell.key in trained for row in cells if row.state == "done" and row.cell.arm not in UNTRAINED)
    assert counts["skipped"]
    assert not counts["waiting"]
    assert all("you stopped the pilot" in row.message for row in cells if row.state == "skipped")
    assert f"{counts['done']} of {len(cells)} cells are measured, {counts['skipped']} were not run" in run.message
    assert run.message.startswith("Stopped by you")
    assert any(row.cell.arm == Baseline.TEACHER for row in cells if row.state == "done")
    advice(run, cells, store.pools(run_id))
    summary(store, run_id)
