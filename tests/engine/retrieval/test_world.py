"""The sandbox's retrieval world keeps to its settings, and its teacher errs as stated."""

from __future__ import annotations

import asyncio
import random

import pytest

from engine.domain import Message, Request
from engine.errors import NoReplyError
from engine.retrieval.asks import RetrievalStrategy, request, written_query
from engine.retrieval.collection import OUT_OF_DOMAIN
from engine.retrieval.feedback import FeedbackTeacher
from engine.retrieval.language import ASKING, CLUSTERS, HELD_OUT, WRITING, words
from engine.retrieval.scratch import sandbox_pair
from engine.retrieval.world import LEARNED_IN_QUERY, collection
from engine.retrieval.world_teacher import ERROR_RATE, UNKNOWN, WorldTeacher, read


def matter(name: str) -> str:
    return name.partition("-")[2]


def test_no_two_queries_ask_for_one_matter_and_the_held_out_clusters_are_in_tests_only() -> None:
    found = collection()
    queries = (*found.train, *found.dev, *found.test)
    assert len({matter(query.id) for query in queries}) == len(queries)
    held = {f"c{cluster}" for cluster in range(CLUSTERS - HELD_OUT, CLUSTERS)}
    for query in queries:
        assert (matter(query.id).partition("s")[0] in held) == (query.side == OUT_OF_DOMAIN)
    assert not {query.id for query in found.train} & {query.id for query in found.test}
    assert all(name.partition("s")[0] not in held for name in found.open_to_questions)


def test_queries_share_hardly_a_word_with_what_answers_them() -> None:
    found = collection()
    said = set(ASKING) | set(WRITING)
    shared = [
        bool((set(query.text.split()) & set(found.passages[matter(query.id)].split())) - said) for query in found.test
    ]
    assert 0 < sum(shared) / len(shared) < 2 * LEARNED_IN_QUERY


def test_fewer_queries_are_a_prefix_of_more() -> None:
    assert collection(20, 10, 20).train == collection().train[:20]


def reply(strategy: RetrievalStrategy, text: str, teacher: WorldTeacher) -> str:
    return asyncio.run(teacher.ask(request(strategy, text))).text


@pytest.mark.parametrize("rate", [0.0, ERROR_RATE, 1.0])
def test_the_teacher_misses_the_matter_at_its_stated_rate(rate: float) -> None:
    found, teacher, rng = collection(), WorldTeacher(rate), random.Random(0)
    missed = 0
    for query in found.test:
        about = read(reply(RetrievalStrategy.EXPANSION, query.text, teacher), rng)
        assert about is not None
        missed += f"{about[0].name}a{about[1]}" != matter(query.id)
    assert missed / len(found.test) == pytest.approx(rate, abs=0.05)


def test_replies_are_the_same_for_the_same_request_and_differ_between_draws() -> None:
    text = collection().train[0].text
    ask = WorldTeacher().ask
    one, again, other = (
        asyncio.run(ask(request(RetrievalStrategy.EXPANSION, text, sample))).text for sample in (0, 0, 1)
    )
    assert one == again != other


def test_what_is_not_of_this_world_is_not_answered() -> None:
    assert reply(RetrievalStrategy.EXPANSION, "boundary layers on a wing", WorldTeacher()) == UNKNOWN
    asked = Request((Message("system", "Solve it."), Message("user", "Question: 2 + 2?")), 100, 0.7, 0)
    assert asyncio.run(WorldTeacher().ask(asked)).text == UNKNOWN


def test_the_encoder_from_nothing_never_meets_an_unknown_everyday_word() -> None:
    known = words()
    lay = {
        word for group in (*known.lay_aspects, *known.lay_common, *(s.lay for s in known.subjects)) for word in group
    }
    rng = random.Random(0)
    seen = {word for _ in range(2000) for text in sandbox_pair(rng) for word in text.split()}
    assert seen & lay
    assert (seen & lay) <= known.known


def test_feedback_expands_from_the_corpus_alone_and_makes_nothing_else() -> None:
    teacher = FeedbackTeacher({"a": "heat in composite slabs " * 20, "b": "wing"}, "test")
    told = asyncio.run(teacher.ask(request(RetrievalStrategy.AT_SEARCH, "slabs of heat"))).text
    assert told.split() == ("heat in composite slabs " * 20).split()[:25]
    with pytest.raises(NoReplyError, match="expansions only"):
        asyncio.run(teacher.ask(request(RetrievalStrategy.REPHRASE, "slabs")))
    with pytest.raises(NoReplyError, match="no passage shares a word"):
        asyncio.run(teacher.ask(request(RetrievalStrategy.EXPANSION, "zebra")))


def test_a_written_query_is_one_line_without_what_models_put_around_it() -> None:
    assert written_query('Query: "how do wings fly"\n\nI hope this helps.') == "how do wings fly"
    assert written_query("  \n") is None
    assert written_query("word " * 200) is None
