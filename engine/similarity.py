"""Whether two questions are one: word shingles, numbers, and an index that finds near ones among many.

Numbers are read in words and in digits ("three" is 3), and two questions with other numbers are never one: in a word
problem another number makes another question. What is left is how many of their words and pairs of neighbouring words
two texts share, the Jaccard index J.

Measured on GSM8K (tests/engine/test_similarity.py keeps the figures honest): 300 rephrasings of seeds by GPT-4 have
J 0.14 to 0.37 with their seed (5th to 95th percentile), at most 0.56; of 45,000 unrelated pairs of questions the
highest is 0.25, and 0.15 with two numbers shared; 300 new questions that were made from a seed by changing its numbers
have J 0.62 to 0.90, and all have other numbers.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAME_WORDS = 0.6
"""J from which two questions with the same numbers are one, whatever they ask about."""
SAME_FACTS = 0.15
"""J from which two questions that share FACTS numbers are one in other words."""
FACTS, TELLING = 2, 10
"""So many different shared numbers (1 not counted), one of them above TELLING, make two questions recognisable by their
numbers: small ones coincide."""

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_UNITS = {word: value for value, word in enumerate(_SMALL)}
_ROUND = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: 10 * value for value, word in enumerate(_ROUND, 2)}
_OTHER = {"dozen": 12, "hundred": 100, "thousand": 1000}
LONGEST = 50_000
"""Characters of a text that are looked at."""
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Features:
    """What of a question is compared."""

    shingles: Hashes
    """Hashes of its words and of its pairs of neighbouring words, each once, ascending."""
    numbers: frozenset[str]
    """Its different numbers; 1 is not among them, as it is often a word like "one of them"."""


def features(text: str) -> Features:
    """The features of a text; empty for one without words or digits."""
    said = words(text)
    hashed = np.array([_hash(word) for word in said], dtype=np.uint64)
    # One odd multiplier makes a pair's hash depend on its order.
    pairs = hashed[:-1] * np.uint64(0x9E3779B97F4A7C15) + hashed[1:]
    numbers = frozenset(word for word in said if word[0].isdigit() and word != "1")
    return Features(np.unique(np.concatenate([hashed, pairs])), numbers)


def words(text: str) -> list[str]:
    """Words in small letters, numbers as digits without needless zeros; of the first LONGEST characters."""
    found: list[str] = []
    tens = 0
    for token in _TOKEN.findall(_GROUPED.sub("", text[:LONGEST].casefold())):
        if tens and 0 < _UNITS.get(token, 0) < 10:
            found[-1] = str(tens + _UNITS[token])
            tens = 0
            continue
        tens = _TENS.get(token, 0)
        value = tens or _UNITS.get(token, _OTHER.get(token))
        if value is not None:
            found.append(str(value))
        elif token[0].isdigit() and "." in token:
            found.append(token.rstrip("0").rstrip("."))
        else:
            found.append(token)
    return found


@lru_cache(maxsize=100_000)
def _hash(word: str) -> int:
    # Not Python's own hash: it differs from process to process.
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def jaccard(first: NDArray[np.unsignedinteger], second: NDArray[np.unsignedinteger]) -> float:
    """Shared shingles over all shingles; 0 where a text has none."""
    if not len(first) or not len(second):
        return 0.0
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def same_question(first: Features, second: Features, *, in_other_words: bool = False) -> bool:
    """Whether two questions are one, nearly word for word, or also `in_other_words` where numbers tell."""
    return _same(jaccard(first.shingles, second.shingles), first.numbers, second.numbers, in_other_words)


def _same(alike: float, first: frozenset[str], second: frozenset[str], in_other_words: bool) -> bool:
    if alike >= SAME_WORDS:
        return first == second
    if not in_other_words or alike < SAME_FACTS:
        return False
    shared = first & second
    if not any(float(number) > TELLING for number in shared):
        return False
    most = max(len(first), len(second))
    if len(shared) < most:
        # A rephrasing may leave one number out, or spell out one that was meant: one more must then be shared.
        return shared in (first, second) and len(shared) == most - 1 and len(shared) > FACTS
    return len(shared) >= FACTS


class Known:
    """A fixed set of questions, each compared with what is asked about: seeds or test items, a few thousand."""

    def __init__(self, texts: list[str], *, in_other_words: bool) -> None:
        self.in_other_words = in_other_words
        known = [features(text) for text in texts]
        self._numbers = [one.numbers for one in known]
        self._sizes = np.array([len(one.shingles) for one in known], dtype=np.int64)
        holding: dict[int, list[int]] = {}
        for place, one in enumerate(known):
            for shingle in one.shingles.tolist():
                holding.setdefault(shingle, []).append(place)
        self._holding = {shingle: np.array(places) for shingle, places in holding.items()}

    def has(self, asked: Features) -> bool:
        """Whether one of them is the same question. Exact: each that shares a shingle is counted."""
        found = [self._holding[shingle] for shingle in asked.shingles.tolist() if shingle in self._holding]
        if not found:
            return False
        shared = np.bincount(np.concatenate(found), minlength=len(self._sizes))
        alike = shared / (len(asked.shingles) + self._sizes - shared)
        least = SAME_FACTS if self.in_other_words else SAME_WORDS
        return any(
            _same(float(alike[place]), asked.numbers, self._numbers[place], self.in_other_words)
            for place in np.nonzero(alike >= least)[0].tolist()
        )


class Growing:
    """Questions that were kept, each new one compared with all of them: MinHash bands find the likely ones.

    BANDS of ROWS minima find 99.8 % of the pairs with J 0.8 and 78 % of those with J 0.6, where they begin to count as
    one. An entry takes about half a kilobyte; the texts are not held.
    """

    BANDS, ROWS = 8, 3

    def __init__(self) -> None:
        draw = np.random.default_rng(2024)
        count = self.BANDS * self.ROWS
        self._multipliers = draw.integers(1, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._buckets: dict[bytes, int] = {}
        self._kept: list[bytes] = []

    def has(self, asked: Features) -> bool:
        """Whether a kept question is the same, nearly word for word."""
        places = {self._buckets[band] for band in self._bands(asked) if band in self._buckets}
        short = _short(asked.shingles)
        return any(jaccard(short, np.frombuffer(self._kept[at], np.uint32)) >= SAME_WORDS for at in sorted(places))

    def add(self, kept: Features) -> None:
        """Keeps one more; of several in a bucket the first stands for all."""
        for band in self._bands(kept):
            self._buckets.setdefault(band, len(self._kept))
        self._kept.append(_short(kept.shingles).tobytes())

    def _bands(self, asked: Features) -> list[bytes]:
        """Keys that two texts share if they are alike; the numbers are part of each, so that others never meet."""
        if not len(asked.shingles):
            return []
        minima = (asked.shingles[None] * self._multipliers[:, None]).min(axis=1)
        numbers = hashlib.blake2b(" ".join(sorted(asked.numbers)).encode(), digest_size=8).digest()
        return [
            hashlib.blake2b(
                numbers + bytes([band]) + minima[band * self.ROWS : (band + 1) * self.ROWS].tobytes(), digest_size=8
            ).digest()
            for band in range(self.BANDS)
        ]


def _short(shingles: Hashes) -> NDArray[np.uint32]:
    """The upper halves, ascending still: enough to count what two texts share, in half of the memory."""
    return (shingles >> np.uint64(32)).astype(np.uint32)
