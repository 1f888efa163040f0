"""Whether two questions are one: word shingles, numbers, and an index of a fixed set of them.

Numbers are read in words and in digits ("three" is 3), and two questions with other numbers are never one: in a word
problem another number makes another question. What is left is how many of their words and pairs of neighbouring words
two texts share, the Jaccard index J.

Measured on GSM8K (tests/engine/test_similarity.py keeps the figures honest): 300 rephrasings of seeds by GPT-4 have
J 0.14 to 0.37 with their seed (5th to 95th percentile), at most 0.56; of 45,000 unrelated pairs of questions the
highest is 0.25, and 0.15 with two numbers shared; 300 new questions that were made from a seed by changing its numbers
have J 0.62 to 0.90, and all have other numbers.

Where no numbers tell, the words must: of Spider's 892 questions on eight databases 93 have J 0.6 or more with one that
asks for something else ("the course code" for "the course description"), 10 have 0.85; and of its 618 human
rephrasings, which change a word or two, 80 % have J 0.6 or more with their question, 5 % have 0.85. So what is left out
of a pool as a copy needs 0.85, or question rephrase would lose four of five examples there; next to a test item 0.6 is
enough, since a test item among the training data costs more than a question that is not trained on.

Through the whole of curation (tests/engine/test_curation_real.py): of 700 different real word problems and science
questions none is called another (five are left out, and are the same ones typed twice); 66 % of GPT-4's rephrasings
are caught next to their test item, none next to their seed. Of Spider's 892 questions 34 are wrongly left out next to a
test item, 4 next to a seed or another; 81 % of people's rephrasings are caught there, 5 % lost here.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAME_WORDS = 0.6
"""J from which a question with the same numbers as a test item is too near it."""
COPY = 0.85
"""J from which a written question with the same numbers as a seed or an earlier one is a copy of it."""
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

_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝкмтвнАВЕКМНОРСТУХІЈЅαορνικτυγΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwkmtbhabekmhopctyxijsaopviktuyabezhikmnoptyx",
)
"""Cyrillic and Greek letters that look like Latin ones (the common part of Unicode's confusables, TR 39)."""
_ACCENT = re.compile("[\u0300-\u036f]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Features:
    """What of a question is compared."""

    shingles: Hashes
    """Hashes of its words and of its pairs of neighbouring words, each once, ascending."""
    numbers: frozenset[str]
    """Its different numbers; 1 is not among them, as it is often a word like "one of them"."""
    context: str = ""
    """What it is asked about: the same words about another database are another question."""


def features(text: str, context: str = "") -> Features:
    """The features of a text; empty for one without words or digits."""
    said = words(text)
    numbers = frozenset(word for word in said if word[0].isdigit() and word != "1")
    return Features(np.unique(np.concatenate(hashes(said))), numbers, context)


def hashes(said: Sequence[str]) -> tuple[Hashes, Hashes]:
    """Of words and of their pairs of neighbours, in order."""
    hashed = np.array([_hash(word) for word in said], dtype=np.uint64)
    # One odd multiplier makes a pair's hash depend on its order.
    return hashed, hashed[:-1] * np.uint64(0x9E3779B97F4A7C15) + hashed[1:]


def words(text: str) -> list[str]:
    """Words in small letters, numbers as digits without needless zeros; of the first LONGEST characters.

    Accents, invisible marks and letters of another script that look like Latin ones make no other word.
    """
    found: list[str] = []
    tens = 0
    for token in _TOKEN.findall(_GROUPED.sub("", _plain(text[:LONGEST]))):
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


def _plain(text: str) -> str:
    if not text.isascii():
        text = _ACCENT.sub("", unicodedata.normalize("NFKD", _INVISIBLE.sub("", text))).translate(_LOOK_ALIKES)
    return text.casefold()


@lru_cache(maxsize=20_000)
def _hash(word: str) -> int:
    # Not Python's own hash: it differs from process to process.
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def jaccard(first: NDArray[np.unsignedinteger], second: NDArray[np.unsignedinteger]) -> float:
    """Shared shingles over all shingles; 0 where a text has none."""
    if not len(first) or not len(second):
        return 0.0
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


def same_question(
    first: Features, second: Features, *, in_other_words: bool = False, least: float = SAME_WORDS
) -> bool:
    """Whether two questions are one, nearly word for word, or also `in_other_words` where numbers tell."""
    return _same(jaccard(first.shingles, second.shingles), first, second, in_other_words, least)


def _same(alike: float, first: Features, second: Features, in_other_words: bool, least: float) -> bool:
    if first.context != second.context:
        return False
    if alike >= least:
        return first.numbers == second.numbers
    if not in_other_words or alike < SAME_FACTS:
        return False
    shared = first.numbers & second.numbers
    if not any(float(number) > TELLING for number in shared):
        return False
    most = max(len(first.numbers), len(second.numbers))
    if len(shared) < most:
        # A rephrasing may leave one number out, or spell out one that was meant: one more must then be shared.
        return shared in (first.numbers, second.numbers) and len(shared) == most - 1 and len(shared) > FACTS
    return len(shared) >= FACTS


class Known:
    """A fixed set of questions, each compared with what is asked about: seeds or test items, a few thousand."""

    def __init__(self, known: Sequence[Features], *, in_other_words: bool = False, least: float = SAME_WORDS) -> None:
        self.in_other_words = in_other_words
        self.least = least
        self._known = known
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
        least = SAME_FACTS if self.in_other_words else self.least
        return any(
            _same(float(alike[place]), asked, self._known[place], self.in_other_words, self.least)
            for place in np.nonzero(alike >= least)[0].tolist()
        )
