"""Real questions in a pilot: the user's own inputs, read, freed from test items and seeds, answered once each."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from engine import worker
from engine.domain import Item, Strategy
from engine.errors import InputError
from engine.items import write_jsonl
from engine.ledger import account
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.rows import choices, columns, messages
from engine.runs import file_pilot, situation_of
from engine.sandbox import world
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import serving
from tests.pilots import rows, seedpilot_pilot, ticket_plan
from tests.voices import TicketReader

REAL = {"budgets": [10, 40], "replicates": 1, "strategies": ["answer_augmentation", "real_question"]}


def open_tickets(folder: Path, count: int, more: tuple[str, ...] = ()) -> str:
    path = folder / "open.jsonl"
    texts = [f"My parcel {chr(65 + i % 26)}-{1000 + i} has not arrived. This is urgent!" for i in range(count)]
    write_jsonl(path, [{"message": text} for text in (*texts, *more)])
    return str(path)


def prepared(**changes: Any) -> Any:
    return prepare(check_plan({"test": {"count": 40}, "grid": REAL, "unlabelled": {"path": "sandbox"}} | changes))


@pytest.mark.parametrize(
    ("reader", "row", "asked"),
    [
        (columns("question", None, "passage"), {"question": "Who?", "passage": "A text."}, "A text.\n\nWho?"),
        (choices(answer=None), {"question": "Which?", "choices": ["x", "y"]}, "Which?\nA. x\nB. y"),
        (
            messages(answered=False),
            {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
            "System: Be kind.\n\nHi",
        ),
    ],
)
def test_an_input_is_read_like_a_seed_but_for_its_answer(reader: Any, row: dict[str, Any], asked: str):
    item = reader(row)
    assert isinstance(item, Item)
    assert (item.asked, item.answer) == (asked, "")


def test_an_answer_that_stands_in_the_file_all_the_same_is_not_looked_at():
    row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "secret"}]}
    assert messages(answered=False)(row) == messages(answered=False)({"messages": row["messages"][:1]})


def test_a_chat_that_ends_before_the_users_turn_is_told():
    assert "expected a user's turn at the end" in str(messages(answered=False)({"messages": [{"role": "system"}]}))


def test_test_items_and_seeds_among_the_inputs_are_left_out_and_counted(tmp_path: Path):
    path = tmp_path / "open.csv"
    tested, seeds, fresh = world.test_items(40)[:3], world.seeds(100)[:2], world.inputs(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["question"], *([item.question] for item in (*tested, *fresh, *seeds))])
        writer.writerow([tested[0].question.upper()])
        writer.writerow([fresh[0].question])
    found = prepared(unlabelled={"path": str(path)})
    assert [item.question for item in found.inputs] == [item.question for item in fresh]
    said = "\n".join(found.warnings)
    assert "4 of 13 unlabelled inputs are test items" in said
    assert "2 of 13 unlabelled inputs are seeds" in said
    assert "1 rows repeat an earlier input" in said
    assert "There are 7 unlabelled inputs for budgets of up to 40 queries" in said


def test_inputs_that_are_all_test_items_are_refused(tmp_path: Path):
    write_jsonl(tmp_path / "open.jsonl", [{"question": item.question} for item in world.test_items(40)])
    with pytest.raises(InputError, match=r"unlabelled: no input of open.jsonl is left"):
        prepared(unlabelled={"path": str(tmp_path / "open.jsonl")})


def test_a_missing_file_of_inputs_is_told_with_the_other_problems(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        prepared(unlabelled={"path": str(tmp_path / "none.jsonl")}, student=str(tmp_path), test={"count": 5})
    said = str(caught.value)
    assert "unlabelled: " in said
    assert "none.jsonl: cannot be read" in said
    assert "test items: found 5" in said
    assert len(caught.value.problems) == 3


def test_lines_without_a_question_are_told_by_their_number(tmp_path: Path):
    (tmp_path / "open.jsonl").write_text('{"question": "Why?"}\n{"question": ""}\n{"q": 1}\n')
    with pytest.raises(InputError) as caught:
        prepared(unlabelled={"path": str(tmp_path / "open.jsonl")})
    assert [p.split(":")[1].strip() for p in caught.value.problems] == ["open.jsonl, line 2", "open.jsonl, line 3"]


def test_the_estimate_counts_each_input_once_whatever_the_seed_sizes():
    found = prepared(grid=REAL | {"seed_sizes": [50, 100]}, unlabelled={"path": "sandbox", "count": 25})
    assert found.estimate.queries == 40 + 40 + 25, "the teacher's own, answers to the same seeds, real questions"
    arms = {(c.seeds, c.budget) for c in found.cells if c.arm is Strategy.REAL_QUESTION}
    assert arms == {(50, 10), (50, 25), (100, 10), (100, 25)}


def test_the_longest_input_is_in_the_most_that_a_pilot_can_cost(tmp_path: Path):
    teacher = {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    teacher |= {"usd_per_million_input": 1.0, "usd_per_million_output": 1.0}
    write_jsonl(tmp_path / "open.jsonl", [{"question": "why " * 5000}])
    short, long = (
        prepared(teacher=teacher, unlabelled={"path": path, "count": 1}).estimate
        for path in ("sandbox", str(tmp_path / "open.jsonl"))
    )
    assert long.upper_usd > short.upper_usd + long.ceiling_queries * 15_000 / 1e6


def test_a_pilot_answers_the_inputs_once_and_its_advice_weighs_them(tmp_path: Path, student: Path):
    with serving(TicketReader()) as server:
        plan = ticket_plan(
            server.base_url,
            student,
            grid=REAL | {"strategies": ["real_question"]},
            unlabelled={"path": open_tickets(tmp_path, 25)},
            ceiling={"queries": 200},
        )
        done = seedpilot_pilot(plan, tmp_path)
        assert done.returncode == 0, done.stderr
        assert server.answered == 40 + 25
    told = json.loads(done.stdout)
    assert "end at 25 queries" in done.stderr
    real = {c["budget"]: c for c in told["cells"] if c["arm"] == "real_question" and c["pool"] == 0}
    assert sorted(real) == [10, 25]
    assert all(c["state"] == "done" and c["scored"] == 40 for c in real.values())
    pool = next(p for p in told["pools"] if p["pool"].startswith("real_question"))
    assert sum(pool["counts"].values()) == 25
    kept = rows(Path(pool["folder"]) / "examples.jsonl")
    assert len(kept) == pool["counts"]["kept"] == real[25]["examples"] > 0
    assert {row["question"] for row in kept} <= {row["message"] for row in rows(tmp_path / "open.jsonl")}
    assert all(row["messages"][-1]["content"] == row["answer"] for row in kept)
    small = rows(Path(real[10]["folder"]) / "data.jsonl")
    assert small == rows(Path(real[25]["folder"]) / "data.jsonl")[: len(small)], "a small budget's data is a prefix"
    after = told["advice"]["after"]
    assert after["situation"]["unlabelled"] == 25
    points = next(s for s in after["strategies"] if s["strategy"] == "real_question")["points"]
    assert points == 3, "both budgets, and the smallest from a second pool"


def test_a_filed_run_keeps_its_inputs_and_their_number(tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(Settings().store_path)
    path = open_tickets(tmp_path, 25)
    run_id = file_pilot(
        check_plan(ticket_plan("http://127.0.0.1:9/v1", student, grid=REAL, unlabelled={"path": path})), store
    )
    Path(path).unlink()
    run = store.run(run_id)
    assert situation_of(run, []).unlabelled == 25
    assert len(prepare(check_plan(run.plan)).inputs) == 25


def test_the_sandbox_answers_its_own_inputs(student: Path):
    store = Store(Settings().store_path)
    grid = {"budgets": [20], "replicates": 1, "strategies": ["real_question"]}
    plan = {"student": str(student), "grid": grid, "unlabelled": {"path": "sandbox"}, "max_new_tokens": 8}
    plan |= {"test": {"count": 20, "teacher_items": 0}, "training": {"min_steps": 2, "epochs": 0.1}}
    run_id = file_pilot(check_plan(plan), store)
    assert worker.run(run_id, store) == RunState.DONE
    assert account(store, run_id).settled == 20
    assert store.pools(run_id)[0].counts["kept"] >= 18, "one reply in twenty is flawed, and flawed is still an answer"
