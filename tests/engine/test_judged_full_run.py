"""A full run of a judged task: the plan's judge judges, and its verdicts are counted before it and kept aside in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import worker
from engine.errors import InputError
from engine.following import follow
from engine.full_prepare import prepare_full
from engine.full_report import report_of
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_full, file_pilot
from engine.store import Store
from engine.tasks.judge import JUDGE
from tests.engine.test_tasks_in_pilot import THINGS
from tests.openai_server import OpenAIServer, serving
from tests.pilots import QUICK, teacher_of
from tests.small_students import build_tiny_student

TEST_ITEMS = 20


def answers(messages: list[dict[str, str]]) -> str:
    if "You judge a reply by a rubric" in messages[0]["content"]:
        raise AssertionError("the teacher is no judge here")
    return f"Oil it first: {messages[-1]['content'][-24:]}"


def verdicts(messages: list[dict[str, str]]) -> str:
    assert "You judge a reply by a rubric" in messages[0]["content"]
    return json.dumps({"reason": "as asked", "score": 2})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("judged") / "d.jsonl"
    rows = [{"question": f"How do I {thing} by hand?", "answer": f"Like {at}."} for at, thing in enumerate(THINGS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def judged_plan(data: Path, student: Path, teacher: str, judge: str, **changes: Any) -> dict[str, Any]:
    """Answers are judged by a model of its own, that costs ten times what the teacher does."""
    return {
        "task": "open_ended",
        "student": str(student),
        "max_new_tokens": 8,
        "seeds": {"path": str(data)},
        "test": {"holdout": TEST_ITEMS, "teacher_items": 0},
        "teacher": teacher_of(teacher, usd_per_million_input=0.1, usd_per_million_output=0.4),
        "teachers": {"strict": teacher_of(judge, usd_per_million_input=1.0, usd_per_million_output=4.0)},
        "judge": "strict",
        "grid": {"budgets": [10], "replicates": 1, "matched_steps": False, "strategies": ["answer_augmentation"]},
        "training": QUICK | {"max_length": 400},
    } | changes


def full_plan(data: Path, student: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    full = {"spending": {"answer_augmentation": 12}, "folder": str(folder), "train": True, "held_out": True}
    return judged_plan(data, student, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", full=full) | changes


def judged_by(server: OpenAIServer) -> int:
    return sum("You judge a reply by a rubric" in messages[0]["content"] for messages in server.seen)


def test_a_pilot_with_a_judge_of_its_own_is_followed_and_that_judge_judges(
    store: Store, data: Path, tmp_path: Path
) -> None:
    student = build_tiny_student(tmp_path / "tiny")
    with serving(answers) as teacher, serving(verdicts) as judge:
        pilot = file_pilot(check_plan(judged_plan(data, student, teacher.base_url, judge.base_url)), store)
        assert worker.run(pilot, store) == RunState.DONE, store.run(pilot).message
        found = follow(store.run(pilot), store.cells(pilot), store.pools(pilot), tmp_path / "data", 30)
        assert (found.plan.judge, set(found.plan.teachers)) == ("strict", {"strict"})
        before, judged = teacher.answered, judge.answered
        run_id = file_full(prepare_full(found.plan), store, lambda _: None)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        (row,) = store.cells(run_id)
        assert row.measurement is not None
        assert (row.measurement.scored, row.measurement.not_scored) == (TEST_ITEMS, 0)
        assert judged_by(teacher) == 0
        # Less than one each where the student says of an item what it said in the pilot.
        assert judge.answered > judged
        paid = account(store, run_id)
        assert paid.settled == teacher.answered - before + judge.answered - judged
    report = report_of(store, run_id)
    assert report is not None
    assert report["trained"]["items"] == TEST_ITEMS


def test_verdicts_are_counted_in_queries_ceiling_and_cost_at_the_judges_price(
    data: Path, student: Path, tmp_path: Path
) -> None:
    def takes(**changes: Any) -> Any:
        return prepare_full(check_plan(full_plan(data, student, tmp_path / "made", **changes))).prepared.estimate

    judged = takes()
    untrained = takes(
        full={"spending": {"answer_augmentation": 12}, "folder": str(tmp_path / "made"), "held_out": True}
    )
    assert (untrained.queries, untrained.ceiling_queries) == (12, 12), "nothing is judged where nothing is trained"
    assert (judged.queries, judged.ceiling_queries) == (12 + TEST_ITEMS, 12 + TEST_ITEMS)
    assert judged.lower_usd > untrained.lower_usd
    # Verdicts alone, at ten times the price of the answers.
    by_teacher = takes(teachers={}, judge=None)
    assert judged.expected_usd - untrained.expected_usd == pytest.approx(
        10 * (by_teacher.expected_usd - untrained.expected_usd)
    )
    # The bound takes a judge's prompt, which holds the reply and its rubric, as the longest.
    assert judged.upper_usd > (12 + TEST_ITEMS) / 12 * untrained.upper_usd


def test_a_ceiling_that_only_pays_the_judge_is_refused(data: Path, student: Path, tmp_path: Path) -> None:
    plan = check_plan(full_plan(data, student, tmp_path / "made", ceiling={"queries": TEST_ITEMS - 1}))
    with pytest.raises(
        InputError, match="found 19, but the judge alone takes 20, one for each test item; raise it to 32"
    ):
        prepare_full(plan)


def test_what_is_asked_again_leaves_the_judge_its_queries(store: Store, data: Path, tmp_path: Path) -> None:
    student = build_tiny_student(tmp_path / "tiny")
    with serving(answers) as teacher, serving(verdicts) as judge:
        # Cut connections may have been answered: each stays charged, and is asked again.
        teacher.faults = ["cut_connection"] * 3
        made = full_plan(data, student, tmp_path / "made")
        made |= {
            key: value
            for key, value in judged_plan(data, student, teacher.base_url, judge.base_url).items()
            if key in ("teacher", "teachers")
        }
        run_id = file_full(prepare_full(check_plan(made)), store, lambda _: None)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        (row,) = store.cells(run_id)
        assert row.measurement is not None
        assert row.measurement.not_scored == 0, "what was lost is missing among the examples, not among the verdicts"
        assert "kept for the judge" in store.run(run_id).message
        found = report_of(store, run_id)
        assert found is not None
        # The first three were cut and came last, to a ceiling that was full; what came meanwhile is paid for, too.
        assert found["counts"]["answer_augmentation"] == {"kept": 9, "no_reply": 3}
    paid = account(store, run_id)
    assert paid.unknown == 3
    assert paid.queries <= 12 + TEST_ITEMS
    with store.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM queries WHERE run_id = ? AND strategy = ?", (run_id, JUDGE)
        ).scalar_one()
    assert found == judge.answered
