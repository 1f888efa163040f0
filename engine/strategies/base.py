"""What a strategy is given and what it gives back.

A strategy turns one visit to one seed into at most one example. It pays for every call through
`ask` and `write`, which look in the ledger first; it never sees a teacher, a key or a price.
"""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.domain import Item, Message, Paid, Request
from engine.strategies.order import PLAIN, Making
from engine.tasks.base import Task

Ask = Callable[[Request], Awaitable[Paid]]


@dataclass(frozen=True, slots=True)
class FewShot:
    """Seeds that prompts show as examples; test items and unlabelled inputs are never among them."""

    seeds: tuple[Item, ...] = ()
    """What is drawn from: the seeds of the smallest cell, so that no cell profits from labels it does not have."""
    count: int = 0
    """Examples in a prompt."""
    draw: int = 0
    """Names the draw: another number shows other seeds."""

    def shown(self, visited: Item, sample_index: int) -> tuple[Item, ...]:
        """The examples of one visit, never what is visited itself. One draw for a whole round of visits, so that
        the beginnings of its prompts are the same (prompt caching), and another one for the next round."""
        if not self.count:
            return ()
        drawn = random.Random(f"few-shot-{self.draw}-{sample_index}").sample(
            self.seeds, min(self.count + 1, len(self.seeds))
        )
        return tuple(seed for seed in drawn if seed.asked != visited.asked)[: self.count]


NO_EXAMPLES = FewShot()


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to a seed, or to an unlabelled input: all that a strategy is given."""

    task: Task
    seed: Item
    sample_index: int
    """The how-manieth visit to that seed, from 0."""
    ask: Ask
    """Asks the teacher, which answers."""
    write: Ask
    """Asks the augmenter, which writes questions: the teacher itself where the plan names no other."""
    shown: tuple[Item, ...] = ()
    """Seeds that the prompts show as examples."""
    making: Making = PLAIN
    """How the variant makes its examples."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What one visit to a seed produced, before curation."""

    question: str | None
    answer: str | None
    rejected: str | None
    """Why there is no example; None where there is one. `cut_off`, `unparsable`, `unanswerable`, `not_the_form`
    (a written question is none of the task's, so it was not answered), `answer_changed` (the answer to a rephrasing is
    not the seed's), `wrong_by_verification` (another answer to the seed is not the seed's) or `no_majority` (no answer
    was given by more than half of the votes)."""
    query_ids: tuple[int, ...]
    seed_id: str = ""
    """What was visited."""
    sample_index: int = 0
    """As the how-manieth visit to it, from 0."""


TEMPERATURE = 0.7
"""Sampling temperature of everything that is generated (arXiv 2409.19759, section on set-up)."""

UNANSWERABLE = "UNANSWERABLE"

_REFUSAL = re.compile(
    r"\W*(i'?m sorry|i am sorry|sorry|i apologi[sz]e|unfortunately|as an ai)\b.{0,60}?"
    r"\b(i (can'?t|cannot|can not|am unable|am not able|won'?t)|i'?m (unable|not able))"
    r"|\W*i (can'?t|cannot|won'?t|am unable to|am not able to) (help|assist|answer|provide|fulfil|comply|do that)",
    re.IGNORECASE | re.DOTALL,
)


def refuses(text: str) -> bool:
    """Whether a reply begins as models decline: an apology and "I can't", or "I cannot help"."""
    return _REFUSAL.match(text.replace("\u2019", "'")[:200]) is not None


def answer_request(
    task: Task,
    question: str,
    sample_index: int,
    temperature: float = TEMPERATURE,
    context: str = "",
    shown: Sequence[Item] = (),
) -> Request:
    """Asks for a worked answer. Instructions and examples come first, the varying part last (prompt caching)."""
    instruction = (
        f"{task.teacher_instruction}\nIf the question cannot be answered from its own text, "
        f"reply with the one word {UNANSWERABLE}."
    )
    if shown:
        pairs = (f"{_asked(item.question, item.context)}\nAnswer: {item.answer}" for item in shown)
        instruction = "\n\n".join((f"{instruction}\n\nQuestions with their right answers:", *pairs))
    return Request(
        messages=(Message("system", instruction), Message("user", _asked(question, context))),
        max_tokens=task.max_answer_tokens,
        temperature=temperature,
        sample_index=sample_index,
        response_schema=task.response_schema,
    )


def _asked(question: str, context: str) -> str:
    return f"{context}\n\nQuestion: {question}" if context else f"Question: {question}"


def question_request(
    task: Task, instruction: str, seed: Item, sample_index: int, shown: Sequence[Item] = (), questions: int = 1
) -> Request:
    """Asks for so many questions written after a seed's; `shown` are further examples of questions."""
    if shown:
        more = (_asked(item.question, item.context) for item in shown)
        instruction = "\n\n".join((f"{instruction}\n\nOther examples of the same kind:", *more))
    return Request(
        messages=(Message("system", instruction), Message("user", _asked(seed.question, seed.context))),
        max_tokens=task.max_question_tokens * questions,
        temperature=TEMPERATURE,
        sample_index=sample_index,
    )


_NUMBERED = re.compile(r"(?m)^\s*(?:\*\*)?(\d{1,2})[.):](?:\*\*)?\s+")


def parse_questions(text: str, count: int) -> list[str | None]:
    """The questions of a numbered list, by their numbers; None where a number is missing or holds nothing."""
    parts: list[str | None] = [None] * count
    wanted, start = 1, None
    # A question may hold numbered lines of its own (choices, steps): only the next number begins another.
    for mark in _NUMBERED.finditer(text):
        if int(mark.group(1)) != wanted or wanted > count:
            continue
        if start is not None:
            parts[wanted - 2] = parse_question(text[start : mark.start()])
        wanted, start = wanted + 1, mark.end()
    if start is not None:
        parts[wanted - 2] = parse_question(text[start:])
    return parts


def parse_question(text: str) -> str | None:
    """The question in a reply that should hold nothing else; None where nothing is left."""
    cleaned = text.strip().strip("`").strip()
    for prefix in ("question:", "rephrased question:", "new question:"):
        if cleaned.lower().startswith(prefix):
            cleaned = cleaned[len(prefix) :].strip()
    # Some models answer at once, below the question they were asked for.
    cleaned = cleaned.split("\nAnswer:")[0].strip()
    return cleaned.strip('"').strip() or None
