"""Every example of a run is found a page at a time, and what is changed by hand is a new version that counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import hand_edits
from engine.dataset_folder import Pool
from engine.domain import Item
from engine.errors import InputError
from engine.hand_edits import DROP, DROPPED, EDIT, RESTORE, Change
from engine.items import write_jsonl
from engine.pools import EXAMPLES, REJECTED
from engine.records import PoolRow
from engine.row_index import Filter, RowIndex

NEW = "new_question-s10"


def row(number: int, question: str = "", answer: str = "") -> dict[str, Any]:
    question, answer = question or f"How many is {number} and one?", answer or str(number + 1)
    chat = [{"role": "user", "content": f"Answer: {question}"}, {"role": "assistant", "content": answer}]
    return {
        "messages": chat, "question": question, "answer": answer, "seed_id": f"s{number % 7}",
        "sample_index": number // 7, "strategy": "new_question", "query_ids": [number],
    }  # fmt: skip


def lost(number: int, reason: str, question: str | None = None) -> dict[str, Any]:
    named = {"strategy": "new_question", "seed_id": f"s{number % 7}", "visit": 100 + number, "query_ids": [number]}
    return named | {"reason": reason, "question": question, "answer": None}


def pool(
    folder: Path, kept: Sequence[dict[str, Any]], left_out: Sequence[dict[str, Any]] = (), name: str = NEW
) -> PoolRow:
    write_jsonl(folder / "pools" / name / EXAMPLES, list(kept))
    write_jsonl(folder / "pools" / name / REJECTED, list(left_out))
    counts: dict[str, int] = {"kept": len(kept)}
    for one in left_out:
        counts[one["reason"]] = counts.get(one["reason"], 0) + 1
    return PoolRow(name, counts, str(folder / "pools" / name))


def change(of: dict[str, Any], action: str, **said: str) -> Change:
    return Change(NEW, of["seed_id"], of["sample_index"], action, hand_edits.now(), **said)


@pytest.fixture
def small(tmp_path: Path) -> PoolRow:
    return pool(tmp_path, [row(n) for n in range(60)], [lost(1, "duplicate", "Again?"), lost(2, "unparsable")])


def test_rows_are_found_by_reason_seed_and_words_and_the_reasons_add_up(tmp_path: Path, small: PoolRow) -> None:
    other = pool(tmp_path, [row(7, "Was heißt <b>GRÖSSE</b>?")], name="question_rephrase-s10")
    index = RowIndex(tmp_path, [small, other])
    assert index.reasons(NEW) == {"kept": 60, "duplicate": 1, "unparsable": 1} == small.counts
    assert index.count(Filter()) == 63
    assert index.count(Filter(pool=NEW, seed_id="s3")) == 9
    assert [r.question for r in index.page(Filter(reason="duplicate"), 0, 5)] == ["Again?"]
    assert [r.pool for r in index.page(Filter(words="grösse"), 0, 5)] == ["question_rephrase-s10"]
    assert index.count(Filter(words="% and one")) == 0, "what is searched is no pattern"
    assert [r.visit for r in index.page(Filter(pool=NEW), 25, 2)] == [3, 3]
    [found] = index.page(Filter(pool=NEW, words="11 and one"), 0, 5)
    assert index.bought(found) == row(11)


def test_the_table_is_made_again_where_the_files_are_others(tmp_path: Path, small: PoolRow) -> None:
    assert RowIndex(tmp_path, [small]).count(Filter()) == 62
    more = pool(tmp_path, [row(n) for n in range(90)])
    assert RowIndex(tmp_path, [more]).count(Filter()) == 90
    (tmp_path / "rows.sqlite").write_bytes(b"no table at all" * 100)
    assert RowIndex(tmp_path, [more]).count(Filter()) == 90


def test_fifty_thousand_rows_are_made_a_table_once_and_then_read_a_page_at_a_time(tmp_path: Path) -> None:
    many = pool(tmp_path, [row(n) for n in range(50_000)])
    RowIndex(tmp_path, [many])
    made = (tmp_path / "rows.sqlite").stat().st_mtime_ns
    index = RowIndex(tmp_path, [many])
    wanted = Filter(words="4999 and one")
    assert index.count(wanted) == 5
    assert len(index.page(Filter(), 49_975, 25)) == 25
    assert index.page(wanted, 0, 25)
    assert index.reasons()
    assert (tmp_path / "rows.sqlite").stat().st_mtime_ns == made


def test_a_dropped_row_is_counted_and_a_restored_one_is_as_it_was_bought(tmp_path: Path, small: PoolRow) -> None:
    index = RowIndex(tmp_path, [small])
    index.change([change(row(3), DROP), change(row(4), DROP), change(row(5), EDIT, question="New?", answer="6")])
    assert index.reasons() == {"kept": 58, DROPPED: 2, "duplicate": 1, "unparsable": 1}
    assert [(r.question, r.edited) for r in index.page(Filter(words="new?"), 0, 5)] == [("New?", True)]
    index.change([change(row(4), RESTORE), change(row(5), RESTORE)])
    again = RowIndex(tmp_path, [small])
    assert index.reasons() == again.reasons() == {"kept": 59, DROPPED: 1, "duplicate": 1, "unparsable": 1}
    assert again.count(Filter(edited=True)) == 0
    (tmp_path / "rows.sqlite").unlink()
    assert RowIndex(tmp_path, [small]).reasons() == again.reasons(), "the table is made of what lies beside it"


def test_a_data_set_has_the_changes_and_its_counts_still_add_up(tmp_path: Path, small: PoolRow) -> None:
    folder = tmp_path / "pools" / NEW
    bought = (folder / EXAMPLES).read_bytes()
    hand_edits.note(
        tmp_path, [change(row(0), DROP), change(row(9), EDIT, question="How many are ten and one?", answer="eleven")]
    )
    pure = Pool("new_question", folder / EXAMPLES, small.counts, 200, folder / REJECTED)
    made = hand_edits.with_changes(tmp_path, NEW, pure)
    kept = [json.loads(line) for line in made.examples.read_text().splitlines()]
    assert len(kept) == 59
    assert made.counts == {"kept": 59, DROPPED: 1, "duplicate": 1, "unparsable": 1}
    assert sum(made.counts.values()) == sum(small.counts.values())
    edited = kept[8]
    assert [message["content"] for message in edited["messages"]] == ["Answer: How many are ten and one?", "eleven"]
    assert edited["edited"]["before"] == {"question": row(9)["question"], "answer": "10"}
    assert edited["query_ids"] == [9], "where it came from stays"
    assert made.rejected is not None
    assert [json.loads(line)["reason"] for line in made.rejected.read_text().splitlines()][-1] == DROPPED
    assert (folder / EXAMPLES).read_bytes() == bought, "what was bought stays as it was bought"
    assert hand_edits.told(tmp_path)[0].startswith("1 example was edited by hand and 1 example was dropped by hand")


def test_an_edit_may_not_become_a_test_item_and_has_to_leave_something() -> None:
    test = (Item("t", "How many apples does Ann have after she buys seven more of them?", "9"),)
    near = change(row(1), EDIT, question="how many apples does ann have after she buys seven more of them", answer="9")
    with pytest.raises(InputError, match="too near a test item"):
        hand_edits.check(row(1), near, test)
    with pytest.raises(InputError, match="needs a question and an answer"):
        hand_edits.check(row(1), change(row(1), EDIT, question=" ", answer="1"), test)
    other = row(1) | {"messages": [{"role": "user", "content": "Rewritten"}, {"role": "assistant", "content": "2"}]}
    with pytest.raises(InputError, match="does not hold it word for word"):
        hand_edits.check(other, change(other, EDIT, question="Another?", answer="2"), test)
    hand_edits.check(other, change(other, EDIT, question=str(other["question"]), answer="two"), test)
