import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from engine.domain import Baseline, Cell, Measurement, Strategy
from engine.errors import InputError, StoreError
from engine.migrations import STEPS
from engine.records import LOST_AFTER_S, RunState
from engine.store import Store

CELL = Cell(Strategy.NEW_QUESTION, 100, 200, 0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home" / "seedpilot.sqlite")


def filed(store: Store, run_id: str = "r1") -> str:
    return store.file_run(run_id, "pilot", {"task": "math"}, f"token-{run_id}")


def test_a_filed_run_is_queued_and_its_plan_comes_back(store: Store):
    run = store.run(filed(store))
    assert (run.state, run.plan) == (RunState.QUEUED, {"task": "math"})


def test_the_same_start_token_never_makes_a_second_run(store: Store):
    assert store.file_run("a", "pilot", {}, "one click") == "a"
    assert store.file_run("b", "pilot", {}, "one click") == "a"
    assert len(store.runs()) == 1


def test_only_one_worker_gets_a_run(store: Store):
    run_id = filed(store)
    other = Store(store.path)
    assert [store.claim(run_id, 1, 0.0), other.claim(run_id, 2, 0.0)] == [True, False]


def test_a_run_whose_worker_fell_silent_is_lost_and_can_be_claimed_again(store: Store):
    run_id = filed(store)
    store.claim(run_id, 1, 0.0)
    with store.transaction() as connection:
        connection.execute(text("UPDATE runs SET heartbeat_at = :t"), {"t": time.time() - LOST_AFTER_S - 1})
    assert store.run(run_id).state == RunState.LOST
    assert store.claim(run_id, 2, 0.0)


@pytest.mark.parametrize("state", [RunState.DONE, RunState.CANCELLED])
def test_a_finished_run_is_never_claimed_again(store: Store, state: RunState):
    run_id = filed(store)
    store.finish(run_id, state)
    assert not store.claim(run_id, 1, 0.0)


def test_a_request_reaches_the_worker_with_its_next_heartbeat(store: Store):
    run_id = filed(store)
    store.claim(run_id, 1, 0.0)
    store.ask(run_id, "pause")
    assert store.heartbeat(run_id) == "pause"


def test_a_queued_run_is_cancelled_at_once(store: Store):
    run_id = filed(store)
    store.ask(run_id, "cancel")
    assert store.run(run_id).state == RunState.CANCELLED


def test_the_time_left_follows_the_pace_of_the_stage(store: Store):
    run_id = filed(store)
    store.claim(run_id, 1, 0.0)
    store.progress(run_id, "Training", 0, 10)
    assert store.run(run_id).seconds_left is None
    with store.transaction() as connection:
        connection.execute(text("UPDATE runs SET stage_started_at = :t"), {"t": time.time() - 10})
    store.progress(run_id, "Training", 2, 10)
    assert store.run(run_id).seconds_left == pytest.approx(40, rel=0.05)


def test_a_cells_measurement_comes_back_as_it_was(store: Store):
    run_id = filed(store)
    store.plan_cells(run_id, [Cell(Baseline.UNTUNED, 100, 0, 0), CELL])
    measured = Measurement(CELL, correct=7, scored=9, not_scored=1, examples=80, mean_value=0.8)
    outcomes = (1.0, 0.0, None)
    store.record_cell(run_id, measured, outcomes, {"steps": 100}, "/somewhere")
    untuned, row = store.cells(run_id)
    assert (untuned.state, untuned.measurement) == ("waiting", None)
    assert (row.measurement, row.outcomes, row.detail) == (
        replace(measured, outcomes=outcomes),
        outcomes,
        {"steps": 100},
    )


def test_planning_cells_again_keeps_what_was_measured(store: Store):
    run_id = filed(store)
    store.plan_cells(run_id, [CELL])
    store.record_cell(run_id, Measurement(CELL, 1, 2, 0, 3), [], {}, None)
    store.plan_cells(run_id, [CELL])
    assert [row.state for row in store.cells(run_id)] == ["done"]


def test_an_unknown_run_is_named_with_what_to_do(store: Store):
    with pytest.raises(InputError, match=r"run 'nope' is not in .* `seedpilot runs` lists"):
        store.run("nope")


def test_a_file_that_is_no_store_is_refused(tmp_path: Path):
    path = tmp_path / "seedpilot.sqlite"
    path.write_bytes(b"this is no database, and it is long enough to be looked at as one" * 20)
    with pytest.raises(StoreError, match=r"seedpilot\.sqlite cannot be used"):
        Store(path)


def test_opening_a_store_twice_migrates_it_once(store: Store):
    filed(store)
    Store(store.path)
    with sqlite3.connect(store.path) as connection:
        assert connection.execute("SELECT version FROM meta").fetchall() == [(len(STEPS),)]


def test_a_store_of_the_first_schema_is_brought_up_with_what_it_charged(tmp_path: Path):
    old = sqlite3.connect(tmp_path / "seedpilot.sqlite")
    with create_engine(f"sqlite:///{tmp_path / 'seedpilot.sqlite'}").begin() as connection:
        STEPS[0](connection)
        connection.execute(text("CREATE TABLE meta (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO meta VALUES (1)"))
    old.execute(
        "INSERT INTO runs (id, name, plan, start_token, state, created_at) VALUES ('r1', 'p', '{}', 't', 'done', 0)"
    )
    rows = [("settled", 0.01, 0.004), ("settled", 0.01, None), ("unknown", 0.01, None), ("released", 0.01, None)]
    rows += [("reserved", None, None)]
    for number, (state, reserved, paid) in enumerate(rows):
        old.execute(
            "INSERT INTO queries (run_id, key, strategy, seed_id, sample_index, teacher, state, reserved_usd, "
            "reply_usd, reply, finish_reason, created_at) VALUES ('r1', ?, 's', 'i', 0, 't', ?, ?, ?, 'hi', 'stop', 0)",
            (f"k{number}", state, reserved, paid),
        )
    old.commit()
    Store(tmp_path / "seedpilot.sqlite")
    assert old.execute("SELECT version FROM meta").fetchall() == [(len(STEPS),)]
    assert old.execute("SELECT run_id, queries FROM charges").fetchall() == [("r1", 4)]
    assert old.execute("SELECT usd FROM charges").fetchone()[0] == pytest.approx(0.024)
    old.execute("UPDATE queries SET state = 'released' WHERE key = 'k2'")
    old.execute("UPDATE queries SET state = 'settled', reply_usd = 0.002 WHERE key = 'k4'")
    assert old.execute("SELECT queries, round(usd, 6) FROM charges").fetchall() == [(3, 0.016)]
    assert old.execute("SELECT count(*) FROM queries WHERE reply = 'hi'").fetchone() == (5,), "nothing is lost"
