"""The three outcomes, and how a scorer of answers becomes a scorer of items."""

from __future__ import annotations

from collections.abc import Callable

from engine.domain import Item, Outcome, Score

AnswerScorer = Callable[[str, str], Score]
"""`score(gold answer, reply)`: judges by the gold answer alone."""


def right(value: float = 1.0, reason: str = "") -> Score:
    """A right reply; a reason only where the reader should look twice."""
    return Score(Outcome.RIGHT, value, reason)


def wrong(reason: str, value: float = 0.0) -> Score:
    """A wrong reply and why."""
    return Score(Outcome.WRONG, value, reason)


def not_scored(reason: str) -> Score:
    """An item that cannot be judged and why."""
    return Score(Outcome.NOT_SCORED, None, reason)


def by_answer(score: AnswerScorer) -> Callable[[Item, str], Score]:
    """A scorer of items from one that needs the gold answer only."""
    return lambda item, reply: score(item.answer, reply)
