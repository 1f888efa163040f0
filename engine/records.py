"""What the store gives back: runs, cells and pools as they stand, and how a row becomes one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from engine.domain import Cell, Measurement, arm
from engine.stopping import PAUSE

LOST_AFTER_S = 30.0
"""A running run whose worker has not been heard of for this long counts as lost."""


class RunState(StrEnum):
    """The life of a run. Two are read off the others and never written: `pausing` is a running one that was asked to
    pause, `lost` one whose worker fell silent."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    WAITING_FOR_KEY = "waiting_for_key"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


CHECK, DRY_RUN, FULL, RETRIEVAL = "check-", "dry-", "data-", "retrieval-"
"""How the ids of runs begin that are no pilots: a check of the teacher, a dry run, a full run that makes a data set,
a retrieval pilot."""
NO_PILOTS = (CHECK, DRY_RUN, FULL, RETRIEVAL)
"""Of runs that have no grid of cells."""

HELD = frozenset({RunState.RUNNING, RunState.PAUSING})
"""A worker has the run in its hands."""
RESUMABLE = frozenset({RunState.WAITING_FOR_KEY, RunState.PAUSED, RunState.FAILED, RunState.LOST})


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it stands now."""

    id: str
    name: str
    plan: Mapping[str, Any]
    """The plan as `engine.plan.PilotPlan` reads it."""
    state: RunState
    message: str
    """What the user should know: why it stopped, what to do."""
    stage: str
    """`generating`, `training` and so on, in words for the screen."""
    done: float
    total: float
    stage_started_at: float | None
    """When the stage's clock started: with its first piece of work, not with what an earlier worker had done."""
    stage_base: float
    """What of `done` was there at that moment."""
    heartbeat_at: float | None
    created_at: float
    finished_at: float | None
    owner: str | None
    """Who filed it where the dashboard is exposed; None: whoever sat at the machine."""
    request: str | None
    """One of `engine.stopping` while the worker has not yet obeyed."""

    @property
    def pace(self) -> float | None:
        """Seconds that a piece of the stage takes, over what was done since its clock started; None while nothing
        was."""
        if self.state not in HELD or self.stage_started_at is None or self.done <= self.stage_base:
            return None
        return max(1e-3, time.time() - self.stage_started_at) / (self.done - self.stage_base)

    @property
    def seconds_left(self) -> float | None:
        """Of the stage, from its own pace so far; None while that is not known."""
        return None if self.pace is None else max(0.0, self.pace * (self.total - self.done))


@dataclass(frozen=True, slots=True)
class CellRow:
    """One cell of a run: `waiting`, `done`, `failed` or `skipped`, with its measurement once it is done."""

    cell: Cell
    state: str
    message: str
    measurement: Measurement | None
    outcomes: tuple[float | None, ...]
    """Per test item: 1 right, 0 wrong, None not scored."""
    detail: Mapping[str, Any]
    folder: str | None


@dataclass(frozen=True, slots=True)
class PoolRow:
    """What one strategy generated: counts by reason (they add up to `visits`) and where it lies."""

    name: str
    counts: Mapping[str, int]
    folder: str


def run_of(row: Mapping[Any, Any]) -> Run:
    """The run in a row of the store; one that fell silent is lost."""
    state = RunState(row["state"])
    if state == RunState.RUNNING and time.time() - (row["heartbeat_at"] or 0.0) > LOST_AFTER_S:
        state = RunState.LOST
    elif state == RunState.RUNNING and row["request"] == PAUSE:
        state = RunState.PAUSING
    return Run(
        id=row["id"],
        name=row["name"],
        plan=json.loads(row["plan"]),
        state=state,
        message=row["message"]
        or ("The worker stopped without a word; resume the run." if state == RunState.LOST else ""),
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        stage_started_at=row["stage_started_at"],
        stage_base=row["stage_base"],
        heartbeat_at=row["heartbeat_at"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        owner=row["owner"],
        request=row["request"],
    )


def cell_of(row: Mapping[Any, Any]) -> CellRow:
    """The cell in a row of the store."""
    cell = _cell(row["cell"])
    measured = json.loads(row["measurement"]) if row["measurement"] else None
    outcomes = _outcomes(row["outcomes"] or "[]")
    return CellRow(
        cell=cell,
        state=row["state"],
        message=row["message"],
        measurement=None if measured is None else Measurement(cell=cell, **measured, outcomes=outcomes),
        outcomes=outcomes,
        detail=json.loads(row["detail"] or "{}"),
        folder=row["folder"],
    )


# A page of a run reads the run's cells half a dozen times, each with hundreds of outcomes that never change.
@lru_cache(maxsize=2048)
def _cell(text: str) -> Cell:
    raw = json.loads(text)
    return Cell(arm(raw["arm"]), raw["seeds"], raw["budget"], raw["replicate"], raw["variant"], raw.get("pool", 0))


@lru_cache(maxsize=2048)
def _outcomes(text: str) -> tuple[float | None, ...]:
    return tuple(json.loads(text))
