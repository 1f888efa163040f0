"""Splits: families stay together, counts add up, the same seed gives the same parts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Item
from engine.errors import InputError
from engine.splits import split

HALVES = {"train": 0.5, "test": 0.5}


def _item(number: int, question: str, family: str | None = None, **fields: str) -> Item:
    return Item(id=str(number), question=question, answer="1", family=family, context="", fields=fields)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), max_size=40), st.text(max_size=5))
def test_no_family_is_on_both_sides_and_every_item_is_in_one_part(families: list[str | None], seed: str) -> None:
    items = [_item(number, f"question {number * 7919}", family) for number, family in enumerate(families)]
    parts = split(items, {"train": 0.6, "valid": 0.2, "test": 0.2}, seed=seed)
    assert Counter(item.id for part in parts.values() for item in part) == Counter(item.id for item in items)
    for family in set(families) - {None}:
        assert sum(any(item.family == family for item in part) for part in parts.values()) == 1
    assert parts == split(items, {"train": 0.6, "valid": 0.2, "test": 0.2}, seed=seed)


def test_near_duplicates_without_a_family_share_a_part() -> None:
    stem = "A farmer sells twelve baskets of red apples on the market each morning of the week, how many in total"
    topics = ("tides", "violins", "glaciers", "bread", "comets", "chess")
    pairs = [
        _item(2 * n + k, f"{topic} {topic} {topic}: {stem[n * 3 :]}{'?' * k}")
        for n, topic in enumerate(topics)
        for k in (0, 1)
    ]
    for seed in "abcde":
        parts = split(pairs, HALVES, seed=seed)
        for number in range(0, len(pairs), 2):
            assert (pairs[number] in parts["test"]) == (pairs[number + 1] in parts["test"])


def test_labels_are_spread_alike_over_the_parts() -> None:
    items = [_item(n, f"q{n}", str(n), label="rare" if n % 10 == 0 else "common") for n in range(100)]
    parts = split(items, HALVES, seed="s", stratify_by="label")
    for part in parts.values():
        assert Counter(item.fields["label"] for item in part) == {"rare": 5, "common": 45}


def test_a_split_in_time_tests_on_what_came_later() -> None:
    items = [_item(n, f"q{n}", str(n), day=f"2026-01-{31 - n:02d}") for n in range(20)]
    parts = split(items, {"train": 0.75, "test": 0.25}, seed="s", time_column="day")
    assert (len(parts["train"]), len(parts["test"])) == (15, 5)
    assert max(item.fields["day"] for item in parts["train"]) < min(item.fields["day"] for item in parts["test"])


def test_every_problem_is_told_at_once() -> None:
    items = [_item(1, "a", day="soon"), _item(2, "b")]
    with pytest.raises(InputError) as caught:
        split(items, {"train": 0.5}, seed="s", time_column="day")
    assert all(part in str(caught.value) for part in ("sum to 1", "item 1", "'soon'", "item 2"))
