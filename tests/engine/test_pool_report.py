"""A pool's figures by budget: kept, diverse, paid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.diversity import SKETCH, diversities, diversity
from engine.pool_report import Progress, pool_report, read_report, write_report

SEEDS = ("Tom has 3 pens and buys 4 pens.",)


def report(questions: list[str | None], budgets: dict[int, int], usd: dict[int, float | None]) -> list[dict[str, Any]]:
    """Of one query a visit; None is a visit without an example."""
    progress = Progress(budgets)
    for row, question in enumerate(questions):
        progress.take((row,), usd, kept=question is not None)
    kept = [question for question in questions if question is not None]
    return pool_report(progress.reached(), lambda: kept, SEEDS)


def named(number: int) -> str:
    """A word of letters for each number."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def test_copies_are_less_diverse_than_different_texts():
    same = diversity(["the cat sat on the mat today"] * 10, ["a dog"])
    other = diversity([f"w{c} x{c} y{c} z{c}" for c in "abcdefghij"], ["a dog"])
    assert same.distinct_pairs == pytest.approx(0.1)
    assert (same.nearest, other.nearest, other.distinct_pairs) == (0, 1, 1)


def test_new_words_are_those_that_no_seed_holds():
    assert diversity(["Tom sells hats"], ["Tom has pens"]).new_words == pytest.approx(2 / 3)


def test_of_nothing_nothing_is_said():
    nothing = diversity([], ["seed"])
    assert (nothing.distinct_pairs, nothing.nearest, nothing.new_words) == (None, None, None)
    assert diversity(["one"], []).nearest is None


def test_a_budgets_figures_are_those_of_its_own_texts():
    texts = [f"a text about {n % 7} {named(n)} {named(n % 3)} {named(n * n)}" for n in range(400)]
    each = [diversity(texts[:count], SEEDS) for count in (0, 1, 2, 200, 400)]
    assert diversities(lambda: texts, [0, 1, 2, 200, 400], SEEDS) == each


def test_the_nearest_is_that_of_all_others_and_not_of_a_sample():
    texts = [" ".join(named(part * 1000 + n) for part in (1, 2, 3, 4)) for n in range(900)]
    assert diversity(texts, ()).nearest == 1
    assert diversity(texts * 2, ()).nearest == 0, "each has a copy 900 places away"


def test_many_different_pairs_are_counted_within_a_hundredth():
    count = 2 * SKETCH // 1000 * 1000
    texts = [" ".join(named(n + i) for i in range(1000)) for n in range(0, count, 1000)]
    found = diversity(texts, texts[: len(texts) // 4])
    assert found.distinct_pairs == pytest.approx(1, abs=0.01)
    assert found.new_words == pytest.approx(0.75, abs=0.01)


def test_what_was_rejected_is_paid_by_what_was_kept():
    made = ["A has 1 pen.", None, "B has 2 hats.", None]
    (small, large) = report(made, {4: 2, 8: 4}, dict.fromkeys(range(4), 0.5))
    assert (small["kept"], small["usd"], small["usd_per_kept"]) == (1, 1.0, 1.0)
    assert (large["kept"], large["usd"], large["usd_per_kept"]) == (2, 2.0, 1.0)


def test_a_query_that_several_visits_share_is_paid_once():
    progress = Progress({4: 3})
    for _ in range(3):
        progress.take((7, 8), {7: 0.5, 8: 0.25}, kept=1)
    (found,) = progress.reached()
    assert (found.queries, found.usd, found.kept) == (2, 0.75, 3)


def test_a_pool_that_ended_early_says_how_far_it_came():
    (row,) = report(["A has 1 pen."], {8: 4}, {0: 0.5})
    assert (row["budget"], row["visits"], row["kept"]) == (8, 1, 1)


def test_one_unknown_price_makes_the_sum_unknown_and_never_nought():
    (row,) = report(["A has 1 pen.", "B has 2 hats."], {4: 2}, {0: 0.5, 1: None})
    assert (row["usd"], row["usd_per_kept"]) == (None, None)


def test_nothing_kept_has_no_price_for_each():
    (row,) = report([None], {2: 1}, {0: 0.5})
    assert (row["kept"], row["usd"], row["usd_per_kept"]) == (0, 0.5, None)


def test_the_figures_are_found_again_and_an_older_run_has_none(tmp_path: Path):
    rows = report(["A has 1 pen."], {2: 1}, {0: None})
    write_report(tmp_path / "pool", rows)
    assert read_report(tmp_path / "pool") == rows
    assert read_report(tmp_path / "older") == []
