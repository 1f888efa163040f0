"""A run's cells as comparisons see them: their measurements, and the families of the test items.

Families stand in the predictions that each cell leaves on the disk; runs of before have none there, and then every item
counts as a family of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.domain import Baseline
from engine.records import CellRow
from engine.run_pairs import Contrast, RunPairs, run_pairs
from engine.run_verdict import noise_told, verdict

PREDICTIONS = "predictions.jsonl"


def pairs_of(cells: Sequence[CellRow]) -> RunPairs:
    """Every comparison that a run allows by now."""
    return run_pairs([row.measurement for row in cells if row.measurement is not None], families_of(cells))


def families_of(cells: Sequence[CellRow]) -> list[str | None] | None:
    """The family of each test item, in their order; None where no cell's predictions say it."""
    for row in cells:
        if row.cell.arm == Baseline.TEACHER or not row.outcomes or row.folder is None:
            continue
        try:
            lines = (Path(row.folder) / PREDICTIONS).read_text(encoding="utf-8").splitlines()
            families = [json.loads(line).get("family") for line in lines]
        except (OSError, ValueError):
            continue
        if len(families) == len(row.outcomes):
            return families
    return None


def as_json(found: RunPairs) -> dict[str, Any]:
    """As `seedpilot show --json` prints it: fractions, 95 % intervals, p-values of one pair and over all (Holm)."""
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
