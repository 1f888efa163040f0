"""The store: runs, cells and pools in one SQLite file, through SQLAlchemy.

The only place where a run's state lives. Pages file runs and read; the worker that holds a run
writes its progress and results. The ledger's table is in `ledger.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.domain import Cell, Measurement
from engine.errors import InputError
from engine.records import (
    HELD,
    LOST_AFTER_S,
    NO_PILOTS,
    RESUMABLE,
    CellRow,
    PoolRow,
    Run,
    RunState,
    cell_of,
    run_of,
)
from engine.search_words import words_of
from engine.stopping import CANCEL, PAUSE, STOP
from engine.store_file import StoreFile


class Store(StoreFile):
    """Runs, cells and pools in that file, which is created or migrated where needed.

    With an `owner` it files runs for them and knows no others: to them, runs of other people are not there.
    """

    def __init__(self, path: Path, owner: str | None = None) -> None:
        super().__init__(path)
        self.owner = owner

    # --- runs -------------------------------------------------------------------------------------

    def file_run(self, run_id: str, name: str, plan: Mapping[str, Any], start_token: str) -> str:
        """Files a plan as a queued run and returns the run's id.

        The same token always gives the same run, so that a double click or a rerun of the page cannot
        start (and pay) twice: the id that comes back is then the earlier one.
        """
        token = start_token if self.owner is None else f"{self.owner} {start_token}"
        with self.transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO runs (id, name, plan, start_token, state, created_at, words, owner) VALUES "
                    "(:id, :name, :plan, :token, 'queued', :now, :words, :owner) ON CONFLICT (start_token) DO NOTHING"
                ),
                {
                    "id": run_id,
                    "name": name,
                    "plan": json.dumps(plan),
                    "token": token,
                    "now": time.time(),
                    "words": words_of(run_id, name, plan),
                    "owner": self.owner,
                },
            )
            found = connection.execute(text("SELECT id FROM runs WHERE start_token = :token"), {"token": token})
            return str(found.scalar_one())

    def reopen(self, run_id: str, plan: Mapping[str, Any]) -> bool:
        """Queues a run anew with the plan as it was typed now: a full run may be asked for again, and what it was
        charged stays charged. False where a live worker holds it."""
        with self.transaction() as connection:
            changed = connection.execute(
                text(
                    "UPDATE runs SET plan = :plan, state = 'queued', request = NULL, finished_at = NULL "
                    "WHERE id = :id AND (state != 'running' OR heartbeat_at < :stale)"
                ),
                {"id": run_id, "plan": json.dumps(plan), "stale": time.time() - LOST_AFTER_S},
            )
            return changed.rowcount == 1

    def run(self, run_id: str) -> Run:
        """That run; InputError where there is none."""
        with self.reading() as connection:
            row = connection.execute(text("SELECT * FROM runs WHERE id = :id"), {"id": run_id}).mappings().first()
        if row is None or self.owner not in (None, row["owner"]):
            raise InputError(f"run {run_id!r} is not in {self.path}; `seedpilot runs` lists the runs there")
        if row["deleted_at"] is not None:
            day = time.strftime("%Y-%m-%d", time.localtime(row["deleted_at"]))
            raise InputError(f"run {run_id!r} was deleted on {day}; `seedpilot runs` lists the runs there are")
        return run_of(row)

    def runs(self) -> list[Run]:
        """All runs, newest first; none that was deleted."""
        newest = text(
            "SELECT * FROM runs WHERE (:owner IS NULL OR owner = :owner) AND deleted_at IS NULL "
            "ORDER BY created_at DESC, id DESC"
        )
        with self.reading() as connection:
            rows = connection.execute(newest, {"owner": self.owner}).mappings()
            return [run_of(row) for row in rows]

    def claim(self, run_id: str, pid: int, started_at: float) -> bool:
        """Takes a run for a worker; False where it is finished or another live worker holds it."""
        now = time.time()
        with self.transaction() as connection:
            changed = connection.execute(
                text(
                    "UPDATE runs SET state = 'running', worker_pid = :pid, worker_started_at = :started, "
                    "heartbeat_at = :now, request = CASE WHEN request = 'stop' THEN request END, message = '', "
                    "finished_at = NULL WHERE id = :id AND "
                    "(state IN ('queued', 'waiting_for_key', 'paused', 'failed') "
                    "OR (state = 'running' AND heartbeat_at < :stale))"
                ),
                {"id": run_id, "pid": pid, "started": started_at, "now": now, "stale": now - LOST_AFTER_S},
            )
            return changed.rowcount == 1

    def holder(self, run_id: str) -> tuple[int, float] | None:
        """Process id and start time of the worker that last held the run."""
        with self.reading() as connection:
            row = connection.execute(
                text("SELECT worker_pid, worker_started_at FROM runs WHERE id = :id"), {"id": run_id}
            ).first()
        return None if row is None or row[0] is None else (int(row[0]), float(row[1]))

    def release_lost(self, run_id: str) -> None:
        """Lets a run go whose worker is known to be dead, without waiting for the heartbeat to age."""
        self._update(run_id, heartbeat_at=0.0)

    def heartbeat(self, run_id: str) -> str | None:
        """Says that the worker lives; gives back what the user asks of it (`pause`, `cancel`)."""
        with self.transaction() as connection:
            connection.execute(
                text("UPDATE runs SET heartbeat_at = :now WHERE id = :id"), {"id": run_id, "now": time.time()}
            )
            row = connection.execute(text("SELECT request FROM runs WHERE id = :id"), {"id": run_id})
            request = row.scalar()
            return None if request is None else str(request)

    def progress(self, run_id: str, stage: str, done: float, total: float, base: float = 0.0) -> None:
        """Where the run is; a new stage starts its own clock, and so does a larger `base`: what of `done` took no work
        now, because an earlier worker had done it or its replies were paid for before."""
        with self.transaction() as connection:
            connection.execute(
                text(
                    "UPDATE runs SET stage_started_at = CASE WHEN stage = :stage AND stage_started_at IS NOT NULL "
                    "AND stage_base >= :base THEN stage_started_at ELSE :now END, stage = :stage, done = :done, "
                    "total = :total, stage_base = :base, heartbeat_at = :now WHERE id = :id"
                ),
                {"id": run_id, "stage": stage, "done": done, "total": total, "base": base, "now": time.time()},
            )

    def finish(self, run_id: str, state: RunState, message: str = "", only_from: RunState | None = None) -> None:
        """The worker's last word on a run; with `only_from` it is not said where the run is in another state by now."""
        over = state in (RunState.DONE, RunState.FAILED, RunState.CANCELLED)
        with self.transaction() as connection:
            connection.execute(
                text(
                    "UPDATE runs SET state = :state, message = :message, stage = '', stage_started_at = NULL, "
                    "finished_at = :at, request = CASE WHEN request = 'stop' AND :goes_on THEN request END "
                    "WHERE id = :id AND (:from IS NULL OR state = :from)"
                ),
                {
                    "id": run_id,
                    "state": state.value,
                    "message": message,
                    "at": time.time() if over else None,
                    # Who asked to stop and keep does not want the rest, whatever came between.
                    "goes_on": state in (RunState.FAILED, RunState.WAITING_FOR_KEY),
                    "from": None if only_from is None else only_from.value,
                },
            )

    def ask(self, run_id: str, request: str) -> None:
        """Leaves a request for the worker; a run that nobody holds obeys at once, and one that is to stop and keep is
        taken by the next worker, which scores what is trained. InputError where there is nothing to stop."""
        run = self.run(run_id)
        if request == STOP and (problem := _no_stop(run)):
            raise InputError(problem)
        if run.state in HELD or request == STOP:
            self._update(run_id, request=request)
        elif request == CANCEL and run.state not in (RunState.DONE, RunState.CANCELLED):
            self.finish(run_id, RunState.CANCELLED, "Cancelled by you; what was generated is kept.")
        elif request == PAUSE and run.state in (RunState.QUEUED, RunState.LOST):
            began = "" if run.state is RunState.LOST else " before it began"
            self.finish(run_id, RunState.PAUSED, f"Paused by you{began}.")

    def _update(self, run_id: str, **values: object) -> None:
        # Column names come from this module only, values are bound.
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.transaction() as connection:
            connection.execute(text(f"UPDATE runs SET {columns} WHERE id = :id"), {"id": run_id, **values})  # noqa: S608

    def folder(self, run_id: str) -> Path:
        """Where a run's files lie."""
        return self.home / run_id

    # --- cells and pools --------------------------------------------------------------------------

    def plan_cells(self, run_id: str, cells: Sequence[Cell]) -> None:
        """Writes the run's cells as waiting; those already there stay as they are."""
        with self.transaction() as connection:
            for cell in cells:
                connection.execute(
                    text(
                        "INSERT INTO cells (run_id, key, cell, state) VALUES (:run, :key, :cell, 'waiting') "
                        "ON CONFLICT (run_id, key) DO NOTHING"
                    ),
                    {"run": run_id, "key": cell.key, "cell": json.dumps(asdict(cell))},
                )

    def record_cell(
        self,
        run_id: str,
        measurement: Measurement,
        outcomes: Sequence[float | None],
        detail: Mapping[str, Any],
        folder: str | None,
    ) -> None:
        """Writes a cell's result; the last thing that happens to a cell."""
        values = asdict(measurement)
        del values["cell"], values["outcomes"]  # columns of their own
        self._set_cell(
            run_id,
            measurement.cell,
            state="done",
            message="",
            measurement=json.dumps(values),
            outcomes=json.dumps(list(outcomes)),
            detail=json.dumps(dict(detail)),
            folder=folder,
        )

    def end_cell(self, run_id: str, cell: Cell, state: str, message: str) -> None:
        """Writes a cell that gives no measurement (`failed` or `skipped`) and why."""
        self._set_cell(run_id, cell, state=state, message=message)

    def _set_cell(self, run_id: str, cell: Cell, **values: object) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.transaction() as connection:
            connection.execute(
                text(f"UPDATE cells SET {columns} WHERE run_id = :run AND key = :cell_key"),  # noqa: S608
                {"run": run_id, "cell_key": cell.key, **values},
            )

    def cells(self, run_id: str) -> list[CellRow]:
        """The run's cells in the order in which they were planned."""
        with self.reading() as connection:
            rows = connection.execute(
                text("SELECT * FROM cells WHERE run_id = :run ORDER BY rowid"), {"run": run_id}
            ).mappings()
            return [cell_of(row) for row in rows]

    def measurements(self, run_id: str) -> list[Measurement]:
        """What the run has measured so far."""
        return [row.measurement for row in self.cells(run_id) if row.measurement is not None]

    def record_pool(self, run_id: str, name: str, counts: Mapping[str, int], folder: str) -> None:
        """Writes what a strategy generated, counted by reason."""
        with self.transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO pools VALUES (:run, :name, :counts, :folder) ON CONFLICT (run_id, name) "
                    "DO UPDATE SET counts = excluded.counts, folder = excluded.folder"
                ),
                {"run": run_id, "name": name, "counts": json.dumps(dict(counts)), "folder": folder},
            )

    def pools(self, run_id: str) -> list[PoolRow]:
        """What the run's strategies generated."""
        with self.reading() as connection:
            rows = connection.execute(
                text("SELECT * FROM pools WHERE run_id = :run ORDER BY rowid"), {"run": run_id}
            ).mappings()
            return [PoolRow(row["name"], json.loads(row["counts"]), row["folder"]) for row in rows]


def _no_stop(run: Run) -> str:
    """Why a run cannot stop and keep; empty where it can."""
    if run.id.startswith(NO_PILOTS):
        return f"run {run.id} trains no cells of a grid, so there are none to keep; pause or cancel it"
    if run.state not in HELD | RESUMABLE:
        return f"run {run.id} is {run.state.value}: there is nothing to stop (`seedpilot show {run.id}`)"
    return ""
