"""Question rephrase: the seed question in other words, then an answer to it. Two calls per example.

The answer is compared with the seed's: where they differ, the rephrasing or its answer is wrong.
"""

from __future__ import annotations

from engine.strategies.answering import with_the_seeds_answer, written_then_answered
from engine.strategies.base import Draft, Visit, question_request
from engine.tasks.base import Task


def instruction(task: Task) -> str:
    """What the augmenter is told; the seed's question follows it."""
    return (
        f"You are given {task.question_form}. Rephrase it: say the same in other words and keep every "
        "fact and every number, so that its answer stays the same. Reply with the rephrased text alone."
    )


async def draft(visit: Visit) -> Draft:
    """One rephrasing of the seed's question with a fresh answer. No examples for the augmenter: seeds show none of
    rephrasing."""
    request = question_request(visit.task, instruction(visit.task), visit.seed, visit.sample_index)
    return await with_the_seeds_answer(visit, await written_then_answered(visit, request))
