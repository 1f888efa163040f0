"""The maths world: word problems in several steps (`problems.py`, `wording.py`, `language.py`, `world.py`).

**Its teacher, committed before any cell was trained.** A flawed answer has a slip or a forgotten step, a flawed
rephrasing changes a number, an unanswerable new question leaves a number out. A new question keeps the seed's
computation half of the time and exchanges, adds or drops one part otherwise; the exchanged part is drawn evenly, not
as the world weighs it, so that what it invents drifts away from what is tested, as invented questions do. That drift
is this world's share off distribution of the strong augmenter. What a weaker one has above it are questions with four
or five steps, which no test has.

Every draw is where it was before there were other worlds: seeds and replies that somebody bought stay theirs.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

from engine.domain import Item
from engine.sandbox import wording, world
from engine.sandbox.language import LINES, SENTENCES, read, rephrasings, work, worked, write
from engine.sandbox.problems import (
    HIGH,
    IN_WORDS,
    LOW,
    Part,
    Problem,
    answer,
    sample_problem,
    sample_scene,
    solve,
    weighted,
    with_numbers,
)
from engine.sandbox.wording import ASK, MIDDLE, START
from engine.sandbox.worlds import STRONG, Augmenter

SAME_COMPUTATION = 0.5
"""Share of new questions that keep the seed's sequence of kinds."""

HARD = {"part_kept", "swap", "aside", "goal", "together"}
"""Kinds that the student has never seen solved."""
EASY_STEPS = {0: 0.2, 1: 0.35, 2: 0.3, 3: 0.15}
"""How many steps the problems have that it has seen solved, with their share."""
EASY_SENTENCES = 0.8
"""Share of each kind's sentences that it has seen solved."""

SIGNS = ("+", "-", "*", "/", "=", ".", ",", "?", "!", ":", "'", "$", "####")
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Maths:
    """The maths world, as `worlds.World` has it."""

    name: str = "maths"
    task: str = 'preset = "math"'
    folder: Path | None = None

    def seeds(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """See `world.seeds`."""
        return world.seeds(n, seed)

    def test_items(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """See `world.test_items`."""
        return world.test_items(n, seed)

    def inputs(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """See `world.inputs`."""
        return world.inputs(n, seed)

    def key(self, problem: Problem) -> str:
        """Kinds and numbers alone."""
        return world.key_of(problem)

    def type_of(self, problem: Problem) -> tuple[str, ...]:
        """The sequence of kinds."""
        return problem.kinds

    def read(self, question: str, rng: random.Random) -> Problem | None:
        """See `language.read`."""
        return read(question, rng)

    def answered(self, problem: Problem, rng: random.Random, *, flawed: bool) -> str:
        """One sum a line, and a last line `#### N`; with a slip or a forgotten step where it is flawed."""
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

    def rephrased(self, problem: Problem, question: str, rng: random.Random, *, flawed: bool) -> str:
        """Other sentences for the same parts; with one number misread where it is flawed."""
        if flawed:
            problem = _with_another_number(problem, rng)
        return next(text for text in rephrasings(problem, rng) if text != question)

    def invented(self, problem: Problem, rng: random.Random, augmenter: Augmenter) -> str:
        """Another problem near this one."""
        flawed = rng.random() < augmenter.unanswerable
        kinds = _new_kinds(problem.kinds, rng, augmenter)
        # A sequence for which no numbers work out is rare; the seed's own always has some.
        new = with_numbers(kinds, rng) or with_numbers(problem.kinds, rng) or problem
        text = write(replace(new, scene=sample_scene(rng)), rng)
        numbers = list(re.finditer(r"\d+", text))
        if flawed and numbers:
            gone = rng.choice(numbers)
            text = f"{text[: gone.start()]}some{text[gone.end() :]}"
        return text

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """A problem without the hard kinds, in the first of each kind's sentences."""
        problem = sample_easy(rng)
        return write(problem, rng, EASY_SENTENCES), worked(problem, rng)

    def texts(self, rng: random.Random) -> str:
        """A question of any kind."""
        while world.held_out(problem := sample_problem(rng)):
            pass
        return write(problem, rng)

    def words(self) -> frozenset[str]:
        """Every word of the sentences, with a capital too where a sentence may begin with it, and the signs."""
        slots = re.compile(r"\{\w+\}")
        texts = [slots.sub(" ", template) for kinds in SENTENCES.values() for template in kinds]
        texts += [slots.sub(" ", line) for line in LINES]
        texts += ["she he She He some", *wording.TIMES.values(), *wording.PARTS.values()]
        texts += [*wording.NAMES, *wording.THINGS, *wording.BOXES, *wording.FRIENDS]
        words = {word for text in texts for word in _WORD.findall(text)}
        # A sentence may begin with a word that its template has in the middle.
        words |= {word.capitalize() for word in words if word in " ".join(wording.PARTS.values()).split()}
        return frozenset(words) | frozenset(SIGNS)


WORLD = Maths()


def sample_easy(rng: random.Random) -> Problem:
    """A problem of the part of the world that pretraining shows solved."""
    while True:
        steps = rng.choices(list(EASY_STEPS), list(EASY_STEPS.values()))[0]
        kinds = tuple(weighted(table, rng) for table in (START, *[MIDDLE] * steps, ASK))
        if not HARD & set(kinds):
            problem = with_numbers(kinds, rng)
            if problem is not None and not world.held_out(problem):
                return problem


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


def _new_kinds(kinds: tuple[str, ...], rng: random.Random, augmenter: Augmenter) -> tuple[str, ...]:
    """What a new question computes."""
    further = (augmenter.off_distribution - STRONG.off_distribution) / (1 - STRONG.off_distribution)
    if further > 0 and rng.random() < further:  # nothing is drawn for the strong one, whose replies are to stay
        steps = [rng.choice(list(MIDDLE)) for _ in range(rng.choice((4, 5)))]
        return (kinds[0], *steps, kinds[-1])
    return kinds if rng.random() < SAME_COMPUTATION else _other_kinds(kinds, rng)


def _other_kinds(kinds: tuple[str, ...], rng: random.Random) -> tuple[str, ...]:
    """The seed's sequence with one part exchanged, or with one step more or less (one to three stay)."""
    start, *steps, ask = kinds
    change = rng.choice(("start", "step", "step", "length", "ask"))
    if change == "start":
        start = rng.choice(list(START))
    elif change == "ask":
        ask = rng.choice(list(ASK))
    elif change == "step":
        steps[rng.randrange(len(steps))] = rng.choice(list(MIDDLE))
    elif len(steps) == 1 or (len(steps) == 2 and rng.random() < 0.5):
        steps.insert(rng.randrange(len(steps) + 1), rng.choice(list(MIDDLE)))
    else:
        del steps[rng.randrange(len(steps))]
    return (start, *steps, ask)
