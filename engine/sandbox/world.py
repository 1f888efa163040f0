"""A procedural world of maths word problems in several steps: its settings, seeds and test items.

Each part of a problem has a kind (what is computed, `problems.py`) and takes one of several sentences
with names and things from a vocabulary (`wording.py`). There are about 40,000 sequences of kinds, so
that 100 seeds show few of them. Rephrasings of a seed show other sentences for the same sequence and
the same numbers; new questions show other sequences and other numbers.

**Settings, committed before any cell was trained:** the kinds and their weights with a long tail
(`problems.WEIGHTS`), one to three steps (`problems.STEPS`), numbers from 2 to 99, the vocabulary and
the sentences (`wording.py`), and which problems are held out for tests (`held_out`). No setting was
changed after a strategy was measured.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

from engine.domain import Item, item_id
from engine.sandbox.language import worked, write
from engine.sandbox.problems import Problem, sample_problem
from engine.sandbox.worlds import draw_items, is_held_out


def key_of(problem: Problem) -> str:
    """A problem without its words: its kinds and numbers."""
    return repr([(part.kind, part.numbers) for part in problem.parts])


def held_out(problem: Problem) -> bool:
    """Whether a problem is kept for tests: a quarter of all, by its kinds and numbers alone.

    Neither seeds nor pretraining ever show such a problem, in any wording.
    """
    return is_held_out(key_of(problem))


def _items(n: int, stream: str, *, tests: bool) -> tuple[Item, ...]:
    return draw_items(n, stream, _maker(tests), tests=tests)


@cache
def _maker(tests: bool) -> Callable[[random.Random], tuple[str, Item]]:
    """What draws an item; a problem that is not wanted is not written, since seeds that somebody has depend on it."""

    def make(rng: random.Random) -> tuple[str, Item]:
        problem = sample_problem(rng)
        key = key_of(problem)
        if is_held_out(key) is not tests:
            return key, Item("", "", "")
        return key, Item("", write(problem, rng), worked(problem, rng))

    return make


def seeds(n: int, seed: int = 0) -> tuple[Item, ...]:
    """`n` different seed items; a smaller `n` gives a prefix of a larger one."""
    return _items(n, f"sandbox-seed-{seed}", tests=False)


def test_items(n: int, seed: int = 0) -> tuple[Item, ...]:  # noqa: PT028 - no test, whatever its name
    """`n` different test items; no problem among them is ever a seed, whatever `n` and `seed`."""
    return _items(n, f"sandbox-test-{seed}", tests=True)


def inputs(n: int, seed: int = 0) -> tuple[Item, ...]:
    """`n` different unlabelled inputs: questions of the same world without their answers, no test item among
    them. A question may also be a seed's, as in life."""
    items = _items(n, f"sandbox-input-{seed}", tests=False)
    return tuple(Item(item_id(item.question, ""), item.question, "") for item in items)


test_items.__test__ = False  # type: ignore[attr-defined]  # a name that pytest would collect
