"""What a query encoder is taught by, text by text: lessons, hard negatives, and expanded queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.retrieval.arms import HARD_DEPTH, Arm, Example
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.collection import Collection, Query
from engine.retrieval.encoder import Encoder, expanded
from engine.retrieval.lexical import BM25
from engine.retrieval.paid import Made
from engine.retrieval.search import Vectors
from engine.retrieval.tuning import Lesson

Texts = Mapping[RetrievalStrategy, Made]


def cosine(one: Vectors, other: Vectors) -> float:
    """The mean cosine of two arrays of vectors (rows, dimension), row by row."""
    product = (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))
    return float(product.mean())


def with_expansion(encoder: Encoder, query: Query, written: Made | None) -> str:
    """The query expanded by what was written for it; the plain query where nothing was."""
    found = () if written is None else written.texts.get(query.id, ())
    return expanded(encoder, query.text, found) if found else query.text


def lesson(
    arm: Arm,
    example: Example,
    rows: Mapping[str, int],
    hard: Mapping[str, tuple[str, ...]],
    encoder: Encoder,
    expansions: Mapping[str, Sequence[str]],
) -> Lesson:
    """What one example teaches in that arm.

    `rows` are places of queries among the expanded targets, `hard` are hard negatives by text, `expansions` are those
    that the text itself is searched with.
    """
    text = example.text
    if example.query is not None and (found := expansions.get(example.query)):
        text = expanded(encoder, text, found)
    target = rows.get(example.query) if example.query is not None and arm.weight and example.original else None
    return Lesson(text, example.relevant, target, hard.get(example.text, ()) if arm.hard else ())


def hard_negatives(collection: Collection, texts: Texts) -> dict[str, tuple[str, ...]]:
    """By text to search by: BM25's first passages that are not judged relevant."""
    relevant = {query.text: set(collection.judgements[query.id]) for query in collection.train}
    new = texts.get(RetrievalStrategy.NEW_QUERY)
    for passage, found in () if new is None else new.texts.items():
        for text in found:
            relevant.setdefault(text, set()).add(passage)
    rankings = BM25(collection.passages).search(list(relevant), HARD_DEPTH)
    return {
        text: tuple(name for name, _ in ranking if name not in relevant[text])
        for text, ranking in zip(relevant, rankings, strict=True)
    }
