"""What is told of work while it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import progress
from engine.progress import Count
from engine.store import Store


class Told(Store):
    """A store that remembers what it was told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told: list[float] = []

    def progress(self, run_id: str, stage: str, done: float, total: float) -> None:
        self.told.append(done)
        super().progress(run_id, stage, done, total)


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
