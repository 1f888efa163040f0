"""Strategies that can teach nothing where the question fixes its answer (a label, a JSON record).

Another answer to a seed is then the seed itself: its share in reach is zero (docs/architecture.md, the law), and every
query for it buys a duplicate. It is shown as not applicable and nothing is spent on it, unless the reasoning is
trained too: reasonings differ where answers cannot.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.domain import Strategy
from engine.tasks import Task

HOW = 'have the reasoning trained too (rationale = "before" in the task file)'

NOT_APPLICABLE = (
    "Answer augmentation is not applicable here and gets no queries: the question fixes its answer, so another answer "
    f"can only repeat the seed. To use it, {HOW}."
)

RULED_OUT = (
    "found answer augmentation, but the question fixes its answer here, so another answer can only repeat the "
    f"seed; take question_rephrase or new_question, or {HOW}"
)


def not_applicable(task: Task, strategies: Iterable[Strategy]) -> frozenset[Strategy]:
    """Those of the strategies that the task's form rules out."""
    return frozenset({Strategy.ANSWER_AUGMENTATION} if task.determined else ()) & frozenset(strategies)
