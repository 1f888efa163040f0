"""A model that was trained elsewhere as a cell of a run: its replies to the run's test items, scored as all others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.comparison import wilson
from engine.domain import Baseline, Cell, GoldLikelihood, Interval, Score
from engine.errors import InputError
from engine.prepare import Prepared
from engine.recording import record
from engine.store import Store

_NAME = re.compile(r"[A-Za-z0-9][\w.]{0,39}")
PLAIN_NAMES = "up to 40 letters, digits, dots and underscores"


def import_cell(
    store: Store,
    run_id: str,
    prepared: Prepared,
    name: str,
    replies: Sequence[str | None],
    scores: Sequence[Score],
    gold: Sequence[GoldLikelihood | None] = (),
) -> Interval | None:
    """Records the replies to the run's test items (in their order) under that name, in place of an earlier import of
    the same name; returns the accuracy with its 80 % interval, None where nothing could be scored. InputError where
    the name is none."""
    check_name(name)
    cell = Cell(Baseline.ELSEWHERE, len(prepared.seeds), 0, 0, name)
    store.plan_cells(run_id, [cell])
    folder = store.folder(run_id) / "cells" / cell.key
    record(
        store,
        run_id,
        cell,
        prepared.task,
        prepared.test,
        replies,
        scores,
        examples=0,
        detail={"unanswered": sum(reply is None for reply in replies)},
        folder=folder,
        gold=gold,
    )
    found = next(row.measurement for row in store.cells(run_id) if row.cell == cell)
    return None if found is None else wilson(found.correct, found.scored)


def check_name(name: str) -> None:
    """InputError where a cell cannot be called that: its folder is."""
    if not _NAME.fullmatch(name):
        raise InputError(f"--name {name!r}: expected {PLAIN_NAMES}")
