"""Splits: families stay together, counts add up, the same seed gives the same parts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Item
from engine.errors import InputError
from engine.splits import groups, moments, shared, split

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
    second = [_item(0, text.format(12) + ", please?"), _item(1, " what is A tide? "), _item(2, text.format(99))]
    assert shared(first, second) == ((1, 0, False), (0, 1, True))


def test_the_same_question_about_another_context_is_another_one() -> None:
    def about(context: str) -> list[Item]:
        return [Item("1", "How many heads of departments are there?", "1", None, context)]

    assert shared(about("CREATE TABLE a"), about("CREATE TABLE b")) == ()
    assert len(shared(about("CREATE TABLE a"), about("CREATE TABLE a"))) == 1
