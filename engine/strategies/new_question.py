"""New question: another question inspired by a seed, then an answer to it. Two calls per example.

A question that has not the task's form is not answered. The answering call doubles as the other check: what cannot
be answered from its own text is refused there.
"""

from __future__ import annotations

from engine.strategies.base import Draft, Visit, question_request, written_then_answered
from engine.tasks.base import Task


def instruction(task: Task) -> str:
    """What the augmenter is told; the seed's question follows it."""
    return (
        f"You are given {task.question_form} as an example. Write one new question of the same kind: "
        "another situation and other facts, about as difficult, and answerable from its own text alone. "
        "Reply with the new question alone."
    )


async def draft(visit: Visit) -> Draft:
    """One new question after the seed's, with its answer."""
    request = question_request(visit.task, instruction(visit.task), visit.seed, visit.sample_index, visit.shown)
    return await written_then_answered(visit, request)
