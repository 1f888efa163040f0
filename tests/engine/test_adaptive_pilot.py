"""A real adaptive pilot: its steps are on the disk, and killed in the middle it takes the same ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine import worker
from engine.adaptive import read_steps
from engine.domain import Strategy
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.store import Store
from tests.openai_server import serving
from tests.pilots import ticket_plan
from tests.voices import TicketReader

GRID = {"budgets": [8, 24], "replicates": 1, "strategies": ["question_rephrase", "new_question"]}


def test_an_adaptive_pilot_buys_by_steps_and_one_that_was_killed_takes_the_same(store: Store, student: Path):
    with serving(TicketReader()) as server:
        plan = check_plan(ticket_plan(server.base_url, student, grid=GRID, target={"queries": 400}))
        run_id = file_pilot(plan, store)
        process = subprocess.Popen([sys.executable, "-m", "engine.worker", run_id], stdin=subprocess.DEVNULL)
        folder = store.folder(run_id)
        while process.poll() is None and not read_steps(folder):
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        first = read_steps(folder)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        steps = read_steps(folder)
        assert steps[: len(first)] == first
        again = file_pilot(plan, store)
        assert worker.run(again, store) == RunState.DONE
        assert account(store, again).queries == 0, "the same steps, and their replies are there"
        paid = account(store, run_id)
        assert paid.settled <= server.answered <= paid.settled + paid.unknown
    assert [step.cells for step in read_steps(store.folder(again))] == [step.cells for step in steps]
    rows = {row.cell.key: row for row in store.cells(run_id) if isinstance(row.cell.arm, Strategy)}
    taken = {key for step in steps for key in step.cells}
    assert {key for key, row in rows.items() if row.state == "done"} == taken
    left = [row for key, row in rows.items() if key not in taken]
    assert all(row.state == "skipped" and row.message == steps[-1].why for row in left)
    said = store.run(run_id).message
    assert (f"{len(taken)} of {len(rows)} cells were measured" in said) == bool(left)
