"""What is told of work while it goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from engine import progress
from engine.progress import Count
from engine.store import Store


class Told(Store):
    """A store that remembers what it was told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told: list[float] = []

    def progress(self, run_id: str, stage: str, done: float, total: float, base: float = 0.0) -> None:
        self.told.append(done)
        super().progress(run_id, stage, done, total, base)


@pytest.fixture
def store(tmp_path: Path) -> Told:
    found = Told(tmp_path / "seedpilot.sqlite")
    found.file_run("a", "a", {}, "a")
    return found


def test_a_slow_teachers_every_reply_is_told_at_once(store: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    count = Count(store, "a", "Asking the teacher", 100)
    for done in range(1, 61):
        now += 5.0 if done % 8 == 1 else 0.01  # eight at once, then nothing for five seconds
        count.one()
        assert store.told[-1] == done
        assert store.run("a").done == done


def test_a_quick_teacher_costs_the_store_a_few_writes_a_second_and_the_last_piece_is_told(
    store: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    count = Count(store, "a", "Asking the teacher", 1000)
    for _ in range(1000):
        now += 0.01
        count.one()
    assert len(store.told) < 1 + 20 + 10 * 4 + 2
    assert store.told[-1] == store.run("a").done == 1000


def charge(store: Store, queries: int) -> None:
    """As the ledger does, so many more to the run."""
    with store.transaction() as connection:
        connection.execute(
            text("INSERT INTO charges VALUES ('a', :n, 0) ON CONFLICT (run_id) DO UPDATE SET queries = queries + :n"),
            {"n": queries},
        )


def test_what_is_found_in_the_ledger_says_nothing_of_the_time_left(store: Told) -> None:
    store.claim("a", 1, 0.0)
    charge(store, 7)  # by an earlier worker
    count = Count(store, "a", "Asking the teacher", 1000, paid=True)
    for _ in range(900):
        count.one()
    count.leave(0)
    found = store.run("a")
    assert (found.done, found.seconds_left, found.pace) == (900, None, None)
    for done in range(3):
        charge(store, 1)
        store._update("a", stage_started_at=time.time() - 10 * (done + 1))
        count.one()
        count.leave(0)
    found = store.run("a")
    assert found.stage_base == 900
    assert found.seconds_left == pytest.approx(97 * 10, rel=0.05), "ten seconds each, not 30 for 903"


def test_of_what_is_not_paid_the_pace_counts_from_the_first_piece(store: Told) -> None:
    store.claim("a", 1, 0.0)
    count = Count(store, "a", "Tuning", 10)
    store._update("a", stage_started_at=time.time() - 10)
    count.one()
    assert store.run("a").seconds_left == pytest.approx(90, rel=0.05)
