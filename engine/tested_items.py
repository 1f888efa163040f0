"""Which items a run was tested on, from the predictions that it left: to tell whether another run had the same.

Items are the same where question and gold answer are, in whatever order.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.plan import PilotPlan
from engine.plan_task import name_of
from engine.records import CellRow

PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True, slots=True)
class Tested:
    """The items that a run was tested on, in its order."""

    keys: tuple[str, ...]
    families: tuple[str | None, ...]
    task: str | None
    """What scored them: a named task, or the hash of a task file; None where the file is gone."""


def tested_items(plan: PilotPlan, cells: Sequence[CellRow]) -> Tested | None:
    """From the predictions of the first cell that has one for each of its outcomes; longest lists first, since the
    teacher answers some of the items only."""
    for row in sorted(cells, key=lambda row: len(row.outcomes), reverse=True):
        if not row.outcomes or row.folder is None:
            continue
        try:
            with (Path(row.folder) / PREDICTIONS).open(encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            keys = [json.dumps([item["question"], item["gold"]]) for item in rows]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if len(rows) == len(row.outcomes):
            # The same item twice stays two items.
            seen: Counter[str] = Counter()
            numbered = []
            for key in keys:
                numbered.append(f"{key}{seen[key]}")
                seen[key] += 1
            return Tested(tuple(numbered), tuple(item.get("family") for item in rows), _scored_by(plan))
    return None


def _scored_by(plan: PilotPlan) -> str | None:
    if not plan.task.endswith(".toml"):
        return name_of(plan)
    try:
        return hashlib.sha256(Path(plan.task).read_bytes()).hexdigest()
    except OSError:
        return None
