"""What sandbox worlds draw with: long-tailed weights, the words of their texts, items without their answers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from engine.domain import Item, item_id
from engine.sandbox.worlds import draw_items

T = TypeVar("T")

_WORDS = re.compile(r"[A-Za-z]+|[^\sA-Za-z0-9]")
_SLOTS = re.compile(r"\{\w*\}")


def tailed(values: Sequence[T], rng: random.Random, power: float = 1.0) -> T:
    """One of the values, the k-th from 1 with a weight of 1 / k^power (Zipf's law): a few are common, most are rare."""
    return rng.choices(values, [1 / place**power for place in range(1, len(values) + 1)])[0]


def unlabelled(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items as a user's inputs: their questions, without answers."""
    return tuple(replace(item, id=item_id(item.question, ""), answer="") for item in items)


def listed(words: str) -> tuple[str, ...]:
    """The words of a text between spaces, in order."""
    return tuple(words.split())


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """The words and signs of texts; slots like `{name}` and numbers are none."""
    return frozenset(word for text in texts for word in _WORDS.findall(_SLOTS.sub(" ", text)))


class Drawn:
    """Seeds, test items and inputs of a world that draws a problem and writes it."""

    name: str

    def drawn(self, rng: random.Random) -> tuple[str, Item]:
        """A problem as the world weighs them: its key, and its item without an id."""
        raise NotImplementedError

    def seeds(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different items with their answers; a smaller `n` is a prefix."""
        return self._items(n, f"{self.name}-seed-{seed}", tests=False)

    def test_items(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different items whose problems are never those of another."""
        return self._items(n, f"{self.name}-test-{seed}", tests=True)

    def inputs(self, n: int, seed: int = 0) -> tuple[Item, ...]:
        """`n` different questions without answers."""
        return unlabelled(self._items(n, f"{self.name}-input-{seed}", tests=False))

    def _items(self, n: int, stream: str, *, tests: bool) -> tuple[Item, ...]:
        return draw_items(n, stream, self.drawn, tests=tests)
