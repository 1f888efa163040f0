"""What a sandbox world is, and how well a simulated writer of questions writes them.

A world knows its problems without words (a frozen value `P`), writes them as questions, reads questions back, and
answers them. Each world is one module with one object `WORLD`; `engine.sandbox.catalogue` lists them.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

from engine.domain import Item

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Augmenter:
    """How well a writer of questions writes them; committed before any cell is trained."""

    unanswerable: float
    """Share of new questions that lack what one needs to answer them."""
    off_distribution: float
    """Share of new questions from parts of the world that tests (nearly) never ask."""
    changed: float
    """Share of rephrasings that change what is asked."""


STRONG = Augmenter(unanswerable=0.05, off_distribution=0.2, changed=0.05)
WEAK = Augmenter(unanswerable=0.35, off_distribution=0.5, changed=0.08)
"""It rephrases nearly as well as a strong one."""


class World(Protocol[P]):
    """A procedural world. Everything is deterministic in its arguments; of `n` items a smaller `n` is a prefix."""

    @property
    def name(self) -> str:
        """`maths`, `sql`, ..."""
        ...

    @property
    def task(self) -> str:
        """The text of the task.toml that scores it (`engine.tasks.task_from`); a named task by its `preset`."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where files lie that the task names; None: it names none."""
        ...

    def seeds(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different items with their answers."""
        ...

    def test_items(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different items whose problems are held out: never a seed's, an input's or pretraining's."""
        ...

    def inputs(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different questions without answers; none is a test item."""
        ...

    def key(self, problem: P) -> str:
        """The problem without its wording and without what no answer depends on; `is_held_out` goes by it."""
        ...

    def type_of(self, problem: P) -> Hashable:
        """What kind of question it is; types have a long tail, so that 100 seeds show a part of them."""
        ...

    def read(self, question: str, rng: random.Random) -> P | None:
        """The problem that a text asks; None where it is no answerable question of this world. `rng` draws what the
        text leaves open and no answer depends on."""
        ...

    def answered(self, problem: P, rng: random.Random, *, flawed: bool) -> str:
        """A worked answer as a teacher writes it; a wrong one where it is flawed."""
        ...

    def rephrased(self, problem: P, question: str, rng: random.Random, *, flawed: bool) -> str:
        """The question in other words; a flawed one asks something else."""
        ...

    def invented(self, problem: P, rng: random.Random, augmenter: Augmenter) -> str:
        """A new question after this one, as that augmenter writes it."""
        ...

    def easy(self, rng: random.Random) -> tuple[str, str]:
        """What is asked (`Item.asked`) of the easier part, and its worked answer as a student learns it, for
        pretraining; never a held-out problem."""
        ...

    def texts(self, rng: random.Random) -> str:
        """What is asked (`Item.asked`) in the whole world, or an answer without its question, for pretraining; never of
        a held-out problem."""
        ...

    def words(self) -> frozenset[str]:
        """Every word and sign that questions, prompts and answers can hold, numbers aside."""
        ...


def is_held_out(key: str) -> bool:
    """Whether a problem is kept for tests: a quarter of all. The key is the problem without its wording."""
    return hashlib.sha256(key.encode()).digest()[0] % 4 == 0


def draw_items(
    n: int, stream: str, make: Callable[[random.Random], tuple[str, Item]], *, tests: bool
) -> tuple[Item, ...]:
    """`n` items with different questions, from one side of the held-out line.

    `make` draws a problem as the world weighs them, and gives its key (`is_held_out`) with its item, whose id is then
    `STREAM-PLACE`.
    """
    return _prefixes(stream, make, tests).first(n)


class _Prefixes:
    """Items that are drawn as far as anybody asked: a smaller number is a prefix of a larger one."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items, self._found, self._lock = items, list[Item](), threading.Lock()

    def first(self, n: int) -> tuple[Item, ...]:
        """The first `n`."""
        with self._lock:
            while len(self._found) < n:
                self._found.append(next(self._items))
            return tuple(self._found[:n])


@lru_cache(maxsize=24)
def _prefixes(stream: str, make: Callable[[random.Random], tuple[str, Item]], tests: bool) -> _Prefixes:
    return _Prefixes(_drawn(stream, make, tests))


def _drawn(stream: str, make: Callable[[random.Random], tuple[str, Item]], tests: bool) -> Iterator[Item]:
    rng, asked = random.Random(stream), set[str]()
    while True:
        key, item = make(rng)
        if is_held_out(key) is tests and item.asked not in asked:
            name = f"{stream}-{len(asked)}"
            asked.add(item.asked)
            yield Item(name, item.question, item.answer, item.family, item.context, item.fields)
