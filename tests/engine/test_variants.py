"""Variants in a plan: what is wrong with one, what all of them ask, and a real pilot with each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import worker
from engine.domain import Cell, Strategy
from engine.errors import InputError
from engine.guided import WEIGHT
from engine.ledger import account
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from engine.tasks import load_task
from engine.training_set import training_set
from engine.variants import asked, making_of, pools_of, visits_of
from tests.openai_server import KEY, serving
from tests.pilots import rows, teacher_of, ticket_plan, undetermined
from tests.voices import TicketReader

AA, QR, NQ = Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION


def plan(*variants: dict[str, Any], budgets: tuple[int, ...] = (60, 120), **more: Any) -> Any:
    return check_plan({"grid": {"budgets": list(budgets), "replicates": 1}, "variants": list(variants)} | more)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ({"name": "plain", "votes": 3}, "that is not 'plain'"),
        ({"name": "Majority vote", "votes": 3}, "small letters, digits and _"),
        ({"name": "nothing"}, "changes nothing; set votes"),
        ({"name": "checked", "gold": True, "strategies": ["new_question"]}, "changes nothing about new_question"),
        ({"name": "v", "votes": 3, "budgets": [77]}, "found 77, which is not among grid.budgets"),
        ({"name": "v", "votes": 3, "strategies": ["real_question"]}, "real_question, which is not among"),
        ({"name": "mix", "teachers": {"teacher": 1, "cheap": 1}}, "no table [teachers.cheap]; there are teacher"),
        ({"name": "mix", "teachers": {"teacher": 0}}, "found a share of 0"),
    ],
)
def test_what_is_wrong_with_a_variant_is_said_with_what_was_expected(variant: dict[str, Any], said: str):
    with pytest.raises(InputError) as refused:
        plan(variant)
    assert said in "\n".join(refused.value.problems)


def test_a_further_teacher_that_nobody_asks_is_told():
    with pytest.raises(InputError, match="no variant has it answer"):
        plan(teachers={"cheap": {"kind": "sandbox"}})


def test_a_variant_stands_beside_the_plain_cells_at_the_largest_budget():
    cells = plan({"name": "majority", "votes": 3}).cells(20)
    assert [(c.arm, c.budget) for c in cells if c.variant == "majority"] == [(s, 120) for s in (AA, QR, NQ)]
    assert len({c.key for c in cells}) == len(cells)
    assert Cell(NQ, 20, 120, 0).key in {c.key for c in cells}, "older runs find their cells again"


def test_a_variant_that_only_weighs_seeds_trains_on_the_plain_pool():
    found = plan({"name": "more_seeds", "seed_share": 0.5, "strategies": ["new_question"]})
    assert set(pools_of(found, found.cells(20))) == {(s, 20, "plain") for s in (AA, QR, NQ)}


def test_queries_are_counted_as_the_ledger_will_know_them():
    plain = asked(plan(), 20, 0).total()
    assert plain == 120 + 2 * 60 * 2
    # 40 visits of three votes; the first vote of each is a plain answer
    assert asked(plan({"name": "m", "votes": 3, "strategies": ["answer_augmentation"]}), 20, 0).total() == plain + 80
    # 30 calls of three questions and 90 answers; a list's questions are no single one's
    listed = plan({"name": "l", "questions_per_call": 3, "strategies": ["new_question"]})
    assert visits_of(listed, NQ, 120, "l") == 90
    assert asked(listed, 20, 0).total() == plain + 30 + 90
    halves = plan(
        {"name": "h", "teachers": {"teacher": 1, "cheap": 1}, "strategies": ["answer_augmentation"]},
        teachers={"cheap": {"kind": "sandbox"}},
    )
    by_model = asked(halves, 20, 0)
    assert by_model["teacher"] == plain, "its half of the answers is in the plain pool"
    assert abs(by_model["cheap"] - 60) <= 2


def test_seeds_are_repeated_or_left_out_until_they_are_their_share():
    task = load_task("math")
    seeds, generated = [(f"s{i}", "a") for i in range(10)], [(f"g{i}", "a") for i in range(30)]

    def shown(share: float | None) -> list[str]:
        return [example.messages[-1].content[:2] for example in training_set(task, seeds, generated, share)]

    assert [sum(q.startswith("s") for q in shown(share)) for share in (None, 0.5, 0.1)] == [10, 30, 3]
    assert all(sum(q.startswith("g") for q in shown(share)) == 30 for share in (None, 0.5, 0.1))
    assert shown(0.5).count("s0") == 3
    assert len(training_set(task, seeds, [], 0.5)) == 10


def test_making_takes_the_plans_lists_unless_the_variant_has_its_own():
    found = plan({"name": "l", "questions_per_call": 3}, prompts={"questions_per_call": 5})
    assert (making_of(found, "plain").together, making_of(found, "l").together) == (5, 3)


def test_a_pilot_measures_every_kind_of_variant_and_pays_no_query_twice(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(TicketReader()) as server, serving(TicketReader()) as cheap:
        raw = ticket_plan(
            server.base_url,
            student,
            task=undetermined(tmp_path, "exact"),
            grid={"budgets": [60], "replicates": 1, "seed_sizes": [30], "matched_steps": False}
            | {"strategies": [AA.value, NQ.value]},
            teachers={"cheap": teacher_of(cheap.base_url)},
            variants=[
                {"name": "majority", "votes": 3, "strategies": [AA.value]},
                {"name": "checked", "gold": True},
                {"name": "lists", "questions_per_call": 2},
                {"name": "two", "teachers": {"teacher": 0.5, "cheap": 0.5}, "strategies": [NQ.value]},
                {"name": "half", "seed_share": 0.5, "strategies": [NQ.value]},
                {"name": "guided", "guided": True, "strategies": [NQ.value]},
            ],
        )
        run_id = file_pilot(check_plan(raw), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        paid = account(store, run_id)
        assert paid.settled == server.answered + cheap.answered
        assert cheap.answered > 0
    cells = store.cells(run_id)
    assert {row.state for row in cells} == {"done"}
    assert {row.cell.variant for row in cells} == {
        "plain", "majority", "checked", "lists", "two", "half", "guided",
    }  # fmt: skip
    pools = {pool.name: pool for pool in store.pools(run_id)}
    assert set(pools) == {
        "answer_augmentation-s30",
        "new_question-s30",
        "answer_augmentation-majority-s30",
        "answer_augmentation-checked-s30",
        "new_question-lists-s30",
        "new_question-two-s30",
        "new_question-guided-s30",
    }
    assert sum(pools["answer_augmentation-majority-s30"].counts.values()) == 20
    assert sum(pools["new_question-lists-s30"].counts.values()) == 40
    assert pools["new_question-lists-s30"].counts.get("kept", 0) > 30, pools["new_question-lists-s30"].counts
    made = rows(Path(pools["new_question-two-s30"].folder) / "examples.jsonl")
    assert len({row["teacher"] for row in made}) == 2
    guided = [row["seed_id"] for row in rows(Path(pools["new_question-guided-s30"].folder) / "examples.jsonl")]
    assert max(map(guided.count, guided)) <= WEIGHT
    half = next(Path(row.folder or "") for row in cells if row.cell.variant == "half")
    plain = next(Path(row.folder or "") for row in cells if row.cell.variant == "plain" and row.cell.arm is NQ)
    assert len(rows(half / "data.jsonl")) == 2 * (len(rows(plain / "data.jsonl")) - 30)
