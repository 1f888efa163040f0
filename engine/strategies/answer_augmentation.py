"""Answer augmentation: another worked answer to a seed question. One call per example."""

from __future__ import annotations

from engine.domain import Item
from engine.strategies.base import Ask, Draft, answered
from engine.tasks.base import Task


async def draft(task: Task, seed: Item, sample_index: int, ask: Ask) -> Draft:
    """One more answer to the seed's question."""
    return await answered(task, seed.question, sample_index, ask, context=seed.context)
