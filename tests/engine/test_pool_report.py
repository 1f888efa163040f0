"""A pool's figures by budget: kept, diverse, paid."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.curation import Curated
from engine.diversity import diversity
from engine.domain import Example, Item, Strategy
from engine.pool_report import pool_report, read_report, write_report

SEEDS = (Item("s", "Tom has 3 pens and buys 4 pens.", "#### 7"),)


def example(question: str, row: int) -> Example:
    return Example("s", Strategy.NEW_QUESTION, question, "#### 1", 0, 1, (row,))


def pool(questions: list[str | None]) -> Curated:
    made = tuple(None if q is None else example(q, row) for row, q in enumerate(questions))
    return Curated(made, tuple("kept" if e else "cut_off" for e in made), tuple((row,) for row in range(len(made))))


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


def test_what_was_rejected_is_paid_by_what_was_kept():
    made = pool(["A has 1 pen.", None, "B has 2 hats.", None])
    (small, large) = pool_report(Strategy.NEW_QUESTION, made, SEEDS, {4: 2, 8: 4}, dict.fromkeys(range(4), 0.5))
    assert (small["kept"], small["usd"], small["usd_per_kept"]) == (1, 1.0, 1.0)
    assert (large["kept"], large["usd"], large["usd_per_kept"]) == (2, 2.0, 1.0)


def test_one_unknown_price_makes_the_sum_unknown_and_never_nought():
    made = pool(["A has 1 pen.", "B has 2 hats."])
    (row,) = pool_report(Strategy.NEW_QUESTION, made, SEEDS, {4: 2}, {0: 0.5, 1: None})
    assert (row["usd"], row["usd_per_kept"]) == (None, None)


def test_nothing_kept_has_no_price_for_each():
    (row,) = pool_report(Strategy.NEW_QUESTION, pool([None]), SEEDS, {2: 1}, {0: 0.5})
    assert (row["kept"], row["usd"], row["usd_per_kept"]) == (0, 0.5, None)


def test_the_figures_are_found_again_and_an_older_run_has_none(tmp_path: Path):
    rows = pool_report(Strategy.NEW_QUESTION, pool(["A has 1 pen."]), SEEDS, {2: 1}, {0: None})
    write_report(tmp_path / "pool", rows)
    assert read_report(tmp_path / "pool") == rows
    assert read_report(tmp_path / "older") == []
