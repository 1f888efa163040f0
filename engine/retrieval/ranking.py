"""How good a ranking is, query by query: nDCG@10, MRR@10, Recall@100 (computed by ir-measures)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ir_measures
from ir_measures import RR, R, nDCG

from engine.retrieval.collection import Judgements, Query

NDCG, MRR, RECALL = "ndcg_at_10", "mrr_at_10", "recall_at_100"
DEPTH = 100
"""Passages of a ranking that are kept: Recall looks no deeper."""
_MEASURES = {NDCG: nDCG @ 10, MRR: RR @ 10, RECALL: R @ 100}

Ranking = Sequence[tuple[str, float]]
"""Passages with their scores, the best first."""
Scores = dict[str, tuple[float, ...]]
"""By measure: a fraction for each query, in their order."""


def scored(queries: Sequence[Query], rankings: Sequence[Ranking], judgements: Judgements) -> Scores:
    """What each query's ranking is worth. A query whose ranking is empty scores 0: nothing was found."""
    qrels = {query.id: dict(judgements[query.id]) for query in queries}
    # The places decide, not the scores: equal scores would be put in the order of the passages' names.
    run = {
        query.id: {passage: float(len(ranking) - place) for place, (passage, _) in enumerate(ranking)}
        for query, ranking in zip(queries, rankings, strict=True)
    }
    found: dict[str, dict[str, float]] = {name: {} for name in _MEASURES}
    names = {str(measure): name for name, measure in _MEASURES.items()}
    for value in ir_measures.iter_calc(list(_MEASURES.values()), qrels, run):
        found[names[str(value.measure)]][value.query_id] = float(value.value)
    return {name: tuple(values.get(query.id, 0.0) for query in queries) for name, values in found.items()}


def means(scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The mean of each measure over its queries, as a fraction."""
    return {name: sum(values) / len(values) for name, values in scores.items()}
