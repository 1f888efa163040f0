"""The ways one would serve a search, built as one would and timed: untuned, plain, SoftQE, expanded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from peft import PeftModel

from engine.retrieval import arms
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.encoder import Encoder, encode, expanded
from engine.retrieval.latency import Latency, timed
from engine.retrieval.paid import Made
from engine.retrieval.prepared import PreparedRetrieval
from engine.retrieval.result import Measured, chosen
from engine.retrieval.search import search
from engine.retrieval.tuning import Index

FOUND = 10
"""Passages that a search gives."""


def served(
    prepared: PreparedRetrieval,
    encoder: Encoder,
    indexes: Mapping[str, Index],
    measured: Sequence[Measured],
    folder: Path,
    texts: Mapping[RetrievalStrategy, Made],
) -> dict[str, Latency]:
    """Milliseconds of a search by each way on this machine, from the query's text to the best ten passages; what the
    teacher takes to expand a query comes on top of the last."""
    side, _, queries = prepared.sides()[0]
    index = indexes[side]
    plain = [query.text for query in queries]
    ways: dict[str, Callable[[int], object]] = {}

    def way(searcher: Encoder, asked: Sequence[str]) -> Callable[[int], object]:
        def one(at: int) -> object:
            return search(encode(searcher, [asked[at]], "query"), index.vectors, index.ids, FOUND)

        return one

    for name, arm in ((arms.PLAIN, arms.PLAIN), (arms.SOFTQE, chosen(measured))):
        ways[name] = way(_merged(encoder, folder / "arms" / f"{arm}-0" / "adapter"), plain)
    ways[arms.UNTUNED] = way(encoder, plain)
    if (written := texts.get(RetrievalStrategy.AT_SEARCH)) is not None and written.texts:
        longer = [
            expanded(encoder, query.text, found) if (found := written.texts.get(query.id, ())) else query.text
            for query in queries
        ]
        ways[arms.AT_SEARCH] = way(encoder, longer)
    return timed(ways, len(plain), prepared.asked.latency_searches)


def _merged(encoder: Encoder, adapter: Path) -> Encoder:
    """The encoder with an adapter in its weights: what one would serve."""
    model = PeftModel.from_pretrained(copy.deepcopy(encoder.model), adapter).merge_and_unload()
    return replace(encoder, model=model.eval().requires_grad_(False))
