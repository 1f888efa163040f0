"""What the untuned student is shown before each question: seeds with their answers, as many as fit beside any of them.

The seeds are drawn once for all questions, so that the prompts begin alike.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.curation import Length
from engine.domain import Item, Message
from engine.tasks import Task

MOST_SHOWN = 8
"""More examples take more time and rarely help more."""
DEFAULT_CONTEXT = 2048
"""Tokens, for a student whose config names no longest text."""
A_TURN = 16
"""Tokens that a chat template puts around a message, at most."""
DRAW = "examples for the untuned student"


def shown_seeds(
    task: Task, seeds: Sequence[Item], test: Sequence[Item], length: Length, context: int | None, max_new_tokens: int
) -> tuple[Item, ...]:
    """The seeds that are shown: at most `MOST_SHOWN`, and so many that they, the longest question and an answer fit
    into the context; none where not even one does.

    `length` is the student's (None: unknown, then a byte counts as a token).
    """
    drawn = random.Random(DRAW).sample(list(seeds), len(seeds))[:MOST_SHOWN]

    def tokens(question: str, answer: str) -> int:
        known = length(question, answer)
        said = sum(len(message.content.encode()) for message in task.student_prompt(question)) + len(answer.encode())
        return (said if known is None else known) + 2 * A_TURN

    room = (context or DEFAULT_CONTEXT) - max_new_tokens - max((tokens(item.asked, "") for item in test), default=0)
    found: list[Item] = []
    for seed in drawn:
        room -= tokens(seed.asked, seed.answer)
        if room < 0:
            break
        found.append(seed)
    return tuple(found)


def prompt_with(task: Task, shown: Sequence[Item], item: Item) -> tuple[Message, ...]:
    """The conversation up to the student's turn: each shown seed as an earlier question and answer."""
    turns: list[Message] = []
    for seed in shown:
        turns += [*task.student_prompt(seed.asked), Message("assistant", seed.answer)]
    return (*turns, *task.student_prompt(item.asked))


def ends_of(task: Task, seeds: Sequence[Item]) -> tuple[str, ...]:
    """Texts that show that a student without a chat template, which knows no end of its turn, has gone on to the next
    question: the end of the line where no seed's answer has two lines, else an empty line where none has one in it
    (`loading.prompt_ids`), and a line that begins as every question does.
    """
    answers = [seed.answer.strip() for seed in seeds]
    if all("\n" not in answer for answer in answers):
        return ("\n",)
    first = task.student_instruction.strip().partition("\n")[0]
    empty = ("\n\n",) if all("\n\n" not in answer for answer in answers) else ()
    return (*empty, *((f"\n{first}",) if first else ()))
