"""The sandbox teacher: answers the very prompts that a real teacher gets, about the sandbox world.

It reads the messages and nothing else: the instruction says whether to answer, to rephrase or to
write a new question, and the question's text says the rest (`engine.sandbox.language.read`). A
question that is not of its world it calls UNANSWERABLE, as the prompts ask of every teacher.

**Its flaws, committed before any cell was trained.** A share `error_rate` of its replies is flawed:
an answer with a slip or a forgotten step, a rephrasing that changes a number, a new question that
leaves a number out. A new question keeps the seed's computation half of the time and exchanges, adds
or drops one part otherwise; the exchanged part is drawn evenly, not as the world weighs it, so that
what it invents drifts away from what is tested, as invented questions do.

Replies are deterministic in the messages, the temperature and the sample index.
"""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import replace

from engine.domain import Message, Reply, Request
from engine.sandbox import wording
from engine.sandbox.language import read, rephrasings, work, write
from engine.sandbox.problems import HIGH, IN_WORDS, LOW, Part, Problem, answer, sample_scene, solve, with_numbers

UNANSWERABLE = "UNANSWERABLE"

SAME_COMPUTATION = 0.5
"""Share of new questions that keep the seed's sequence of kinds."""

_QUESTION = re.compile(r"Question:\s*(.*)", re.DOTALL)
_SEVERAL = re.compile(r"write (\d+) new questions")


class SandboxTeacher:
    """A teacher without key, price or network, with a stated error rate."""

    def __init__(self, error_rate: float = 0.05, name: str = "sandbox-teacher") -> None:
        """`error_rate` is the share of flawed replies, 0 to 1 (ValueError outside)."""
        if not 0 <= error_rate <= 1:
            raise ValueError(f"error_rate is {error_rate}; expected a share from 0 to 1")
        self.error_rate = error_rate
        self.name = name

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
        found = _QUESTION.search(_last_user_text(request.messages))
        text = found.group(1).strip() if found else ""
        problem = read(text, rng)
        if problem is None:
            return UNANSWERABLE
        flawed = rng.random() < self.error_rate
        if "rephrase" in instruction:
            return _rephrased(problem, text, rng, flawed=flawed)
        if several := _SEVERAL.search(instruction):
            # Each has its own chance of a flaw: a list is no more careful than its entries.
            made = [_invented(problem, rng, flawed=rng.random() < self.error_rate) for _ in range(int(several[1]))]
            return "\n".join(f"{place}. {question}" for place, question in enumerate(made, 1))
        if "new question" in instruction:
            return _invented(problem, rng, flawed=flawed)
        return _answered(problem, rng, flawed=flawed)


def _generator(request: Request) -> random.Random:
    key = repr((request.messages, request.temperature, request.sample_index))
    return random.Random(hashlib.sha256(key.encode()).hexdigest())


def _last_user_text(messages: tuple[Message, ...]) -> str:
    return next((m.content for m in reversed(messages) if m.role == "user"), "")


def _answered(problem: Problem, rng: random.Random, *, flawed: bool) -> str:
    sums, result = solve(problem), answer(problem)
    if not flawed:
        return work(sums, result, rng)
    forgetful = _without_a_step(problem, rng)
    if forgetful is not None and answer(forgetful) != result and rng.random() < 0.5:
        return work(solve(forgetful), answer(forgetful), rng)
    slip = rng.choice([n for n in range(max(LOW, result - 10), result + 11) if n != result])
    # The last sum shows the slip too: an answer whose lines contradict each other would be easy to weed out.
    return re.sub(rf"= {result}(\.?\n####)", rf"= {slip}\1", work(sums, result, rng)).replace(
        f"#### {result}", f"#### {slip}"
    )


def _without_a_step(problem: Problem, rng: random.Random) -> Problem | None:
    """The problem as somebody reads it who overlooks a step; None where it then does not work out."""
    left_out = rng.randrange(1, len(problem.parts) - 1)
    parts = problem.parts[:left_out] + problem.parts[left_out + 1 :]
    shorter = replace(problem, parts=parts)
    try:
        solve(shorter)
    except ValueError:
        return None
    return shorter


def _rephrased(problem: Problem, original: str, rng: random.Random, *, flawed: bool) -> str:
    if flawed:
        problem = _with_another_number(problem, rng)
    return next(text for text in rephrasings(problem, rng) if text != original)


def _with_another_number(problem: Problem, rng: random.Random) -> Problem:
    """The problem with one number misread; as it was where no other number works out."""
    places = [(i, j) for i, part in enumerate(problem.parts) for j in range(len(part.numbers))]
    misread = [(i, j, by) for i, j in places for by in range(-9, 10) if by]
    for i, j, by in rng.sample(misread, len(misread)):
        part = problem.parts[i]
        numbers = tuple(n + by * (at == j) for at, n in enumerate(part.numbers))
        top = max(wording.TIMES) if part.kind in IN_WORDS else HIGH
        if not LOW <= numbers[j] <= top:
            continue
        parts = (*problem.parts[:i], Part(part.kind, numbers), *problem.parts[i + 1 :])
        try:
            solve(changed := replace(problem, parts=parts))
        except ValueError:
            continue
        return changed
    return problem


def _invented(problem: Problem, rng: random.Random, *, flawed: bool) -> str:
    kinds = problem.kinds if rng.random() < SAME_COMPUTATION else _other_kinds(problem.kinds, rng)
    # A sequence for which no numbers work out is rare; the seed's own always has some.
    new = with_numbers(kinds, rng) or with_numbers(problem.kinds, rng) or problem
    text = write(replace(new, scene=sample_scene(rng)), rng)
    numbers = list(re.finditer(r"\d+", text))
    if flawed and numbers:
        gone = rng.choice(numbers)
        text = f"{text[: gone.start()]}some{text[gone.end() :]}"
    return text


def _other_kinds(kinds: tuple[str, ...], rng: random.Random) -> tuple[str, ...]:
    """The seed's sequence with one part exchanged, or with one step more or less (one to three stay)."""
    start, *steps, ask = kinds
    change = rng.choice(("start", "step", "step", "length", "ask"))
    if change == "start":
        start = rng.choice(list(wording.START))
    elif change == "ask":
        ask = rng.choice(list(wording.ASK))
    elif change == "step":
        steps[rng.randrange(len(steps))] = rng.choice(list(wording.MIDDLE))
    elif len(steps) == 1 or (len(steps) == 2 and rng.random() < 0.5):
        steps.insert(rng.randrange(len(steps) + 1), rng.choice(list(wording.MIDDLE)))
    else:
        del steps[rng.randrange(len(steps))]
    return (start, *steps, ask)
