"""Question rephrase: the seed question in other words, then an answer to it. Two calls per example.

The answer is compared with the seed's: where they differ, the rephrasing or its answer is wrong.
"""

from __future__ import annotations

from engine.domain import Item
from engine.strategies.base import Ask, Draft, question_request, with_the_answer_of, written_then_answered
from engine.tasks.base import Task


def instruction(task: Task) -> str:
    """What the augmenter is told; the seed's question follows it."""
    return (
        f"You are given {task.question_form}. Rephrase it: say the same in other words and keep every "
        "fact and every number, so that its answer stays the same. Reply with the rephrased text alone."
    )


async def draft(task: Task, seed: Item, sample_index: int, ask: Ask) -> Draft:
    """One rephrasing of the seed's question with a fresh answer."""
    request = question_request(task, instruction(task), seed, sample_index)
    return await with_the_answer_of(task, seed, await written_then_answered(task, request, ask, seed.context))
