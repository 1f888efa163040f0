"""A procedural world of maths word problems in several steps.

A problem is a start, one to three steps and a question; each part has a kind (what is computed) and
takes one of several wordings, with names and things from a vocabulary. There are about 50,000
sequences of kinds, so that 100 seeds show a few; rephrasings of a seed show other wordings for the same
sequence and numbers, new questions show other sequences and numbers. All numbers stay within 2 to 99.

**Settings, committed before any cell was trained:** the kinds and their weights (`WEIGHTS`, with a
long tail), one to three steps (`STEPS`), the vocabulary and the sentences (`wording.py`), and which
problems are held out for tests (`held_out`). No setting was changed after a strategy was measured.

Everything is deterministic in the generator that it is given.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from engine.domain import Item
from engine.sandbox import wording

LOW, HIGH = 2, 99
"""Smallest and largest number that a problem or its solution holds."""

STEPS = ((1, 0.3), (2, 0.4), (3, 0.3))
"""How many steps lie between start and question, with their probability."""

WEIGHTS: Mapping[str, float] = {
    # starts
    **{"have": 0.4, "mixed": 0.25, "packed": 0.2, "daily": 0.15},
    # steps
    **{"gain": 0.18, "lose": 0.18, "gain_packs": 0.13, "give_each": 0.13, "multiply": 0.08},
    **{"daily_use": 0.07, "part_lost": 0.07, "swap": 0.06, "part_kept": 0.05, "aside": 0.05},
    # questions
    **{"left": 0.25, "money": 0.13, "share": 0.12, "more_than": 0.11, "fewer_than": 0.1},
    **{"goal": 0.09, "together": 0.08, "bags": 0.07, "times_other": 0.05},
}


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
_IN_WORDS = {"multiply", "part_lost", "part_kept", "times_other"}
_FACTORS = {"packed", "daily", "gain_packs", "give_each", "daily_use", "money", "share", "bags"}


def _numbers(kind: str, rng: random.Random) -> tuple[int, ...]:
    if kind in _NO_NUMBER:
        return ()
    top = 5 if kind in _IN_WORDS else 12 if kind in _FACTORS else HIGH if kind == "goal" else 60
    return tuple(rng.randint(LOW, top) for _ in range(2 if kind in _TWO_NUMBERS else 1))


def _pick(kinds: Mapping[str, object], rng: random.Random) -> str:
    return rng.choices(list(kinds), [WEIGHTS[kind] for kind in kinds])[0]


def sample_scene(rng: random.Random) -> Scene:
    """Two different people and what they deal in."""
    name, other = rng.sample(wording.NAMES, 2)
    return Scene(
        name, other, rng.choice(wording.THINGS), rng.choice(wording.BOXES), rng.choice(wording.FRIENDS)
    )


def sample_kinds(rng: random.Random) -> tuple[str, ...]:
    """A sequence of kinds as the world's weights have it."""
    steps = rng.choices([n for n, _ in STEPS], [p for _, p in STEPS])[0]
    middle = [_pick(wording.MIDDLE, rng) for _ in range(steps)]
    return (_pick(wording.START, rng), *middle, _pick(wording.ASK, rng))


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
    total, found = 0, []
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


# --- words --------------------------------------------------------------------------------------------

SENTENCES: dict[str, tuple[str, ...]] = {**wording.START, **wording.MIDDLE, **wording.ASK}


def sentence(template: str, scene: Scene, part: Part) -> str:
    """A part in the words of a template."""
    numbers = dict(zip("ab", part.numbers, strict=False))
    first = part.numbers[0] if part.numbers else 0
    text = template.format(
        name=scene.name,
        she="she" if scene.name in wording.WOMEN else "he",
        other=scene.other,
        things=scene.things,
        boxes=scene.boxes,
        friends=scene.friends,
        times=wording.TIMES.get(first, ""),
        part=wording.PARTS.get(first, ""),
        **numbers,
    )
    return text[0].upper() + text[1:]


def write(problem: Problem, rng: random.Random) -> str:
    """The question in words, each sentence drawn from those that its kind can take."""
    return " ".join(
        sentence(rng.choice(SENTENCES[part.kind]), problem.scene, part) for part in problem.parts
    )


def rephrasings(problem: Problem, rng: random.Random) -> Iterator[str]:
    """The same question in other words, again and again; facts and numbers stay as they are."""
    while True:
        yield write(problem, rng)


_LINES = (
    *("{sum}", "{sum}", "{sum}.", "So {sum}.", "Then {sum}.", "That is {sum}.", "This makes {sum}."),
    *("Now there are {sum}.", "We get {sum}.", "Next, {sum}.", "Work out {sum}.", "The count is {sum}."),
)


def work(sums: tuple[Sum, ...], result: int, rng: random.Random) -> str:
    """A worked answer: one sum a line in varying words, and a last line `#### N`."""
    lines = []
    for one in sums:
        turned = one.sign in "+*" and rng.random() < 0.25
        shown = Sum(one.right, one.sign, one.left) if turned else one
        lines.append(rng.choice(_LINES).format(sum=shown))
    return "\n".join([*lines, f"#### {result}"])


def worked(problem: Problem, rng: random.Random) -> str:
    """A right worked answer."""
    return work(solve(problem), answer(problem), rng)


# --- items --------------------------------------------------------------------------------------------


def held_out(problem: Problem) -> bool:
    """Whether a problem is kept for tests: a quarter of all, by its kinds and numbers alone.

    Neither seeds nor pretraining ever show such a problem, in any wording.
    """
    key = repr([(part.kind, part.numbers) for part in problem.parts])
    return hashlib.sha256(key.encode()).digest()[0] % 4 == 0


def _items(n: int, stream: str, *, tests: bool) -> tuple[Item, ...]:
    rng = random.Random(stream)
    found: dict[str, Item] = {}
    while len(found) < n:
        problem = sample_problem(rng)
        if held_out(problem) is tests:
            question = write(problem, rng)
            found.setdefault(
                question, Item(f"{stream}-{len(found)}", question, worked(problem, rng))
            )
    return tuple(found.values())


def seeds(n: int, seed: int = 0) -> tuple[Item, ...]:
    """`n` different seed items; a smaller `n` gives a prefix of a larger one."""
    return _items(n, f"sandbox-seed-{seed}", tests=False)


def test_items(n: int, seed: int = 0) -> tuple[Item, ...]:
    """`n` different test items; no problem among them is ever a seed, whatever `n` and `seed`."""
    return _items(n, f"sandbox-test-{seed}", tests=True)


test_items.__test__ = False  # type: ignore[attr-defined]  # a name that pytest would collect


def as_rng(*key: object) -> random.Random:
    """A generator that is the same for the same key, in every process."""
    return random.Random(hashlib.sha256(repr(key).encode()).hexdigest())


def with_scene(problem: Problem, scene: Scene) -> Problem:
    """The same computation about somebody and something else."""
    return replace(problem, scene=scene)
