"""What a cell is trained on: its seeds and what was generated from them, in the shares that a variant asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.domain import Example, Item, TrainingExample
from engine.tasks import Task

Row = tuple[str, str]
"""What the student reads, and what it should say."""


def asked_by(items: Sequence[Item]) -> Callable[[Example], str]:
    """What the student reads of an example: its question in the context of the item that it was made from."""
    made_from = {item.id: item for item in items}
    return lambda example: replace(made_from[example.seed_id], question=example.question).asked


def training_set(
    task: Task, seeds: Sequence[Row], generated: Sequence[Row], seed_share: float | None
) -> tuple[TrainingExample, ...]:
    """Seeds first, then the generated examples.

    With a `seed_share` (above 0 and below 1) seeds are repeated, or the last of them left out, until they are that
    share of the whole, at least one; each pass over the data then sees them so often. None, or nothing generated: each
    seed once.
    """
    rows = [*_weighed(seeds, len(generated), seed_share), *generated]
    return tuple(TrainingExample(task.student_prompt(question), answer) for question, answer in rows)


def _weighed(seeds: Sequence[Row], generated: int, share: float | None) -> list[Row]:
    if share is None or not generated:
        return list(seeds)
    wanted = max(1, round(share / (1 - share) * generated))
    return [seeds[i % len(seeds)] for i in range(wanted)]
