"""What counts as the same question: measured on recorded rephrasings, new questions and unrelated ones."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.similarity import COPY, SAME_WORDS, Known, features, jaccard, same_question
from tests.voices import GSM8K

SPIDER = GSM8K.parent / "spider" / "questions.jsonl"
needs_data = pytest.mark.skipif(not GSM8K.is_dir(), reason="needs shared/data/gsm8k")


def load(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (GSM8K / name).read_text(encoding="utf-8").splitlines()]


def plain(text: str) -> str:
    return text.removeprefix("Question:").split("\nAnswer:")[0].strip()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("He has three hats and 12 cats.", "He has 3 hats and twelve cats!", True),
        ("It costs $1,200.50 in all today.", "It costs $1200.5 in all today", True),
        ("Twenty-five men went to town.", "25 men went to town.", True),
        ("He has 3 hats and 12 cats.", "He has 4 hats and 12 cats.", False),
        ("A dozen eggs for the two of us.", "12 eggs for the 2 of us.", True),
        ("", "", False),
    ],
)
def test_numbers_are_read_in_words_and_in_digits(one: str, other: str, same: bool):
    assert same_question(features(one), features(other)) is same


@needs_data
def test_rephrasings_of_a_test_item_are_found_and_unrelated_questions_are_not():
    rows = load("recorded_rephrases.jsonl")
    pairs = [(row["seed_question"], plain(row[key])) for row in rows for key in ("rephrase_a", "rephrase_b")]
    found = [same_question(features(a), features(b), in_other_words=True) for a, b in pairs]
    near = np.mean(found)
    assert near > 0.6, "0.64 of GPT-4's rephrasings; the others leave numbers out or share too few words"
    seeds = [features(row["question"]) for row in load("seeds.jsonl")]
    test = [features(row["question"]) for row in load("test.jsonl")]
    wrong = sum(same_question(a, b, in_other_words=True) for a in seeds for b in test)
    wrong += sum(same_question(a, b, in_other_words=True) for a, b in combinations(seeds, 2))
    assert wrong == 0, "of 90,000 unrelated pairs"


@needs_data
def test_a_new_question_with_other_numbers_is_another_question():
    pairs = [(features(r["seed_question"]), features(r["new_question"])) for r in load("recorded_new_questions.jsonl")]
    assert np.median([jaccard(a.shingles, b.shingles) for a, b in pairs]) > SAME_WORDS, "nearly word for word the seed"
    assert not any(same_question(a, b, in_other_words=True) for a, b in pairs)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=12), min_size=1, max_size=12))
def test_a_known_set_finds_what_comparing_with_each_finds(texts: list[list[str]]):
    said = [" ".join(words) for words in texts]
    for in_other_words in (False, True):
        known = Known([features(text) for text in said[1:]], in_other_words=in_other_words)
        one_by_one = any(same_question(features(said[0]), features(t), in_other_words=in_other_words) for t in said[1:])
        assert known.has(features(said[0])) == one_by_one


needs_spider = pytest.mark.skipif(not SPIDER.is_file(), reason="needs shared/data/spider")


@needs_spider
def test_text_to_sql_keeps_most_rephrasings_and_questions_that_ask_for_something_else():
    rows = [json.loads(line) for line in SPIDER.read_text(encoding="utf-8").splitlines()]
    said = [features(row["question"], row["db_id"]) for row in rows]
    worded = [row for row in rows if row["question"] != row["rephrase"]]
    alike = [jaccard(features(row["question"]).shingles, features(row["rephrase"]).shingles) for row in worded]
    assert np.mean(np.array(alike) >= COPY) < 0.06, "0.05 of 618 human rephrasings are called copies of their question"
    assert np.mean(np.array(alike) >= SAME_WORDS) > 0.75, "0.80 of them would be too near a test item"
    asks = [" ".join(row["query"].casefold().split()) for row in rows]
    lost = {
        place
        for a, b in combinations(range(len(rows)), 2)
        if rows[a]["db_id"] == rows[b]["db_id"] and asks[a] != asks[b] and same_question(said[a], said[b], least=COPY)
        for place in (a, b)
    }
    assert len(lost) <= 12, "of 892 questions, ten have another so near that one of the two would be lost"
