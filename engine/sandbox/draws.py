"""What sandbox worlds draw with: long-tailed weights, the words of their texts, items without their answers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from engine.domain import Item, item_id

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
