"""Real question: an answer to one of the user's own unlabelled inputs. One call per example.

What is visited is an input in place of a seed, and each input once: `engine.prepare` ends the visits there.
"""

from __future__ import annotations

from engine.domain import Item
from engine.strategies.base import Ask, Draft, answered
from engine.tasks.base import Task


async def draft(task: Task, unlabelled: Item, sample_index: int, ask: Ask) -> Draft:
    """The teacher's answer to the input."""
    return await answered(task, unlabelled.question, sample_index, ask, context=unlabelled.context)
