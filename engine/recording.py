"""A cell's scored replies: on disk item by item, and in the store as its measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.domain import Cell, Item, Measurement, Outcome, Score
from engine.items import write_jsonl
from engine.store import Store


def record(
    store: Store,
    run_id: str,
    cell: Cell,
    items: Sequence[Item],
    replies: Sequence[str | None],
    scores: Sequence[Score],
    *,
    examples: int,
    detail: Mapping[str, Any],
    folder: Path,
) -> None:
    """Keeps the scored replies on disk item by item, and writes the cell's measurement last."""
    write_jsonl(
        folder / "predictions.jsonl",
        [
            {
                "id": item.id,
                "question": item.question,
                "gold": item.answer,
                "reply": reply,
                "outcome": score.outcome.value,
                "value": score.value,
                "reason": score.reason,
            }
            for item, reply, score in zip(items, replies, scores, strict=True)
        ],
    )
    values = [score.value for score in scores if score.value is not None]
    correct = sum(score.outcome == Outcome.RIGHT for score in scores)
    scored = sum(score.outcome != Outcome.NOT_SCORED for score in scores)
    store.record_cell(
        run_id,
        Measurement(
            cell=cell,
            correct=correct,
            scored=scored,
            not_scored=len(scores) - scored,
            examples=examples,
            mean_value=sum(values) / len(values) if values else None,
        ),
        [None if score.outcome == Outcome.NOT_SCORED else float(score.outcome == Outcome.RIGHT) for score in scores],
        detail,
        str(folder),
    )
