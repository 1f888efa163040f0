"""The order of visits: nested, fair to seeds, whole calls."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Item
from engine.strategies.order import PLAIN, Making, dealt


def seeds(count: int) -> tuple[Item, ...]:
    return tuple(Item(f"s{i}", f"q{i}", "a") for i in range(count))


def test_plain_visits_go_round_the_seeds():
    order = PLAIN.order(seeds(3), together=True)
    assert [(item.id, nth) for item, nth in map(order.at, range(7))] == [
        ("s0", 0), ("s1", 0), ("s2", 0), ("s0", 1), ("s1", 1), ("s2", 1), ("s0", 2),
    ]  # fmt: skip


def test_visits_that_share_a_call_follow_each_other():
    order = Making(together=2).order(seeds(2), together=True)
    assert [(item.id, nth, nth // 2) for item, nth in map(order.at, range(8))] == [
        ("s0", 0, 0), ("s0", 1, 0), ("s1", 0, 0), ("s1", 1, 0),
        ("s0", 2, 1), ("s0", 3, 1), ("s1", 2, 1), ("s1", 3, 1),
    ]  # fmt: skip


def test_strategies_that_cannot_share_a_call_do_not():
    assert Making(together=4).order(seeds(2), together=False) == PLAIN.order(seeds(2), together=False)


@given(st.integers(1, 6), st.integers(1, 4), st.lists(st.integers(1, 3), min_size=6, max_size=6), st.integers(1, 200))
def test_no_visit_is_made_twice_and_heavier_seeds_get_more(count: int, together: int, weights: list[int], visits: int):
    items = seeds(count)
    making = Making(together=together, weights={item.id: w for item, w in zip(items, weights, strict=False)})
    order = making.order(items, together=True)
    made = [(item.id, nth) for item, nth in map(order.at, range(visits))]
    assert len(set(made)) == visits
    of_seed = Counter(seed for seed, _ in made)
    for item in items:
        assert sorted(nth for seed, nth in made if seed == item.id) == list(range(of_seed[item.id]))
    whole = together * sum(making.weights.values())
    rounds, rest = divmod(visits, whole)
    if not rest:
        assert of_seed == {item.id: rounds * together * making.weights[item.id] for item in items}


@given(st.lists(st.floats(0.05, 1), min_size=2, max_size=4), st.integers(2, 50))
def test_every_prefix_is_dealt_by_the_shares(parts: list[float], count: int):
    shares = [(f"t{i}", part) for i, part in enumerate(parts)]
    for visits in (20, 100, 500):
        dealt_out = Counter(dealt(shares, visit, count) for visit in range(visits))
        for name, share in shares:
            assert abs(dealt_out[name] - visits * share / sum(parts)) <= 0.05 * visits + 4


def test_no_seed_always_goes_to_the_same_teacher():
    shares = [("a", 0.5), ("b", 0.5)]
    for count in (2, 4, 8, 10, 100):
        for seed in range(count):
            assert {dealt(shares, seed + round_ * count, count) for round_ in range(12)} == {"a", "b"}
