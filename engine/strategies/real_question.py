"""Real question: an answer to one of the user's own unlabelled inputs. One call per example.

What is visited is an input in place of a seed, and each input once: `engine.prepare` ends the visits there.
"""

from __future__ import annotations

from engine.strategies.answering import answered
from engine.strategies.base import Draft, Visit


async def draft(visit: Visit) -> Draft:
    """The teacher's answer to the input."""
    return await answered(visit, visit.seed.question)
