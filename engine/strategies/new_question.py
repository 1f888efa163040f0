"""New question: another question inspired by a seed, then an answer to it. Two calls per example, or one and a
share of one where several questions are asked for at once.

A question that has not the task's form is not answered. The answering call doubles as the other check: what cannot
be answered from its own text is refused there.
"""

from __future__ import annotations

from engine.strategies.answering import written_then_answered
from engine.strategies.base import Draft, Visit, question_request
from engine.tasks.base import Task


def instruction(task: Task, together: int = 1) -> str:
    """What the augmenter is told; the seed's question follows it."""
    if together == 1:
        return (
            f"You are given {task.question_form} as an example. Write one new question of the same kind: "
            "another situation and other facts, about as difficult, and answerable from its own text alone. "
            "Reply with the new question alone."
        )
    return (
        f"You are given {task.question_form} as an example. Write {together} new questions of the same kind: "
        "other situations and other facts, different from each other, about as difficult, and each answerable from "
        f"its own text alone. Reply with the new questions alone, numbered from 1. to {together}."
    )


async def draft(visit: Visit) -> Draft:
    """One new question after the seed's, with its answer."""
    together = visit.making.together
    request = question_request(
        visit.task,
        instruction(visit.task, together),
        visit.seed,
        visit.sample_index // together,
        visit.shown,
        together,
    )
    return await written_then_answered(visit, request, together)
