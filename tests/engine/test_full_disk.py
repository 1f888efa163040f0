"""A disk that is really full: a small tmpfs."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import worker
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.store import Store
from tests.openai_server import KEY, serving
from tests.pilots import ticket_plan
from tests.small_students import build_tiny_student
from tests.voices import TicketReader


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_with_one_message_and_loses_no_reply(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    reader = TicketReader()

    def wordy(messages: list[dict[str, str]]) -> str:
        return f"{'So I thought about it. ' * 2500}{reader(messages)}" if "Rephrase" not in str(messages) else "Hello."

    student = build_tiny_student(tmp_path / "tiny")
    store = Store(small_disk / "seedpilot.sqlite")
    with serving(wordy) as server:
        plan = ticket_plan(
            server.base_url, student, grid={"budgets": [40], "replicates": 1, "strategies": ["question_rephrase"]}
        )
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.FAILED
        run = store.run(run_id)
        assert "is full; what was paid for until now is kept. Free some space there, then resume the run" in run.message
        paid = account(store, run_id)
        assert 0 < paid.settled == server.answered < 80, "it filled up on the way, and every reply was kept"
        assert (paid.unknown, paid.reserved) == (0, 0)

        subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
        assert worker.run(run_id, store) == RunState.DONE
        assert account(store, run_id).settled == server.answered == 80, "none was bought twice"
