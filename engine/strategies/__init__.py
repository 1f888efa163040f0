"""Strategies, one file each: prompts and parsing, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType

from engine.domain import Strategy
from engine.strategies import answer_augmentation, new_question, question_rephrase, real_question
from engine.strategies.base import (
    NO_EXAMPLES,
    TEMPERATURE,
    Ask,
    Draft,
    FewShot,
    Visit,
    answer_request,
    question_request,
)
from engine.strategies.order import PLAIN, Making, Order, dealt
from engine.tasks.base import Task

__all__ = [
    "NO_EXAMPLES",
    "PLAIN",
    "TEMPERATURE",
    "Ask",
    "Draft",
    "FewShot",
    "Making",
    "Order",
    "Visit",
    "answer_request",
    "dealt",
    "drafter",
    "instruction",
    "instructions",
    "question_request",
]

Drafter = Callable[[Visit], Awaitable[Draft]]

_STRATEGIES: dict[Strategy, ModuleType] = {
    Strategy.ANSWER_AUGMENTATION: answer_augmentation,
    Strategy.QUESTION_REPHRASE: question_rephrase,
    Strategy.NEW_QUESTION: new_question,
    Strategy.REAL_QUESTION: real_question,
}


def instruction(strategy: Strategy, task: Task, together: int = 1) -> str | None:
    """What the augmenter is told for a strategy; None where it writes no question."""
    if strategy is Strategy.NEW_QUESTION:
        return new_question.instruction(task, together)
    return question_rephrase.instruction(task) if strategy is Strategy.QUESTION_REPHRASE else None


def instructions(task: Task, together: int = 1) -> tuple[str, ...]:
    """All that an augmenter may be told before a seed's question."""
    return new_question.instruction(task, together), question_rephrase.instruction(task)


def drafter(strategy: Strategy) -> Drafter:
    """The function that turns one visit to a seed into a draft."""
    draft: Drafter = _STRATEGIES[strategy].draft
    return draft
