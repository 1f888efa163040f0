"""Splits: families stay together, counts add up, the same seed gives the same parts."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.domain import Item
from engine.errors import InputError
from engine.near_pairs import near_pairs
from engine.splits import groups, moments, shared, split

TICKETS = Path(__file__).parents[1] / "data" / "tickets.jsonl"
HALVES = {"train": 0.5, "test": 0.5}


def _item(number: int, question: str, family: str | None = None, **fields: str) -> Item:
    return Item(id=str(number), question=question, answer="1", family=family, context="", fields=fields)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), max_size=40), st.text(max_size=5))
def test_no_family_is_on_both_sides_and_every_item_is_in_one_part(families: list[str | None], seed: str) -> None:
    items = [_item(number, f"question {number * 7919}", family) for number, family in enumerate(families)]
    parts = split(items, {"train": 0.6, "valid": 0.2, "test": 0.2}, seed=seed)
    assert sorted(index for part in parts.values() for index in part) == list(range(len(items)))
    for family in set(families) - {None}:
        assert sum(any(items[index].family == family for index in part) for part in parts.values()) == 1
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
            assert (number in parts["test"]) == (number + 1 in parts["test"])
    assert groups(pairs).near_duplicates == len(pairs)


def test_labels_are_spread_alike_over_the_parts() -> None:
    items = [_item(n, f"q{n}", str(n)) for n in range(100)]
    labels = ["rare" if n % 10 == 0 else "common" for n in range(100)]
    parts = split(items, HALVES, seed="s", strata=labels)
    for part in parts.values():
        assert Counter(labels[index] for index in part) == {"rare": 5, "common": 45}


def test_what_rounding_takes_in_one_stratum_the_next_gives_back() -> None:
    items = [_item(n, f"q{n}", str(n)) for n in range(90)]
    parts = split(items, {"seeds": 2 / 3, "test": 1 / 3}, seed="s", strata=[str(n // 2) for n in range(90)])
    assert (len(parts["seeds"]), len(parts["test"])) == (60, 30)


def test_large_families_go_to_each_part_by_its_share_and_single_items_fill_it_up() -> None:
    items = [_item(n, f"q{n}", f"big{n // 20}" if n < 200 else None) for n in range(812)]
    parts = split(items, {"seeds": 612 / 812, "test": 200 / 812}, seed="s")
    assert (len(parts["seeds"]), len(parts["test"])) == (612, 200)
    in_test = {items[index].family for index in parts["test"]} - {None}
    assert 2 <= len(in_test) <= 3


def test_a_split_in_time_tests_on_what_came_later() -> None:
    items = [_item(n, f"q{n}", str(n)) for n in range(20)]
    days = [f"2026-01-{31 - n:02d}" for n in range(20)]
    times = moments(days, [str(n) for n in range(20)], "day")
    parts = split(items, {"train": 0.75, "test": 0.25}, seed="s", times=times)
    assert (len(parts["train"]), len(parts["test"])) == (15, 5)
    assert max(days[index] for index in parts["train"]) < min(days[index] for index in parts["test"])


def test_times_are_dates_with_or_without_a_zone_or_numbers_but_not_both() -> None:
    places = ["a", "b", "c"]
    dates = moments(["2026-01-05T10:00:00Z", "2026-01-05", "2026-01-05T12:00:00+03:00"], places, "t")
    assert sorted(range(3), key=dates.__getitem__) == [1, 2, 0]
    assert moments(["2021", "1999.5", "2020"], places, "t") == (2021.0, 1999.5, 2020.0)
    assert moments(["20260105"], ["a"], "t") == moments(["2026-01-05"], ["a"], "t")
    with pytest.raises(InputError) as caught:
        moments(["2026-01-05", "soon", "7"], places, "t")
    assert [problem.split(";")[0] for problem in caught.value.problems] == ["b: 't' = 'soon'", "c: 't' = '7'"]


def test_shares_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        split([_item(1, "a")], {"train": 0.5}, seed="s")


def test_what_two_files_share_is_found_exactly_and_nearly_but_another_number_is_another_question() -> None:
    text = "A farmer sells {} baskets of red apples at the market every morning; how many in a week"
    first = [_item(0, "What is a tide?"), _item(1, text.format(12)), _item(2, text.format(13) + "?")]
    second = [_item(0, text.format("twelve") + ", please?"), _item(1, " what is A tide? "), _item(2, text.format(99))]
    assert shared(first, second) == ((1, 0, False), (0, 1, True))


def test_the_same_question_about_another_context_is_another_one() -> None:
    def about(context: str) -> list[Item]:
        return [Item("1", "How many heads of departments are there?", "1", None, context)]

    assert shared(about("CREATE TABLE a"), about("CREATE TABLE b")) == ()
    assert len(shared(about("CREATE TABLE a"), about("CREATE TABLE a"))) == 1


SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is missing: it is lent, never committed")
@pytest.mark.parametrize(
    "name", ["spider/questions.jsonl", "arc/challenge_train.jsonl", "gsm8k/seeds.jsonl", "tickets"]
)
def test_no_split_makes_what_a_test_file_would_be_refused_for(name: str) -> None:
    path = TICKETS if name == "tickets" else SHARED / name
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    column = "message" if name == "tickets" else "question"
    # Every second one of a family of two, as users may have it; the others alone.
    items = [_item(n, row[column], f"f{n // 4}" if n % 2 else None) for n, row in enumerate(rows)]
    for seed in "ab":
        parts = split(items, {"seeds": 0.75, "test": 0.25}, seed=seed)
        first, second = ([items[index] for index in parts[part]] for part in ("seeds", "test"))
        assert shared(first, second) == ()
        assert abs(len(second) - 0.25 * len(items)) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.frozensets(st.integers(0, 12), max_size=9), max_size=12),
    st.lists(st.frozensets(st.integers(0, 12), max_size=9), max_size=12),
    st.sampled_from([("cosine", 0.8), ("jaccard", 0.6), ("cosine", 0.5), ("jaccard", 0.3)]),
)
def test_near_pairs_are_those_that_comparing_everything_finds(
    first: list[frozenset[int]], second: list[frozenset[int]], how: tuple[str, float]
) -> None:
    measure, least = how

    def alike(a: frozenset[int], b: frozenset[int]) -> float:
        if not a or not b:
            return 0.0
        return len(a & b) / (math.sqrt(len(a) * len(b)) if measure == "cosine" else len(a | b))

    def matrix(sets: list[frozenset[int]]) -> csr_array:
        return csr_array(np.array([[float(n in one) for n in range(13)] for one in sets]).reshape(-1, 13))

    found = near_pairs(matrix(first), matrix(second), least, measure)
    expected = {(i, j) for i, a in enumerate(first) for j, b in enumerate(second) if alike(a, b) >= least - 1e-9}
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    own = matrix(first)
    within = near_pairs(own, own, least, measure)
    pairs = [
        (i, j) for i in range(len(first)) for j in range(i + 1, len(first)) if alike(first[i], first[j]) >= least - 1e-9
    ]
    assert sorted(zip(within.first.tolist(), within.second.tolist(), strict=True)) == pairs
