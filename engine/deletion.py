"""Deleting a run: what it frees, and what stays.

A run's folder goes (copies of its files, pools, data, adapters, predictions, log), and its cells and pools go from the
store. The ledger stays whole: its replies were paid for, other runs find them by their keys, and what was charged is
never forgotten. So the run's row stays too, marked, with a plan that is empty.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from engine.database import translated
from engine.errors import InputError
from engine.ledger import account
from engine.records import HELD, LOST_AFTER_S, Run, RunState
from engine.store import Store

_BUSY = HELD | {RunState.QUEUED}


@dataclass(frozen=True, slots=True)
class Deletion:
    """What deleting a run would do."""

    run: Run
    folder: Path
    frees: int
    """Bytes on the disk."""
    files: int
    cells: int
    """Measured cells that are forgotten."""
    replies: int
    """Paid replies of its account, which stay: whatever run asks the same again gets them and buys nothing."""
    usd: float | None
    """What that account was charged; None where a price is unknown."""
    elsewhere: Path | None
    """A data set folder outside, which is the user's own and stays."""
    problem: str = ""
    """Why it cannot be deleted now; empty where it can."""


def deletion(store: Store, run_id: str) -> Deletion:
    """What deleting that run would free and keep; InputError where there is none."""
    run = store.run(run_id)
    folder = store.folder(run_id)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    paid = account(store, run_id)
    with store.reading() as connection:
        waiting = connection.execute(_IN_BATCHES, {"run": run_id}).scalar_one()
    full = run.plan.get("full")
    outside = Path(full["folder"]) if isinstance(full, dict) and full.get("folder") else None
    return Deletion(
        run,
        folder,
        sum(path.stat().st_size for path in files),
        len(files),
        sum(row.measurement is not None for row in store.cells(run_id)),
        paid.settled,
        paid.usd,
        outside if outside is not None and outside.exists() else None,
        _problem(run, int(waiting)),
    )


def delete(store: Store, run_id: str) -> Deletion:
    """Deletes it and says what that was; InputError where it cannot be deleted now.

    First the store, then the disk: killed in between, the run is gone, and its folder goes when the same is asked
    again.
    """
    if (left := _left_over(store, run_id)) is not None:
        _remove(store, left)
    found = deletion(store, run_id)
    if found.problem:
        raise InputError(found.problem)
    with store.transaction() as connection:
        values = {"run": run_id, "now": time.time(), "stale": time.time() - LOST_AFTER_S}
        # A worker may have claimed it since the look above.
        if connection.execute(_MARK, values).rowcount != 1:
            raise InputError(f"run {run_id} was taken by a worker just now; cancel it first")
        connection.execute(text("DELETE FROM cells WHERE run_id = :run"), values)
        connection.execute(text("DELETE FROM pools WHERE run_id = :run"), values)
    _remove(store, found.folder)
    return found


_IN_BATCHES = text("SELECT count(*) FROM queries WHERE run_id = :run AND state = 'reserved' AND batch IS NOT NULL")
# The token goes too: the same plan may be filed anew.
_MARK = text(
    "UPDATE runs SET deleted_at = :now, plan = '{}', words = '', message = '', start_token = 'deleted ' || id "
    "WHERE id = :run AND deleted_at IS NULL AND state != 'queued' AND (state != 'running' OR heartbeat_at < :stale)"
)


def _problem(run: Run, waiting: int) -> str:
    if run.state in _BUSY:
        return f"run {run.id} is {run.state.value}; cancel it first (`seedpilot cancel {run.id}`)"
    if waiting and run.state is not RunState.CANCELLED:
        return (
            f"run {run.id} has {waiting:,} queries in a batch on their way, which are paid for; resume it to fetch "
            f"their replies, or cancel it to give them up"
        )
    return ""


def _left_over(store: Store, run_id: str) -> Path | None:
    """The folder of a run that was deleted by a process which was killed before it came to the folder."""
    with store.reading() as connection:
        query = text("SELECT 1 FROM runs WHERE id = :run AND deleted_at IS NOT NULL")
        gone = connection.execute(query, {"run": run_id}).first() is not None
    folder = store.folder(run_id)
    return folder if gone and folder.exists() else None


def _remove(store: Store, folder: Path) -> None:
    # A run's id is the name of a folder of the store's own, and nothing else is ever removed.
    if folder.parent != store.home or not folder.exists():
        return
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        raise translated(error, store.path) from error
