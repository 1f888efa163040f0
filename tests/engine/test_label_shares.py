"""Real questions whose labels keep the shares of the seeds."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.curation import Curated, curate
from engine.domain import Example, Item, Strategy
from engine.label_shares import LabelShares
from engine.strategies import Draft

GOLDS = ("a",) * 5 + ("b",) * 3 + ("c",) * 2


def said(text: str) -> str | None:
    return text if text in "abcd" else None


def made(label: str, visit: int) -> Example:
    return Example("s", Strategy.REAL_QUESTION, f"q{visit}", label, 0, 1, (visit,))


def let_in(labels: str) -> list[tuple[int, str]]:
    shares = LabelShares(said, GOLDS)
    return [
        (visit, example.answer) for n, label in enumerate(labels) for visit, example in shares.offer(n, made(label, n))
    ]


def pool(labels: str) -> Curated:
    drafts = [Draft(f"question number {n}", label, None, (n,), "s", n) for n, label in enumerate(labels)]
    seeds = [Item(f"s{n}", f"seed {n}", gold) for n, gold in enumerate(GOLDS)]
    return curate(Strategy.REAL_QUESTION, seeds, (), drafts, None, LabelShares(said, GOLDS))


@settings(max_examples=60, deadline=None)
@given(st.text("abcd", max_size=80))
def test_no_label_ever_has_more_than_its_share_rounded_up(labels: str):
    shares = LabelShares(said, GOLDS)
    found: Counter[str] = Counter()
    for n, label in enumerate(labels):
        found.update(example.answer for _, example in shares.offer(n, made(label, n)))
        for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.2), ("d", 0.0)):
            assert found[name] <= ceil(round(share * found.total(), 6)), (labels, found)


@pytest.mark.parametrize("labels", ["a" * 50 + "b" * 30 + "c" * 20, "c" * 20 + "b" * 30 + "a" * 50, "abacabcaba" * 10])
def test_inputs_that_have_the_shares_are_all_kept_in_whatever_order_they_come(labels: str):
    assert Counter(label for _, label in let_in(labels)) == Counter(a=50, b=30, c=20)


def test_the_rarest_label_says_how_many_there_are():
    found = Counter(label for _, label in let_in("a" * 100 + "b" * 100 + "c" * 4))
    assert found["c"] == 4
    assert (found["a"], found["b"]) == (13, 8), "of 25: the next would ask for a fifth c"


def test_a_label_that_no_seed_has_is_left_out():
    assert [label for _, label in let_in("dddab")] == ["a", "b"]


def test_what_is_left_out_is_counted_and_the_counts_add_up():
    found = pool("aaaaaaaaab")
    assert found.counts["kept"] + found.counts["label_share"] == 10
    assert found.counts["label_share"] > 5
    assert Counter(example.answer for example in found.first(10))["a"] <= 3


@settings(max_examples=40, deadline=None)
@given(st.text("abcd", max_size=60))
def test_a_small_budgets_data_is_the_beginning_of_a_large_ones(labels: str):
    whole = pool(labels)
    all_of_it = whole.first(len(labels))
    assert len(all_of_it) == whole.counts.get("kept", 0)
    for visits in range(len(labels)):
        part = pool(labels[:visits]).first(visits)
        assert whole.first(visits) == part == all_of_it[: len(part)]


def test_a_label_is_waited_for_and_the_oldest_comes_first():
    assert let_in("aaab") == [(0, "a"), (3, "b"), (1, "a")]
    found = pool("aaab")
    assert [example.query_ids for example in found.first(4)] == [(0,), (3,), (1,)]
    assert found.reasons == ("kept", "kept", "label_share", "kept")
