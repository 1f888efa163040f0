"""A run's cells as comparisons see them: their measurements, and the families and values of the test items.

Families and values stand in the predictions that each cell leaves on the disk; runs of before have no families there,
and then every item counts as one of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.domain import Baseline, Measurement
from engine.records import CellRow
from engine.run_pairs import Contrast, RunPairs, run_pairs
from engine.run_verdict import noise_told, verdict

PREDICTIONS = "predictions.jsonl"


def pairs_of(cells: Sequence[CellRow]) -> RunPairs:
    """Every comparison that a run allows by now."""
    return run_pairs([row.measurement for row in cells if row.measurement is not None], families_of(cells))


def partial_pairs_of(cells: Sequence[CellRow]) -> RunPairs | None:
    """The same with partial credit: items count with their value (0 to 1) in place of right or wrong; None where no
    item has a value between the two, or a cell's predictions are gone."""
    if all(row.measurement is None or _whole(row.measurement) for row in cells):
        return None  # most tasks, and known without reading a file
    valued = []
    for row in cells:
        measured = row.measurement
        if measured is None or row.cell.arm == Baseline.TEACHER or not row.outcomes:
            continue
        values = [line.get("value") for line in _predictions(row)]
        if len(values) != len(row.outcomes):
            return None
        valued.append(replace(measured, outcomes=tuple(None if value is None else float(value) for value in values)))
    if all(value in (None, 0.0, 1.0) for measured in valued for value in measured.outcomes):
        return None
    return run_pairs(valued, families_of(cells))


def _whole(measured: Measurement) -> bool:
    """Whether its mean value is known to be the share of right replies: nothing wrong has a part of its credit then."""
    accuracy, value = measured.accuracy, measured.mean_value
    return accuracy is not None and value is not None and abs(value - accuracy) < 1e-9


def families_of(cells: Sequence[CellRow]) -> list[str | None] | None:
    """The family of each test item, in their order; None where no cell's predictions say it."""
    for row in cells:
        if row.cell.arm == Baseline.TEACHER or not row.outcomes:
            continue
        families = [line.get("family") for line in _predictions(row)]
        if len(families) == len(row.outcomes):
            return families
    return None


def _predictions(row: CellRow) -> list[dict[str, Any]]:
    """What a cell left on the disk, item by item; empty where that cannot be read."""
    if row.folder is None:
        return []
    try:
        lines = (Path(row.folder) / PREDICTIONS).read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []
    return found if all(isinstance(one, dict) for one in found) else []


def as_json(found: RunPairs, partial: RunPairs | None) -> dict[str, Any]:
    """As `seedpilot show --json` prints it: fractions, 95 % intervals, p-values of one pair and over all (Holm);
    `partial_credit` is the same with `partial_pairs_of`, or None."""
    return _told(found) | {"partial_credit": None if partial is None else _told(partial)}


def _told(found: RunPairs) -> dict[str, Any]:
    return {
        "verdict": verdict(found) or None,
        "noise": noise_told(found) if found.pairs else None,
        "seed_sd": found.seed_sd,
        "pool_sd": found.pool_sd,
        "pool_gaps": found.pool_gaps,
        "pairs": [_pair(pair) for pair in found.pairs],
    }


def _pair(pair: Contrast) -> dict[str, Any]:
    return {
        "one": pair.one.value,
        "other": pair.other.value,
        "seeds": pair.seeds,
        "budget": pair.budget,
        "runs": list(pair.runs),
        "difference": {"mean": pair.found.difference, "low95": pair.found.low, "high95": pair.found.high},
        "standard_error": {
            "items": pair.found.item_error,
            "seeds": pair.found.seed_error,
            "pools": pair.found.pool_error,
        },
        "detectable": pair.detectable,
        "p": pair.found.p,
        "p_holm": pair.adjusted_p,
        "winner": None if pair.winner is None else pair.winner.value,
        "items": pair.found.items,
        "left_out": pair.found.left_out,
        "families": pair.found.families,
        "mcnemar": {"won": pair.first.won, "lost": pair.first.lost, "p": pair.first.p},
    }
