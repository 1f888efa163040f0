"""The runs that there are, found again: by words, by state, by day; a page of them at a time."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from engine.records import HELD, LOST_AFTER_S, Run, RunState, run_of
from engine.store import Store

_STATE = (
    "CASE WHEN state = 'running' AND coalesce(heartbeat_at, 0) < :stale THEN 'lost' "
    "WHEN state = 'running' AND request = 'pause' THEN 'pausing' ELSE state END"
)
"""As `engine.records.run_of` reads it: a run that fell silent is lost, one that was asked to pause is pausing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are looked for; the default is all of them."""

    words: str = ""
    """Each must stand somewhere in id, name, task, student, teacher or names of files; case is no matter."""
    states: Collection[RunState] = ()
    """None given: all."""
    since: date | None = None
    until: date | None = None
    """First and last day of filing, by this machine's clock."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, newest first."""

    runs: tuple[Run, ...]
    total: int
    """How many were found in all."""


def search(store: Store, wanted: Wanted, most: int | None = None, skip: int = 0) -> Found:
    """The runs that are looked for, newest first, at most so many; none that was deleted."""
    where, values = _where(wanted, store.owner)
    query = f"FROM runs WHERE {where}"
    page = f"SELECT * {query} ORDER BY created_at DESC, id DESC LIMIT :most OFFSET :skip"
    with store.reading() as connection:
        total = connection.execute(text(f"SELECT count(*) {query}"), values).scalar_one()
        rows = connection.execute(text(page), values | {"most": -1 if most is None else most, "skip": skip}).mappings()
        return Found(tuple(run_of(row) for row in rows), int(total))


def holder(store: Store) -> Run | None:
    """The run that has the machine; None where none has that this store's owner may see."""
    return next(iter(search(store, Wanted(states=tuple(HELD)), 1).runs), None)


def machine_is_taken(store: Store) -> bool:
    """Whether anybody's run has the machine, also one that this store's owner may not see."""
    return _count(Wanted(states=tuple(HELD)), store) > 0


def waiting_before(run: Run, store: Store) -> int:
    """How many runs, anybody's, wait for the machine and were filed earlier."""
    return _count(Wanted(states=(RunState.QUEUED,)), store, before=run.created_at)


def _count(wanted: Wanted, store: Store, before: float | None = None) -> int:
    where, values = _where(wanted, None)
    if before is not None:
        where, values = f"{where} AND created_at < :before", values | {"before": before}
    query = f"FROM runs WHERE {where}"
    with store.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) {query}"), values).scalar_one())


def _where(wanted: Wanted, owner: str | None) -> tuple[str, dict[str, Any]]:
    """The condition, made of this module's own words, and what is bound in it."""
    parts = ["deleted_at IS NULL"]
    bound: dict[str, Any] = {"stale": time.time() - LOST_AFTER_S}
    if owner is not None:
        parts.append("owner = :owner")
        bound["owner"] = owner
    for number, word in enumerate(wanted.words.casefold().split()):
        parts.append(f"instr(words, :word{number}) > 0")
        bound[f"word{number}"] = word
    if wanted.states:
        names = [f":state{number}" for number in range(len(wanted.states))]
        parts.append(f"{_STATE} IN ({', '.join(names)})")
        bound |= {f"state{number}": state.value for number, state in enumerate(wanted.states)}
    if wanted.since is not None:
        parts.append("created_at >= :since")
        bound["since"] = _midnight(wanted.since)
    if wanted.until is not None:
        parts.append("created_at < :until")
        bound["until"] = _midnight(wanted.until + timedelta(days=1))
    return " AND ".join(parts), bound


def _midnight(day: date) -> float:
    return time.mktime((day.year, day.month, day.day, 0, 0, 0, 0, 0, -1))
