"""Seeds and test items out of a plan's files: counts add up, nothing tested is taught, nothing synthetic is tested."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from engine.domain import Item
from engine.errors import InputError
from engine.plan import check_plan
from engine.sandbox import world
from engine.seed_files import Division, seeds_and_test
from engine.tasks import load_task

ITEMS = [replace(item, answer=item.answer.split("####")[-1].strip()) for item in world.seeds(300)]
"""Questions that are no near duplicates of each other, with answers of one line."""


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return str(path)


def row(item: Item, **more: Any) -> dict[str, Any]:
    return {"question": item.question, "answer": item.answer, **more}


def divided(
    seeds: dict[str, Any], test: dict[str, Any] | None = None, task: str = "math"
) -> tuple[tuple[Item, ...], tuple[Item, ...], Division, list[str]]:
    return seeds_and_test(check_plan({"task": task, "seeds": seeds, "test": test or {}}), load_task(task))


def add_up(found: Division) -> bool:
    own = 0 if found.own_test_file else found.test
    return found.rows == found.repeats + found.left_out + found.seeds + own + found.unused


def test_without_a_test_file_a_quarter_is_split_off_and_every_row_is_told(tmp_path: Path) -> None:
    rows = [row(item) for item in ITEMS]
    rows[20]["question"] = rows[10]["question"] + " "
    rows[21]["question"] = rows[11]["question"].replace("?", " ?")
    for n in range(30, 36):
        rows[n]["family"] = "one"
    path = write(tmp_path / "seeds.jsonl", rows + rows[:8])
    seeds, test, found, warnings = divided({"path": path})
    assert (found.rows, found.repeats, found.seeds, found.test) == (308, 8, 225, 75)
    assert add_up(found)
    assert (len(seeds), len(test), warnings) == (225, 75, [])
    assert not {item.id for item in seeds} & {item.id for item in test}
    assert found.told == (
        "308 rows: 225 seeds, 75 test items, 8 repeating an earlier row; split by a draw named 'test'; "
        "1 family kept whole; 4 near duplicates kept on one side"
    )
    assert divided({"path": path})[:2] == (seeds, test), "the same plan splits off the same items"
    assert divided({"path": path}, {"draw": "other"})[1] != test


def test_counts_cut_both_sides_and_what_is_not_used_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "seeds.csv", [row(item) for item in ITEMS])
    seeds, test, found, _ = divided({"path": path, "count": 100}, {"holdout": 60, "count": 50})
    assert (len(seeds), len(test), found.unused) == (100, 50, 150)
    assert add_up(found)
    assert "150 not used" in found.told


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_column_is_spread_alike_or_its_latest_rows_are_tested_in_every_format(tmp_path: Path, ending: str) -> None:
    rows = [
        row(item, topic="rare" if n % 10 == 0 else "common", day=f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}")
        for n, item in enumerate(ITEMS[:200])
    ]
    path = write(tmp_path / f"seeds.{ending}", rows)
    topics = {r["question"]: r["topic"] for r in rows}
    _, test, found, _ = divided({"path": path}, {"holdout": 50, "stratify_by": "topic"})
    assert [topics[item.question] for item in test].count("rare") == 5
    assert "alike in 'topic'" in found.told
    assert all(not item.fields for item in test), "the column is no part of the item"
    days = {r["question"]: r["day"] for r in rows}
    seeds, test, found, _ = divided({"path": path}, {"holdout": 50, "time_column": "day"})
    assert len(test) == 50
    assert max(days[item.question] for item in seeds) < min(days[item.question] for item in test)
    assert "split by time: the latest by 'day' are tested" in found.told


def test_rows_without_the_column_of_the_split_are_told_by_their_lines(tmp_path: Path) -> None:
    rows = [row(item, day="2026-01-01") for item in ITEMS[:60]]
    rows[3]["day"], rows[7]["day"] = "soon", ""
    path = write(tmp_path / "seeds.csv", rows)
    with pytest.raises(InputError, match=r"^seeds\.csv, line 9: 'day' is empty$"):
        divided({"path": path}, {"time_column": "day"})
    rows[7]["day"] = "7"
    with pytest.raises(InputError) as caught:
        divided({"path": write(tmp_path / "seeds.csv", rows)}, {"time_column": "day"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["seeds.csv, line 5", "seeds.csv, line 9"]
    with pytest.raises(InputError, match=r"column 'topic' is missing \(found: question, answer, day\)"):
        divided({"path": path}, {"stratify_by": "topic"})


def test_one_family_of_nearly_all_rows_is_told(tmp_path: Path) -> None:
    rows = [row(item, family="one" if n < 90 else f"f{n}") for n, item in enumerate(ITEMS[:120])]
    _, test, found, warnings = divided({"path": write(tmp_path / "s.jsonl", rows)}, {"holdout": 60})
    assert (len(test), found.held_out) == (30, 60)
    assert "60 test items were asked for, and 30 split off" in warnings[0]
    assert "the largest of them has 90 of 120 items" in warnings[0]


def test_rows_that_are_all_near_duplicates_cannot_be_split_and_that_is_said(tmp_path: Path) -> None:
    rows = [{"question": f"How do I use the tool of number {n}?", "answer": str(n)} for n in range(60)]
    with pytest.raises(InputError, match=r"largest such group has 60 of the 60 .* give test items in a file of their"):
        divided({"path": write(tmp_path / "s.jsonl", rows)}, {"holdout": 20})


def test_too_few_rows_to_split_are_told_with_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", [row(item) for item in ITEMS[:15]])
    with pytest.raises(InputError, match=r"found 15 different items in s.jsonl, too few to split off 100 test items"):
        divided({"path": path}, {"holdout": 100})


def test_a_test_file_that_shares_items_with_the_seeds_is_a_fault_with_every_pair_of_lines(tmp_path: Path) -> None:
    seeds = write(tmp_path / "seeds.jsonl", [row(item) for item in ITEMS[:60]])
    rows = [row(item) for item in ITEMS[60:90]]
    rows[4] = row(ITEMS[7])
    rows[9]["question"] = ITEMS[11].question.replace("?", " ?")
    test = write(tmp_path / "test.csv", rows)
    with pytest.raises(InputError) as caught:
        divided({"path": seeds}, {"path": test})
    assert caught.value.problems[:2] == (
        "test.csv, line 6: is the seed of seeds.jsonl, line 8",
        "test.csv, line 11: is nearly the seed of seeds.jsonl, line 12",
    )
    assert "2 seeds are test items too" in caught.value.problems[2]
    kept, tested, found, _ = divided({"path": seeds}, {"path": test, "shared": "leave_out"})
    assert (len(kept), len(tested), found.left_out) == (58, 30, 2)
    assert add_up(found)
    assert found.told == "60 rows: 58 seeds, 2 in the test file too; 30 test items from a file of their own"
    assert not {ITEMS[7].question, ITEMS[11].question} & {item.question for item in kept}


def test_both_files_are_told_at_once_and_one_family_in_both_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "seeds.csv").write_text("question,answer\n,1\n")
    (tmp_path / "test.csv").write_text("prompt,answer\na,1\n")
    with pytest.raises(InputError) as caught:
        divided({"path": str(tmp_path / "seeds.csv")}, {"path": str(tmp_path / "test.csv")})
    assert len(caught.value.problems) == 2
    seeds = write(tmp_path / "s.jsonl", [row(item, family="f") for item in ITEMS[:30]])
    test = write(tmp_path / "t.jsonl", [row(item, family="f") for item in ITEMS[30:60]])
    assert "1 family stand" in divided({"path": seeds}, {"path": test})[3][0]


def generated(item: Item) -> dict[str, Any]:
    return row(item, seed_id="x", strategy="new_question", query_ids=[1, 2])


def test_what_was_generated_is_never_tested(tmp_path: Path) -> None:
    rows = [row(item) for item in ITEMS[:100]]
    rows += [generated(item) for item in ITEMS[100:200]]
    path = write(tmp_path / "s.jsonl", rows)
    seeds, test, found, _ = divided({"path": path}, {"holdout": 50})
    assert (len(seeds), len(test), found.generated) == (150, 50, 100)
    assert {item.question for item in test} <= {item.question for item in ITEMS[:100]}
    assert "100 generated rows kept out of the test items" in found.told
    with pytest.raises(
        InputError, match=r"s.jsonl, line 101: was generated by SeedPilot; test items are never synthetic"
    ):
        divided({"path": write(tmp_path / "own.jsonl", [row(item) for item in ITEMS[200:]])}, {"path": path})
    with pytest.raises(InputError, match="too few to split off 50 test items"):
        divided({"path": write(tmp_path / "all.jsonl", rows[100:])}, {"holdout": 50})


# --- columns by other names --------------------------------------------------------------------------------


def test_columns_are_mapped_by_their_part_or_by_the_tasks_own_name(tmp_path: Path) -> None:
    tickets = str(Path(__file__).parents[1] / "data" / "tickets.toml")
    rows = [{"text": i.question, "out": i.answer, "source": f"f{n // 2}"} for n, i in enumerate(ITEMS[:60])]
    path = write(tmp_path / "s.csv", rows)
    by_part = divided({"path": path, "map": {"question": "text", "answer": "out", "family": "source"}}, task=tickets)
    by_name = divided({"path": path, "map": {"message": "text", "record": "out", "family": "source"}}, task=tickets)
    assert by_part == by_name
    assert by_part[2].families == 30


def test_a_wrong_mapping_is_told_with_what_the_task_reads_and_what_the_file_has(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", [{"prompt": i.question, "reply": i.answer} for i in ITEMS[:60]])
    with pytest.raises(
        InputError, match=r"seeds.map: 'prompt' is no column .* expected one of question, answer, family"
    ):
        divided({"path": path, "map": {"prompt": "question"}})
    with pytest.raises(InputError, match=r"s.csv, all 60 rows: column 'promt' is missing \(found: prompt, reply\)"):
        divided({"path": path, "map": {"question": "promt", "answer": "reply"}})
    with pytest.raises(InputError, match=r"all 60 rows: column 'answer' is missing \(found: prompt, reply\)"):
        divided({"path": path, "map": {"question": "prompt"}})
