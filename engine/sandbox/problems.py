"""The problems of the sandbox world without their words: what is computed, and with which numbers.

A problem is a start, one to three steps and a question. Each part is of a kind (a key of `WEIGHTS`)
and holds one or two numbers. All numbers of a problem and of its solution stay within 2 to 99.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.sandbox import wording

LOW, HIGH = 2, 99
"""Smallest and largest number that a problem or its solution holds."""

STEPS = ((1, 0.3), (2, 0.4), (3, 0.3))
"""How many steps lie between start and question, with their probability."""

_STARTS = {"have": 0.4, "mixed": 0.25, "packed": 0.2, "daily": 0.15}
_STEPS = {
    "gain": 0.18,
    "lose": 0.18,
    "gain_packs": 0.13,
    "give_each": 0.13,
    "multiply": 0.08,
    "daily_use": 0.07,
    "part_lost": 0.07,
    "swap": 0.06,
    "part_kept": 0.05,
    "aside": 0.05,
}
_QUESTIONS = {
    "left": 0.25,
    "money": 0.13,
    "share": 0.12,
    "more_than": 0.11,
    "fewer_than": 0.1,
    "goal": 0.09,
    "together": 0.08,
    "bags": 0.07,
    "times_other": 0.05,
}
WEIGHTS: Mapping[str, float] = {**_STARTS, **_STEPS, **_QUESTIONS}
"""How often a kind of start, step or question comes; the weights of each group add up to 1."""


@dataclass(frozen=True, slots=True)
class Sum:
    """One line of arithmetic: `left sign right = result`."""

    left: int
    sign: str
    right: int

    @property
    def result(self) -> int:
        """What it comes to; ValueError where a division leaves a rest."""
        if self.sign == "/":
            whole, rest = divmod(self.left, self.right)
            if rest:
                raise ValueError("the division leaves a rest")
            return whole
        return {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[self.sign](self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right} = {self.result}"


@dataclass(frozen=True, slots=True)
class Part:
    """A start, a step or a question: what kind it is, and its one or two numbers."""

    kind: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who and what a problem is about."""

    name: str
    other: str
    things: str
    boxes: str
    friends: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A question without its wording."""

    scene: Scene
    parts: tuple[Part, ...]
    """The start, the steps and the question, in order."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The sequence of kinds: what has to be computed, whatever the numbers."""
        return tuple(part.kind for part in self.parts)


Rule = Callable[[int, tuple[int, ...]], tuple[Sum, ...]]


def _packs(sign: str) -> Rule:
    return lambda x, n: (Sum(n[0], "*", n[1]), Sum(x, sign, n[0] * n[1]))


_RULES: dict[str, Rule] = {
    "have": lambda x, n: (),
    "mixed": lambda x, n: (Sum(n[0], "+", n[1]),),
    "packed": lambda x, n: (Sum(n[0], "*", n[1]),),
    "daily": lambda x, n: (Sum(n[0], "*", n[1]),),
    "gain": lambda x, n: (Sum(x, "+", n[0]),),
    "lose": lambda x, n: (Sum(x, "-", n[0]),),
    "gain_packs": _packs("+"),
    "give_each": _packs("-"),
    "daily_use": _packs("-"),
    "multiply": lambda x, n: (Sum(x, "*", n[0]),),
    "part_lost": lambda x, n: (Sum(x, "/", n[0]), Sum(x, "-", Sum(x, "/", n[0]).result)),
    "part_kept": lambda x, n: (Sum(x, "/", n[0]),),
    "swap": lambda x, n: (Sum(x, "-", n[0]), Sum(x - n[0], "+", n[1])),
    "aside": lambda x, n: (),
    "left": lambda x, n: (),
    "money": lambda x, n: (Sum(x, "*", n[0]),),
    "share": lambda x, n: (Sum(x, "/", n[0]),),
    "bags": lambda x, n: (Sum(x, "/", n[0]),),
    "more_than": lambda x, n: (Sum(x, "+", n[0]),),
    "fewer_than": lambda x, n: (Sum(x, "-", n[0]),),
    "together": lambda x, n: (Sum(x, "+", n[0]), Sum(x, "+", x + n[0])),
    "goal": lambda x, n: (Sum(n[0], "-", x),),
    "times_other": lambda x, n: (Sum(x, "*", n[0]),),
}

_TWO_NUMBERS = {"mixed", "packed", "daily", "gain_packs", "give_each", "daily_use", "swap"}
_NO_NUMBER = {"left"}
IN_WORDS = {"multiply", "part_lost", "part_kept", "times_other"}
"""Kinds whose number is told in words ("twice", "a third")."""
_FACTORS = {"packed", "daily", "gain_packs", "give_each", "daily_use", "money", "share", "bags"}


def _numbers(kind: str, rng: random.Random) -> tuple[int, ...]:
    if kind in _NO_NUMBER:
        return ()
    top = 5 if kind in IN_WORDS else 12 if kind in _FACTORS else HIGH if kind == "goal" else 60
    return tuple(rng.randint(LOW, top) for _ in range(2 if kind in _TWO_NUMBERS else 1))


def weighted(kinds: Mapping[str, object], rng: random.Random) -> str:
    """One of the kinds of a group, as the world weighs them."""
    return rng.choices(list(kinds), [WEIGHTS[kind] for kind in kinds])[0]


def sample_scene(rng: random.Random) -> Scene:
    """Two different people and what they deal in."""
    name, other = rng.sample(wording.NAMES, 2)
    return Scene(name, other, rng.choice(wording.THINGS), rng.choice(wording.BOXES), rng.choice(wording.FRIENDS))


def sample_kinds(rng: random.Random) -> tuple[str, ...]:
    """A sequence of kinds as the world's weights have it."""
    steps = rng.choices([n for n, _ in STEPS], [p for _, p in STEPS])[0]
    middle = [weighted(wording.MIDDLE, rng) for _ in range(steps)]
    return (weighted(wording.START, rng), *middle, weighted(wording.ASK, rng))


def with_numbers(kinds: tuple[str, ...], rng: random.Random, tries: int = 300) -> Problem | None:
    """A problem of these kinds whose numbers all work out, or None where none was found.

    Numbers are drawn part by part, each part again until its own sums stay within the world.
    """
    for _ in range(tries):
        parts: list[Part] = []
        total = 0
        for kind in kinds:
            for _ in range(20):
                part = Part(kind, _numbers(kind, rng))
                reached = _reach(total, part)
                if reached is not None:
                    break
            else:
                break
            parts.append(part)
            total = reached
        if len(parts) == len(kinds):
            return Problem(sample_scene(rng), tuple(parts))
    return None


def sample_problem(rng: random.Random) -> Problem:
    """A problem as the world's weights have it."""
    while True:
        problem = with_numbers(sample_kinds(rng), rng)
        if problem is not None:
            return problem


def _sums(total: int, part: Part) -> tuple[Sum, ...]:
    return _RULES[part.kind](total, part.numbers)


def _reach(total: int, part: Part) -> int | None:
    """The running total after a part; None where a number leaves the world or a division its rest."""
    if part.kind == "have":
        return part.numbers[0]
    try:
        sums = _sums(total, part)
        if any(not LOW <= s.result <= HIGH for s in sums):
            return None
    except ValueError:
        return None
    return sums[-1].result if sums else total


def solve(problem: Problem) -> tuple[Sum, ...]:
    """The sums that lead to the answer, in order; ValueError for a problem that does not work out."""
    total = 0
    found: list[Sum] = []
    for part in problem.parts:
        reached = _reach(total, part)
        if reached is None:
            raise ValueError(f"{part} does not work out from {total}")
        found += _sums(total, part)
        total = reached
    return tuple(found)


def answer(problem: Problem) -> int:
    """The number that is asked for."""
    total = 0
    for part in problem.parts:
        total = _reach(total, part) or 0
    return total
