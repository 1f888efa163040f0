"""How different the examples of a pool are, budget by budget: why a strategy saturates.

What is compared is what a strategy adds: the answer in answer augmentation, the question in all others. Texts are read
one after the other, twice, and none is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from engine.similarity import Hashes, features, hashes, words

LOOKED_AT = 150
"""Examples, evenly over the pool, whose nearest neighbour is looked for."""
SKETCH = 65_536
"""So many different words or pairs are counted exactly; of more, the count is within 0.4 % (one standard error)."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """Of some texts. Fractions; None where there is nothing to say it of."""

    distinct_pairs: float | None
    """Different pairs of neighbouring words over all such pairs (distinct-2, Li et al. 2016): falls as texts repeat
    each other's phrases."""
    nearest: float | None
    """Mean distance (1 - Jaccard index of words and pairs) of a text to the nearest other one: 0 for copies."""
    new_words: float | None
    """Share of the texts' different words that no seed holds."""


def diversity(texts: Sequence[str], seeds: Iterable[str]) -> Diversity:
    """Of the texts, beside the seeds that they were made from."""
    return diversities(lambda: texts, [len(texts)], seeds)[0]


def diversities(texts: Callable[[], Iterable[str]], counts: Sequence[int], seeds: Iterable[str]) -> list[Diversity]:
    """Of the first so many texts, for each of the `counts`; `texts` is called twice and gives the same each time."""
    looked_at = {count: _spread(count) for count in counts}
    wanted = {place for places in looked_at.values() for place in places}
    last = max(counts, default=0)
    nearest = _Nearest({at: text for at, text in enumerate(islice(texts(), last)) if at in wanted})
    known = hashes(sorted({word for seed in seeds for word in words(seed)}))[0]
    different, vocabulary, total = _Distinct(), _Distinct(), 0
    found: dict[int, Diversity] = {}

    def seen(count: int) -> None:
        if count not in looked_at or count in found:
            return
        pairs, new = different.count(), vocabulary.share_outside(known)
        found[count] = Diversity(pairs / total if total else None, nearest.mean(looked_at[count]), new)

    seen(0)
    for place, text in enumerate(islice(texts(), last)):
        said, pairs = hashes(words(text))
        vocabulary.add(said)
        different.add(pairs)
        total += len(pairs)
        nearest.compare(place, np.unique(np.concatenate([said, pairs])))
        seen(place + 1)
    return [found[count] for count in counts]


def _spread(count: int) -> list[int]:
    """Places in the first `count`, evenly; none where there is no other to be near."""
    return [] if count < 2 else sorted(set(np.linspace(0, count - 1, LOOKED_AT).round().astype(int).tolist()))


class _Nearest:
    """How like the likest other text is, for each of a few texts, after those that were compared."""

    def __init__(self, looked_at: dict[int, str]) -> None:
        self._row = {place: row for row, place in enumerate(looked_at)}
        shingles = [features(text).shingles for text in looked_at.values()]
        self._sizes = np.array([len(one) for one in shingles], dtype=np.int64)
        self._best: NDArray[np.float64] = np.zeros(len(shingles))
        every = np.concatenate(shingles) if shingles else np.empty(0, dtype=np.uint64)
        order = np.argsort(every, kind="stable")
        self._shingles, self._rows = every[order], np.repeat(np.arange(len(shingles)), self._sizes)[order]

    def compare(self, place: int, shingles: Hashes) -> None:
        """Compares the text at that place with all that are looked at, but itself."""
        begin, end = (np.searchsorted(self._shingles, shingles, side) for side in ("left", "right"))
        found = np.nonzero(end > begin)[0].tolist()
        if not found:
            return
        rows = np.concatenate([self._rows[begin[one] : end[one]] for one in found])
        shared = np.bincount(rows, minlength=len(self._sizes))
        alike = shared / (len(shingles) + self._sizes - shared)
        if place in self._row:
            alike[self._row[place]] = 0.0
        np.maximum(self._best, alike, out=self._best)

    def mean(self, places: Sequence[int]) -> float | None:
        """Mean distance of those texts to their nearest, of the texts that were compared until now."""
        rows = [self._row[place] for place in places]
        return float(np.mean(1 - self._best[rows])) if rows else None


class _Distinct:
    """How many different hashes came: the smallest SKETCH of them tell (k minimum values, Bar-Yossef et al. 2002)."""

    def __init__(self) -> None:
        self._smallest: Hashes = np.empty(0, dtype=np.uint64)
        self._waiting: list[Hashes] = []
        self._count = 0

    def add(self, found: Hashes) -> None:
        """Takes more."""
        self._waiting.append(found)
        self._count += len(found)
        if self._count >= SKETCH:
            self._merge()

    def count(self) -> float:
        """Different ones until now."""
        self._merge()
        if len(self._smallest) < SKETCH:
            return float(len(self._smallest))
        return (SKETCH - 1) / (float(self._smallest[-1]) / 2.0**64)

    def share_outside(self, known: Hashes) -> float | None:
        """Share of the different ones that are not among the known; None where there are none."""
        self._merge()
        return float(np.mean(~np.isin(self._smallest, known))) if len(self._smallest) else None

    def _merge(self) -> None:
        if self._waiting:
            self._smallest = np.unique(np.concatenate([self._smallest, *self._waiting]))[:SKETCH]
            self._waiting, self._count = [], 0
