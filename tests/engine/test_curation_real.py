"""What curation leaves out of real questions: how many that differ, wrongly; how many rephrasings it catches, rightly.

Exact counts, so that a change of a rule shows what it costs. What engine/similarity.py states of the rules is measured
here through the whole of curation.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from engine.curation import curate
from engine.domain import Item, Strategy
from engine.similarity import COPY, SAME_WORDS, features, same_question
from engine.strategies import Draft
from tests.voices import GSM8K

DATA = GSM8K.parent
NEW, WORDED = Strategy.NEW_QUESTION, Strategy.QUESTION_REPHRASE
pytestmark = pytest.mark.skipif(
    not (DATA / "spider").is_dir(), reason="needs the public data in shared/data (gsm8k, svamp, arc, spider)"
)


def load(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def items(questions: Sequence[str]) -> list[Item]:
    return [Item(f"i{n}", question, "") for n, question in enumerate(questions)]


def drafts(questions: Sequence[str], seeds: Sequence[str] = ()) -> list[Draft]:
    """Each with an answer of its own, so that only its question tells."""
    return [
        Draft(question, f"answer {n}", None, (n,), seeds[n] if seeds else "", 0) for n, question in enumerate(questions)
    ]


def questions(name: str) -> list[str]:
    return list(dict.fromkeys(row["question"] for row in load(name)))


def plain(text: str) -> str:
    return text.removeprefix("Question:").split("\nAnswer:")[0].strip()


def test_no_real_word_problem_is_taken_for_another() -> None:
    seeds, test = questions("gsm8k/seeds.jsonl"), questions("gsm8k/test.jsonl")
    among = curate(NEW, items(seeds[:150]), items(test), drafts(seeds[150:]))
    assert among.counts == {"kept": 150}, "of 150, beside 150 seeds and 150 test items"
    assert curate(NEW, items(test), (), drafts(seeds)).counts == {"kept": 300}
    svamp = curate(NEW, (), items(questions("svamp/test.jsonl")), drafts(questions("svamp/recorded_answers.jsonl")))
    # The four are the same problems, typed again: "8.0 quarters" for "8 quarters", other letters and spaces.
    assert svamp.counts == {"kept": 196, "near_duplicate": 4}
    arc = curate(
        NEW, (), items(questions("arc/challenge_validation.jsonl")), drafts(questions("arc/challenge_train.jsonl"))
    )
    # The one is in both files of ARC: the screech owls.
    assert arc.counts == {"kept": len(arc.reasons) - 1, "near_test_item": 1}


def test_two_of_three_rephrasings_of_a_word_problem_are_caught_at_a_test_item_and_none_is_lost_at_a_seed() -> None:
    rows = load("gsm8k/recorded_rephrases.jsonl")
    worded = [plain(row[key]) for key in ("rephrase_a", "rephrase_b") for row in rows]
    of = items(questions("gsm8k/test.jsonl"))
    at_test = curate(WORDED, items(questions("gsm8k/seeds.jsonl")), of, drafts(worded)).counts
    assert at_test["unparsable"] == 1, "one recording is empty"
    assert at_test["near_test_item"] == 198, "of 299: 66 %"
    assert curate(WORDED, of, (), drafts(worded)).counts == {"kept": 299, "unparsable": 1}
    changed = [row["new_question"] for row in load("gsm8k/recorded_new_questions.jsonl")]
    assert curate(NEW, of, (), drafts(changed)).counts == {"kept": 300}, "other numbers make other questions"


def test_text_to_sql_loses_one_question_in_twenty_next_to_a_test_item_and_few_next_to_a_seed() -> None:
    """Spider's questions differ by a word or two. Each third comes once as new ones, beside seeds and test items."""
    rows = load("spider/questions.jsonl")
    order = random.Random(0).sample(range(len(rows)), len(rows))
    third = len(rows) // 3 + 1
    parts = [order[start : start + third] for start in range(0, len(order), third)]
    all_of = [Item(str(n), row["question"], row["query"], context=row["db_id"]) for n, row in enumerate(rows)]
    said = [features(row["question"], row["db_id"]) for row in rows]
    asks = [(row["db_id"], " ".join(row["query"].casefold().split())) for row in rows]
    left_out: Counter[tuple[str, str]] = Counter()
    worded: Counter[tuple[str, str]] = Counter()
    for turn in range(3):
        tested, known, came = parts[turn], parts[turn - 1], parts[turn - 2]
        seeds, test = [all_of[n] for n in known], [all_of[n] for n in tested]
        by_db = {seed.context: seed.id for seed in seeds}
        asked = drafts([rows[n]["question"] for n in came], [by_db[rows[n]["db_id"]] for n in came])
        for n, reason in zip(came, curate(NEW, seeds, test, asked).reasons, strict=True):
            if reason == "kept":
                continue
            at_test = reason == "near_test_item"
            beside = {"near_test_item": tested, "near_seed": known, "near_duplicate": came}[reason]
            least = SAME_WORDS if at_test else COPY
            near = [
                m for m in beside if m != n and same_question(said[n], said[m], in_other_words=at_test, least=least)
            ]
            left_out[reason, "same SQL" if any(asks[m] == asks[n] for m in near) else "other SQL"] += 1
        for place, part, beside in (("test", tested, test), ("seed", known, [])):
            mine = [n for n in part if rows[n]["rephrase"] != rows[n]["question"]]
            came_worded = drafts([rows[n]["rephrase"] for n in mine], [by_db[rows[n]["db_id"]] for n in mine])
            worded.update((place, reason) for reason in curate(WORDED, seeds, beside, came_worded).reasons)
    assert len(rows) == 892
    # Another SQL: "the classes in each department", "in each school". The same SQL: one question asked in two ways.
    assert left_out == {
        ("near_test_item", "other SQL"): 34,
        ("near_test_item", "same SQL"): 29,
        ("near_seed", "other SQL"): 3,
        ("near_seed", "same SQL"): 3,
        ("near_duplicate", "other SQL"): 1,
    }
    # Of people's rephrasings 81 % are caught next to their test item, 5 % lost next to their seed.
    assert worded == {
        ("test", "near_test_item"): 501,
        ("test", "kept"): 117,
        ("seed", "near_seed"): 29,
        ("seed", "kept"): 589,
    }
