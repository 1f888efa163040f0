"""What was seen before is found again, and held on the disk."""

from __future__ import annotations

from itertools import product

import numpy as np
import psutil
import pytest

from engine.errors import DiskFullError
from engine.seen import Marks, Questions
from engine.similarity import Features, features

VOCABULARY = ["".join(letters) for letters in product("bdfghklmnprst", "aeiou", "bdgklmnrst", "aeiou")]


def test_a_growing_set_finds_nearly_all_near_duplicates_and_no_other_number():
    rng = np.random.default_rng(0)
    vocabulary = [f"{a}{b}" for a in "bcdfghjklmnp" for b in "aeiou"]
    kept, found = Questions(), 0
    for _ in range(300):
        words = [str(word) for word in rng.choice(vocabulary, 25)]
        text = " ".join([*words, "7"])
        kept.add(features(text))
        words[12] = "zzz"
        found += kept.has(features(" ".join([*words, "7"])))
        assert not kept.has(features(" ".join([*words, "8"])))
    assert found >= 290


def test_long_texts_are_compared_by_their_smallest_shingles():
    said = np.random.default_rng(2).choice(VOCABULARY, 3000).astype("<U9")
    kept = Questions()
    kept.add(features(" ".join(said)))
    little, much = said.copy(), said.copy()
    little[::150], much[::10] = "other", "other"
    assert kept.has(features(" ".join(little)))
    assert not kept.has(features(" ".join(much))), "a tenth of the words changed leaves J 0.7"


def test_a_growing_set_grows_past_its_first_size_and_forgets_nothing():
    kept = Questions()
    said = [features(f"w{i} x{i} y{i} z{i} v{i}") for i in range(2000)]
    for one in said:
        kept.add(one)
    assert all(kept.has(one) for one in said)
    assert not kept.has(features("nothing of this kind"))


def test_many_of_one_template_do_not_make_comparing_longer():
    kept = Questions()
    template = "Please tell me in a few words what the colour of the house of my good neighbour is"
    for i in range(3000):
        kept.add(features(f"{template} {VOCABULARY[i]}"))
    looked = [len(kept._likely(key)) for key in kept._bands(features(template))]
    assert max(looked) == Questions.LIKELY


def test_neither_questions_nor_marks_take_more_memory_the_more_they_are():
    rng, questions, marks = np.random.default_rng(1), Questions(), Marks()
    process, at = psutil.Process(), []
    for _ in range(3):
        for _ in range(3000):
            questions.add(Features(np.unique(rng.integers(0, 2**63, 80, dtype=np.uint64)), frozenset()))
            marks.new(int(rng.integers(-(2**62), 2**62)))
        at.append(process.memory_info().rss)
    # The first thousands fill SQLite's page caches; held in arrays, six thousand questions took 2.7 MB more.
    assert at[2] - at[0] < 1e6


def test_a_mark_is_new_once():
    marks = Marks()
    assert [marks.new(mark) for mark in (5, -5, 5, 2**63 - 1, -(2**63), 2**63 - 1)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert -5 in marks
    assert 6 not in marks


def test_a_full_disk_is_told_as_one(monkeypatch: pytest.MonkeyPatch):
    marks = Marks()
    marks._table.execute("PRAGMA max_page_count = 3")
    with pytest.raises(DiskFullError, match="is full"):
        _ = [marks.new(mark * 7919) for mark in range(100_000)]
