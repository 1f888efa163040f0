"""Stopping early keeps the error rates that it states, however often one looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.early_stop import (
    DROP_LEVEL,
    FUTILE_LEVEL,
    MARGIN,
    Votes,
    clear_losers,
    evidence,
    is_futile,
    votes,
)

ITEMS = 1000
LOOKS = range(50, ITEMS + 1, 50)


def pairs(gap: float, discordance: float, seed: int, items: int = ITEMS) -> tuple[Any, Any]:
    """Two adapters that differ on a share of the items; the first is better by `gap`."""
    rng = np.random.default_rng(seed)
    drawn = rng.random(items)
    won, lost = (discordance + gap) / 2, (discordance - gap) / 2
    one, other = np.ones(items), np.ones(items)
    other[drawn < won] = 0
    one[(drawn >= won) & (drawn < won + lost)] = 0
    return one.tolist(), other.tolist()


def dropped_at(one: Any, other: Any) -> tuple[int, str | None]:
    """After how many items the evaluation stops, and who was dropped."""
    for look in LOOKS:
        losers = clear_losers({"one": one[:look], "other": other[:look]})
        if losers:
            return look, next(iter(losers))
    return ITEMS, None


def test_a_clear_loser_is_dropped_after_a_third_of_the_items_and_the_better_one_never() -> None:
    stops = [dropped_at(*pairs(0.10, 0.25, seed)) for seed in range(200)]
    share = np.mean([look for look, _ in stops]) / ITEMS
    wrong = sum(who == "one" for _, who in stops)
    print(f"gap of 10 points: {share:.0%} of the items; better one dropped in {wrong} of 200")
    assert share <= 0.35
    assert wrong <= 4  # 2 % of 200


def test_of_equal_adapters_one_is_dropped_no_more_often_than_stated() -> None:
    wrong = sum(dropped_at(*pairs(0.0, 0.25, seed))[1] is not None for seed in range(500))
    print(f"{wrong} of 500 evaluations of equal adapters end with one dropped, at most {2 * DROP_LEVEL:.0%} stated")
    assert wrong <= 2 * DROP_LEVEL * 500  # either of the two


def test_of_four_equal_adapters_the_first_is_dropped_no_more_often_than_stated() -> None:
    wrong = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        hard = rng.random(600)
        arms = {str(n): (rng.random(600) < 0.2 + 0.6 * hard).astype(float).tolist() for n in range(4)}
        wrong += any("0" in clear_losers({k: v[:look] for k, v in arms.items()}) for look in range(50, 601, 50))
    assert wrong <= DROP_LEVEL * 300


def test_a_usual_test_looked_at_as_often_would_break_that_promise() -> None:
    """So the checks above can fail."""

    def looked(seed: int) -> Iterator[bool]:
        one, other = pairs(0.0, 0.25, seed)
        for look in LOOKS:
            found = votes(one[:look], other[:look])
            yield abs(found.won - found.lost) > 2.33 * (found.won + found.lost) ** 0.5  # 2 % at one look

    assert sum(any(looked(seed)) for seed in range(300)) > 4 * DROP_LEVEL * 300


def test_families_have_one_vote_each() -> None:
    one, other = [1, 1, 1, 0, None], [0, 0, 0, 1, 1]
    assert votes(one, other) == Votes(3, 1, 4)
    assert votes(one, other, ["a", "a", "a", None, "a"]) == Votes(1, 1, 2)


def test_families_that_go_one_way_together_are_not_taken_for_many_items() -> None:
    wrong = alone = 0
    for seed in range(200):
        one, other = pairs(0.0, 0.4, seed, items=60)
        one, other = [x for x in one for _ in range(10)], [x for x in other for _ in range(10)]
        families = [str(n) for n in range(60) for _ in range(10)]
        looks = range(50, 601, 50)
        wrong += any(clear_losers({"a": one[:n], "b": other[:n]}, families) for n in looks)
        alone += any(clear_losers({"a": one[:n], "b": other[:n]}) for n in looks)
    assert wrong <= 2 * DROP_LEVEL * 200
    assert alone > 20


@pytest.mark.parametrize("discordance", [0.03, 0.25])
@pytest.mark.parametrize("ahead", [1, -1])
def test_a_difference_of_the_margin_is_called_none_no_more_often_than_stated(discordance: float, ahead: int) -> None:
    wrong = 0
    for seed in range(300):
        one, other = pairs(ahead * MARGIN, discordance, seed, items=3000)
        wrong += any(is_futile(votes(one[:look], other[:look])) for look in range(200, 3001, 200))
    print(f"discordance {discordance}: {wrong} of 300 called none, at most {FUTILE_LEVEL:.0%} stated")
    assert wrong <= FUTILE_LEVEL * 300


def test_adapters_that_nearly_always_agree_end_early_and_a_usual_pair_does_not() -> None:
    ended = sum(is_futile(votes(*pairs(0.0, 0.02, seed))) for seed in range(100))
    usual = sum(is_futile(votes(*pairs(0.0, 0.25, seed))) for seed in range(100))
    many = sum(is_futile(votes(*pairs(0.0, 0.25, seed, items=12_000))) for seed in range(20))
    print(f"futile: {ended} of 100 at 2 % discordance, {usual} of 100 at 25 %, after 1,000; {many} of 20 after 12,000")
    assert ended > 55
    assert usual == 0  # 1,000 items do not show that two points are not there
    assert many > 9


def test_without_data_nothing_stops() -> None:
    assert evidence(Votes(0, 0, 0)) == pytest.approx(0)
    assert evidence(Votes(0, 60, 60)) < 0 < evidence(Votes(60, 0, 60))
    assert clear_losers({"only": [1.0]}) == {}
    assert not is_futile(Votes(0, 0, 0))
