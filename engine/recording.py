"""A cell's scored replies: on disk item by item, and in the store as its measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.domain import Cell, GoldLikelihood, Item, Measurement, Outcome, Score
from engine.items import write_jsonl
from engine.store import Store
from engine.tally import macro_f1, mean_gold_loss
from engine.tasks import Task


def prediction_rows(
    items: Sequence[Item],
    replies: Sequence[str | None],
    scores: Sequence[Score],
    gold: Sequence[GoldLikelihood | None] = (),
) -> list[dict[str, Any]]:
    """One row an item, as `predictions.jsonl` holds them; `gold` is empty where it was not computed."""
    known = gold or [None] * len(items)
    return [
        {
            "id": item.id,
            "family": item.family,
            "question": item.question,
            "gold": item.answer,
            "reply": reply,
            "outcome": score.outcome.value,
            "value": score.value,
            "reason": score.reason,
            "gold_log_likelihood": None if likely is None else likely.log_likelihood,
            "gold_tokens": None if likely is None else likely.tokens,
        }
        for item, reply, score, likely in zip(items, replies, scores, known, strict=True)
    ]


def record(
    store: Store,
    run_id: str,
    cell: Cell,
    task: Task,
    items: Sequence[Item],
    replies: Sequence[str | None],
    scores: Sequence[Score],
    *,
    examples: int,
    detail: Mapping[str, Any],
    folder: Path,
    gold: Sequence[GoldLikelihood | None] = (),
    unasked: int = 0,
) -> None:
    """Keeps the scored replies on disk item by item, and writes the cell's measurement last.

    `gold` says how likely the gold answers were, where that is known; the cell's detail then has their mean as
    `gold_loss` (nats a token). `unasked` of the scores belong to items that were never asked: they are neither scored
    nor not scored.
    """
    write_jsonl(folder / "predictions.jsonl", prediction_rows(items, replies, scores, gold))
    values = [score.value for score in scores if score.value is not None]
    correct = sum(score.outcome == Outcome.RIGHT for score in scores)
    scored = sum(score.outcome != Outcome.NOT_SCORED for score in scores)
    store.record_cell(
        run_id,
        Measurement(
            cell=cell,
            correct=correct,
            scored=scored,
            not_scored=len(scores) - scored - unasked,
            examples=examples,
            mean_value=sum(values) / len(values) if values else None,
            macro_f1=macro_f1(task, items, replies, scores),
        ),
        [None if score.outcome == Outcome.NOT_SCORED else float(score.outcome == Outcome.RIGHT) for score in scores],
        dict(detail) | ({"gold_loss": mean_gold_loss(gold)} if gold else {}),
        str(folder),
    )
