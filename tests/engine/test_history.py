"""Finding runs again, and deleting one: what it frees, and what never goes."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.deletion import delete, deletion
from engine.domain import Reply, Request
from engine.errors import InputError
from engine.history import Wanted, search
from engine.ledger import Ceiling, Ledger, Origin, account
from engine.records import LOST_AFTER_S, RunState
from engine.settings import Settings
from engine.store import Store
from tests.pages import filled


@pytest.fixture
def store() -> Store:
    return Store(Settings().store_path)


def filed(store: Store, run_id: str, **plan: object) -> str:
    return store.file_run(run_id, str(plan.get("name", run_id)), plan, run_id)


def names(store: Store, **wanted: object) -> list[str]:
    return [run.id for run in search(store, Wanted(**wanted)).runs]  # type: ignore[arg-type]


def test_runs_are_found_by_name_task_student_and_teacher_whatever_the_case(store: Store):
    filed(store, "a", name="Ärger mit Rechnungen", task="/home/x/0-tickets.toml", student="Qwen/Qwen2.5-0.5B")
    filed(store, "b", name="sums", task="math", teacher={"model": "gpt-4o-mini", "base_url": "https://api.openai.com"})
    assert names(store, words="ÄRGER") == names(store, words="tickets") == names(store, words="qwen rechn") == ["a"]
    assert names(store, words="MINI") == names(store, words="openai") == names(store, words="math sums") == ["b"]
    assert names(store, words="qwen math") == [], "all words must be found"
    assert names(store, words="home") == [], "the folder that files lie in is no word of a run"


@pytest.mark.parametrize("word", ["%", "_", "'", '"', "\\", "--", "' OR 1=1", "💥"])
def test_what_is_typed_is_looked_for_as_it_stands(store: Store, word: str):
    filed(store, "a", name="plain")
    filed(store, "b", name=f"with {word} in it")
    assert names(store, words=word) == ["b"]


def test_runs_are_found_by_state_and_a_silent_one_is_lost(store: Store):
    for run_id in ("queued", "lost", "done"):
        filed(store, run_id)
    store.claim("lost", 1, 0.0)
    store._update("lost", heartbeat_at=time.time() - LOST_AFTER_S - 1)
    store.finish("done", RunState.DONE)
    for state in (RunState.QUEUED, RunState.LOST, RunState.DONE):
        assert names(store, states=[state]) == [state.value]
    assert names(store, states=[RunState.RUNNING]) == []


def test_runs_are_found_by_day_the_last_one_included(store: Store):
    for day in (20, 21, 22):
        filed(store, str(day))
        store._update(str(day), created_at=time.mktime((2026, 11, day, 12, 0, 0, 0, 0, -1)))
    assert names(store, since=date(2026, 11, 21)) == ["22", "21"]
    assert names(store, until=date(2026, 11, 21)) == ["21", "20"]
    assert names(store, since=date(2026, 11, 21), until=date(2026, 11, 21)) == ["21"]


def test_a_page_of_them_says_how_many_there_are(store: Store):
    for number in range(7):
        filed(store, f"{number}")
    found = search(store, Wanted(), most=3, skip=3)
    assert (found.total, [run.id for run in found.runs]) == (7, ["3", "2", "1"])


def paid(store: Store, run_id: str, key: str) -> object:
    """What a run's ledger gives for that key: the reply where it is there, else a new reservation's number."""
    ledger = Ledger(store, run_id, Ceiling(None, None), lambda _: 0.01, lambda _: 0.004)
    with store.transaction() as connection:
        got = ledger.reserve(key, Request((), 10, 0.0, 0), Origin("t", "s", "i"), connection)
    if isinstance(got, int):
        with store.transaction() as connection:
            ledger.settle(got, key, Reply("Four. #### 4", "stop", 5, 5), connection)
    return got


def test_a_deleted_run_frees_its_folder_and_its_replies_are_not_bought_again(store: Store):
    run_id = filled.run(store)
    other = filed(store, "other", name="other")
    assert isinstance(paid(store, run_id, "the question"), int)
    before = account(store, run_id)
    on_disk = sum(path.stat().st_size for path in store.folder(run_id).rglob("*") if path.is_file())
    measured = len(store.measurements(run_id))
    told = delete(store, run_id)
    assert (told.frees, told.cells, told.replies) == (on_disk, measured, 4901)
    assert not store.folder(run_id).exists()
    assert [run.id for run in store.runs()] == names(store) == [other]
    assert (store.cells(run_id), store.pools(run_id)) == ([], [])
    assert account(store, run_id) == before, "what was charged is never forgotten"
    reply = paid(store, other, "the question")
    assert not isinstance(reply, int)
    assert account(store, other).queries == 0, "found, not bought"
    with pytest.raises(InputError, match=r"was deleted on \d{4}-\d\d-\d\d"):
        store.run(run_id)


def test_the_same_plan_can_be_filed_anew_after_its_run_was_deleted(store: Store):
    store.file_run("first", "p", {}, "the same contents")
    store.finish("first", RunState.DONE)
    delete(store, "first")
    assert store.file_run("second", "p", {}, "the same contents") == "second"
    assert names(store) == ["second"]


def test_nothing_of_a_deleted_plan_stays_in_the_store(store: Store):
    run_id = filed(store, "r", name="n", task="/secret/place/task.toml")
    store.finish(run_id, RunState.DONE, "/secret/place could not be read")
    delete(store, run_id)
    with store.reading() as connection:
        row = connection.execute(text("SELECT * FROM runs")).mappings().one()
    assert "secret" not in str(dict(row))


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING])
def test_a_run_that_is_alive_is_not_deleted(store: Store, state: RunState):
    run_id = filled.run(store, state=state)
    with pytest.raises(InputError, match="cancel it first"):
        delete(store, run_id)
    assert store.run(run_id).state is state


def test_a_run_with_a_batch_on_its_way_is_deleted_only_once_it_is_given_up(store: Store):
    run_id = filled.run(store, state=RunState.PAUSED)
    with store.transaction() as connection:
        connection.execute(
            text("INSERT INTO batches (name, run_id, state, created_at) VALUES ('b', :r, 'open', 0)"), {"r": run_id}
        )
        connection.execute(
            text("UPDATE queries SET state = 'reserved', batch = 'b' WHERE key = :k"), {"k": f"{run_id}-0"}
        )
    with pytest.raises(InputError, match="1 queries in a batch on their way, which are paid for; resume it"):
        delete(store, run_id)
    store.ask(run_id, "cancel")
    assert not deletion(store, run_id).problem


def test_a_folder_that_a_kill_left_behind_goes_when_the_same_is_asked_again(store: Store):
    run_id = filled.run(store)
    delete(store, run_id)
    (store.folder(run_id) / "cells").mkdir(parents=True)
    with pytest.raises(InputError, match="was deleted on"):
        delete(store, run_id)
    assert not store.folder(run_id).exists()


def test_a_data_set_outside_is_the_users_own_and_stays(store: Store, tmp_path: Path):
    (tmp_path / "data").mkdir()
    run_id = filed(store, "data-1", full={"folder": str(tmp_path / "data")})
    store.finish(run_id, RunState.DONE)
    assert delete(store, run_id).elsewhere == tmp_path / "data"
    assert (tmp_path / "data").exists()
