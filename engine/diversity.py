"""How different the examples of a pool are, budget by budget: why a strategy saturates.

What is compared is what a strategy adds: the answer in answer augmentation, the question in all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.similarity import features, jaccard, words

LOOKED_AT = 150
"""Examples, evenly over the pool, whose nearest neighbour is looked for."""


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


def diversity(texts: Sequence[str], seeds: Sequence[str]) -> Diversity:
    """Of the texts, beside the seeds that they were made from."""
    said = [words(text) for text in texts]
    total = sum(max(0, len(one) - 1) for one in said)
    distinct = {pair for one in said for pair in pairwise(one)}
    vocabulary = {word for one in said for word in one}
    known = {word for seed in seeds for word in words(seed)}
    return Diversity(
        len(distinct) / total if total else None,
        _nearest(texts),
        len(vocabulary - known) / len(vocabulary) if vocabulary else None,
    )


def _nearest(texts: Sequence[str]) -> float | None:
    if len(texts) < 2:
        return None
    shingles = [features(text).shingles for text in texts]
    holding: dict[int, list[int]] = {}
    for place, one in enumerate(shingles):
        for shingle in one.tolist():
            holding.setdefault(shingle, []).append(place)
    looked_at = np.unique(np.linspace(0, len(texts) - 1, LOOKED_AT).round().astype(int))
    distances = []
    for place in looked_at.tolist():
        shared = np.zeros(len(texts), dtype=np.int64)
        for shingle in shingles[place].tolist():
            shared[holding[shingle]] += 1
        shared[place] = 0
        # The nearest by J is among those that share most; ties in what is shared go to the shorter text.
        likely = np.argsort(shared)[-20:]
        distances.append(1 - max(jaccard(shingles[place], shingles[other]) for other in likely if other != place))
    return float(np.mean(distances))
