"""Scores of rankings, exact search, and the memory that it needs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.errors import InputError
from engine.retrieval.collection import Query
from engine.retrieval.latency import timed
from engine.retrieval.lexical import BM25, by_chance
from engine.retrieval.ranking import MRR, NDCG, RECALL, scored
from engine.retrieval.search import check_memory, search


def test_scores_are_those_that_a_hand_computes() -> None:
    queries = [Query("a", "x"), Query("b", "y"), Query("c", "z")]
    judged = {"a": {"p1": 1}, "b": {"p1": 2, "p2": 1}, "c": {"p9": 1}}
    rankings = [[("p2", 0.9), ("p1", 0.8)], [("p2", 0.5), ("p1", 0.5)], []]
    found = scored(queries, rankings, judged)
    # pytrec_eval's gains are the grades themselves.
    best = 2 + 1 / math.log2(3)
    assert found[NDCG] == pytest.approx((1 / math.log2(3), (1 + 2 / math.log2(3)) / best, 0.0))
    assert found[MRR] == pytest.approx((0.5, 1.0, 0.0))
    assert found[RECALL] == pytest.approx((1.0, 1.0, 0.0))


def test_search_finds_what_comparing_everything_finds_and_equal_scores_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((7, 5), dtype=np.float32)
    passages = rng.standard_normal((50, 5), dtype=np.float32)
    passages[40] = passages[3]
    ids = [f"p{i}" for i in range(50)]
    for query, ranking in zip(queries, search(queries, passages, ids, 50), strict=True):
        expected = sorted(range(50), key=lambda at: (-float(passages[at] @ query), at))
        assert [name for name, _ in ranking][:10] == [f"p{at}" for at in expected][:10]
        names = [name for name, _ in ranking]
        assert names.index("p40") == names.index("p3") + 1


def test_a_corpus_whose_vectors_do_not_fit_is_refused_with_what_would_fit() -> None:
    check_memory(1000, 100, free=10**6)
    with pytest.raises(InputError, match=r"2,000 passages as vectors of 100 numbers .* at most 1,250 passages"):
        check_memory(2000, 100, free=10**6)


def test_bm25_finds_shared_words_and_nothing_where_there_are_none() -> None:
    bm25 = BM25({"a": "wing in a slipstream", "b": "heat in composite slabs", "c": "boundary layer"})
    found = bm25.search(["heat conduction in slabs", "zebra"])
    assert [name for name, _ in found[0]] == ["b"]
    assert found[1] == []


def test_chance_is_the_same_chance_each_time() -> None:
    passages = {f"p{i}": "" for i in range(300)}
    assert by_chance(passages, 3) == by_chance(passages, 3)
    assert len({name for name, _ in by_chance(passages, 1)[0]}) == 100


def test_a_way_that_takes_twice_as_long_is_told_as_such() -> None:
    def work(times: int) -> float:
        return sum(math.sqrt(i) for i in range(4000 * times))

    found = timed({"one": lambda _: work(1), "two": lambda _: work(2)}, texts=3, rounds=60)
    assert found["one"].by_clock.ratio == 1
    assert 1.7 < found["two"].by_processor.ratio < 2.4
    assert found["two"].by_processor.low95 <= found["two"].by_processor.ratio <= found["two"].by_processor.high95
    assert found["two"].median >= found["two"].processor * 0.5
