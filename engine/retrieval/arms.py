"""What is compared: rankings without training, and query encoders by what they were taught.

Every tuned arm takes the same steps, batches and rank, from the same training queries with their judgements; the arms
of the teacher's strategies add what the same number of teacher queries came to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.collection import Collection

RANDOM, BM25_ARM, UNTUNED = "random", "bm25", "untuned"
PLAIN, PLAIN_HARD = "plain", "plain_hard"
REPHRASE, NEW_QUERY, NEW_QUERY_HARD = "query_rephrase", "new_query", "new_query_hard"
DISTANCE_ALONE = "distance_alone"
AT_SEARCH, AT_SEARCH_TUNED = "expansion_at_search", "expansion_at_search_tuned"
SOFTQE = "softqe"
"""Whichever weight and teacher was best on the queries to choose by."""
HARD_DEPTH = 30
"""Hard negatives are drawn from so many of BM25's first passages, those judged relevant left out."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A query encoder by what it is taught."""

    name: str
    source: RetrievalStrategy | None = None
    """Whose texts it is taught by; None: by queries and judgements alone, which cost nothing."""
    contrastive: bool = True
    weight: float = 0.0
    tuned_teacher: bool = False
    """Whether the encoder whose vectors are distilled was itself tuned on expanded queries, as in the paper."""
    hard: bool = False
    """Whether BM25's hard negatives are used beside those of the batch."""


def trained_arms(weights: Sequence[float], sources: AbstractSet[RetrievalStrategy]) -> list[Arm]:
    """The arms in the order in which they are trained: what is distilled comes before what it is distilled into.

    One whose source is not among the `sources`, which came to something, would be plain tuning under another name.
    """
    expansion = RetrievalStrategy.EXPANSION
    # Tuned on expanded queries of training: the teacher of SoftQE's paper, and the searcher that expands each query.
    arms = [Arm(AT_SEARCH_TUNED, expansion), Arm(PLAIN), Arm(PLAIN_HARD, hard=True)]
    for tuned in (False, True):
        name = "softqe_tuned" if tuned else "softqe"
        arms += [Arm(f"{name}_w{weight:g}", expansion, True, weight, tuned) for weight in weights]
    arms += [
        Arm(DISTANCE_ALONE, expansion, False, 1.0),
        Arm(REPHRASE, RetrievalStrategy.REPHRASE),
        Arm(NEW_QUERY, RetrievalStrategy.NEW_QUERY),
        Arm(NEW_QUERY_HARD, RetrievalStrategy.NEW_QUERY, hard=True),
    ]
    return [arm for arm in arms if arm.source is None or arm.source in sources]


@dataclass(frozen=True, slots=True)
class Example:
    """A text to search by and what answers it, before it is told which vector it should have."""

    text: str
    relevant: tuple[str, ...]
    query: str | None
    """The training query that it is, or is made from; None for one that was written for a passage."""
    original: bool
    """Whether it is that query itself."""


def examples_of(arm: Arm, collection: Collection, texts: Mapping[str, Sequence[str]]) -> list[Example]:
    """What an arm is taught by; `texts` are those of its source, by query or by passage."""
    seeds = [Example(query.text, tuple(collection.judgements[query.id]), query.id, True) for query in collection.train]
    if arm.source is RetrievalStrategy.REPHRASE:
        relevant = {query.id: tuple(collection.judgements[query.id]) for query in collection.train}
        seeds += [Example(text, relevant[name], name, False) for name, found in texts.items() for text in found]
    elif arm.source is RetrievalStrategy.NEW_QUERY:
        seeds += [Example(text, (name,), None, False) for name, found in texts.items() for text in found]
    return seeds
