"""The sandbox teacher: answers the very prompts that a real teacher gets, about the sandbox's worlds.

It reads the messages and nothing else: the instruction says whether to answer, to rephrase or to
write a new question, and the question's text says the rest (`engine.sandbox.worlds.World.read`). A
question that is of none of its worlds it calls UNANSWERABLE, as the prompts ask of every teacher. As a
judge (`engine.tasks.judge`) it grades replies in the open world, and it does not err there.

**Its flaws, committed before any cell was trained.** A share `error_rate` of its answers is wrong; of the
questions that it writes so many are flawed as its `augmenter` says. What a flaw looks like is each world's.

Replies are deterministic in the messages, the temperature and the sample index.
"""

from __future__ import annotations

import hashlib
import random
import re

from engine.domain import Message, Reply, Request
from engine.sandbox import open_answers
from engine.sandbox.catalogue import WORLDS
from engine.sandbox.worlds import STRONG, Augmenter

UNANSWERABLE = "UNANSWERABLE"
ERROR_RATE = 0.05
"""Share of wrong answers."""

_QUESTION = re.compile(r"Question:\s*(.*)", re.DOTALL)
_JUDGED = re.compile(r"<question (\w+)>\n(.*)\n</question \1>.*<reply \1>\n(.*)\n</reply \1>", re.DOTALL)
_SEVERAL = re.compile(r"write (\d+) new questions")


class SandboxTeacher:
    """A teacher without key, price or network, with stated error rates."""

    def __init__(
        self, error_rate: float = ERROR_RATE, name: str = "sandbox-teacher", augmenter: Augmenter = STRONG
    ) -> None:
        """`error_rate` is the share of wrong answers, 0 to 1 (ValueError outside)."""
        if not 0 <= error_rate <= 1:
            raise ValueError(f"error_rate is {error_rate}; expected a share from 0 to 1")
        self.error_rate = error_rate
        self.name = name
        self.augmenter = augmenter

    async def ask(self, request: Request) -> Reply:
        """The reply; token counts are words, which is what this teacher has."""
        words = self._reply(request).split(" ")
        cut = len(words) > request.max_tokens
        text = " ".join(words[: request.max_tokens])
        return Reply(
            text=text,
            finish_reason="length" if cut else "stop",
            input_tokens=sum(len(message.content.split()) for message in request.messages),
            output_tokens=len(text.split()),
        )

    def _reply(self, request: Request) -> str:
        rng = _generator(request)
        instruction = " ".join(m.content for m in request.messages if m.role == "system").lower()
        told = _last_user_text(request.messages)
        if (judged := _JUDGED.search(told)) is not None:
            return open_answers.verdict(judged[2], judged[3])
        found = _QUESTION.search(told)
        text = found.group(1).strip() if found else ""
        for world in WORLDS:
            if (problem := world.read(text, rng)) is not None:
                break
        else:
            return UNANSWERABLE
        if "rephrase" in instruction:
            return world.rephrased(problem, text, rng, flawed=rng.random() < self.augmenter.changed)
        if several := _SEVERAL.search(instruction):
            rng.random()  # unused; it was drawn before every reply, and lists that somebody bought are to stay
            made = [world.invented(problem, rng, self.augmenter) for _ in range(int(several[1]))]
            return "\n".join(f"{place}. {question}" for place, question in enumerate(made, 1))
        if "new question" in instruction:
            return world.invented(problem, rng, self.augmenter)
        return world.answered(problem, rng, flawed=rng.random() < self.error_rate)


def _generator(request: Request) -> random.Random:
    key = repr((request.messages, request.temperature, request.sample_index))
    return random.Random(hashlib.sha256(key.encode()).hexdigest())


def _last_user_text(messages: tuple[Message, ...]) -> str:
    return next((m.content for m in reversed(messages) if m.role == "user"), "")
