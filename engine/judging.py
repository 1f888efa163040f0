"""Scores replies, by the task's own scorer or by the verdicts of a judge that are paid like any query."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain import Item, Score
from engine.generation import Generator
from engine.tasks import Task
from engine.tasks.judge import JUDGE
from engine.tasks.outcomes import not_scored


async def judged(task: Task, generator: Generator, items: Sequence[Item], replies: Sequence[str | None]) -> list[Score]:
    """One score per reply, in order; None as a reply (there was none) is not scored.

    Verdicts are bought through the generator, so they stand in the ledger, stay under its ceiling, and
    the same reply to the same item is judged once. A reply whose verdict did not come is not scored.
    """
    scores = [
        not_scored("no reply") if reply is None else task.score_item(item, reply)
        for item, reply in zip(items, replies, strict=True)
    ]
    if task.judge is None:
        return scores
    asked = [(at, reply) for at, reply in enumerate(replies) if reply is not None]
    requests = [task.judge.request(items[at], reply) for at, reply in asked]
    texts = await generator.replies(JUDGE, [items[at] for at, _ in asked], requests, lambda: None)
    for (at, _), text in zip(asked, texts, strict=True):
        scores[at] = not_scored("no verdict of the judge") if text is None else task.judge.verdict(text)
    return scores
