"""Rankings that need no encoder: BM25 (by bm25s) and chance."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import bm25s

from engine.retrieval.ranking import DEPTH, Ranking


class BM25:
    """BM25 over passages (Lucene's form, k1 1.5, b 0.75: the defaults of bm25s)."""

    def __init__(self, passages: Mapping[str, str]) -> None:
        """Words are lower-cased; English stop words are left out, nothing is stemmed."""
        self._ids = list(passages)
        self._index = bm25s.BM25()
        self._index.index(bm25s.tokenize(list(passages.values()), show_progress=False), show_progress=False)

    def search(self, texts: Sequence[str], depth: int = DEPTH) -> list[Ranking]:
        """For each text the best passages; fewer where fewer share a word with it."""
        if not texts:
            return []
        depth = min(depth, len(self._ids))
        tokens = bm25s.tokenize(list(texts), show_progress=False, return_ids=False)
        places, scores = self._index.retrieve(tokens, k=depth, show_progress=False)
        return [
            [(self._ids[place], float(score)) for place, score in zip(row, values, strict=True) if score > 0]
            for row, values in zip(places.tolist(), scores.tolist(), strict=True)
        ]


def by_chance(passages: Mapping[str, str], queries: int, seed: int = 0) -> list[Ranking]:
    """As many rankings of passages that were drawn blindly."""
    ids, rng = list(passages), random.Random(f"chance-{seed}")
    depth = min(DEPTH, len(ids))
    return [[(name, float(depth - place)) for place, name in enumerate(rng.sample(ids, depth))] for _ in range(queries)]
