"""A second model that writes the questions, each query at its own model's price; and examples in prompts."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from engine import worker
from engine.domain import Item
from engine.errors import InputError
from engine.ledger import account
from engine.plan import check_plan
from engine.prepare import prepare, prompt_tokens_at_most
from engine.records import RunState
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from engine.strategies import FewShot, answer_request
from engine.tasks import load_task
from tests.openai_server import KEY, serving
from tests.pilots import rows as jsonl
from tests.pilots import teacher_of, ticket_plan
from tests.voices import TicketReader

GRID = {"budgets": [20], "replicates": 1, "strategies": ["answer_augmentation", "question_rephrase", "new_question"]}
SEEDS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", f"#### {2 * i}") for i in range(12))


def priced(base_url: str, usd: float, **changes: Any) -> dict[str, Any]:
    return teacher_of(base_url, usd_per_million_input=usd, usd_per_million_output=usd, **changes)


def test_the_augmenter_writes_the_teacher_answers_and_each_is_paid_at_its_own_price(
    student: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(TicketReader()) as answers, serving(TicketReader()) as writes:
        plan = ticket_plan(answers.base_url, student, grid=GRID, teacher=priced(answers.base_url, 10.0))
        plan["augmenter"] = priced(writes.base_url, 1000.0)
        found = prepare(check_plan(plan))
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.DONE
        assert writes.answered == 20, "one for each rephrasing and each new question"
        assert all("Reply with the" in seen[0]["content"] for seen in writes.seen)
        assert not any("Reply with the" in seen[0]["content"] for seen in answers.seen)
        assert answers.answered == 40 + 10 + 10, "test items, and one answer to each new text"
    with store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT teacher, count(*), sum(reply_usd), sum(input_tokens + output_tokens) FROM queries "
                "WHERE run_id = :run AND state = 'settled' GROUP BY teacher ORDER BY count(*)"
            ),
            {"run": run_id},
        ).all()
    assert [row[1] for row in rows] == [20, 60]
    assert [row[0].rsplit(":")[-1] for row in rows] == [
        str(server.server_address[1]) for server in (writes, answers)
    ], "the ledger names who was asked"
    for row, usd in zip(rows, (1000.0, 10.0), strict=True):
        assert row[2] == pytest.approx(usd * row[3] / 1e6)
    usd: dict[int, float] = {}
    with store.reading() as connection:
        for row in connection.execute(text("SELECT id, reply_usd FROM queries WHERE run_id = :run"), {"run": run_id}):
            usd[row[0]] = row[1]
    names = {}
    for pool in store.pools(run_id):
        strategy = pool.name.split("-")[0]
        for example in jsonl(Path(pool.folder) / "examples.jsonl"):
            assert example["usd"] == pytest.approx(sum(usd[query] for query in example["query_ids"]))
            assert example["teacher"] == rows[1][0]
            assert example["augmenter"] == (None if strategy == "answer_augmentation" else rows[0][0])
            assert example["sampling"]["temperature"] == 0.7
            names.setdefault(strategy, set()).add(example["prompts"])
    assert all(len(found) == 1 for found in names.values())
    assert len(set.union(*names.values())) == len(names) == 2, (
        "each has prompts of its own; answers all repeat the seeds"
    )
    paid = account(store, run_id).usd
    assert paid is not None
    assert found.estimate.upper_usd is not None
    assert paid <= found.estimate.upper_usd
    assert "augmenter" in found.estimate.price_source


def test_the_most_that_a_pilot_can_cost_is_bound_by_the_dearer_model(student: Path):
    def most(teacher: float, augmenter: float | None) -> float:
        plan = ticket_plan(
            "http://127.0.0.1:9/v1", student, grid=GRID, teacher=priced("http://127.0.0.1:9/v1", teacher)
        )
        if augmenter is not None:
            plan["augmenter"] = priced("http://127.0.0.1:8/v1", augmenter)
        return float(prepare(check_plan(plan)).estimate.upper_usd or 0)

    assert most(1.0, 5.0) == pytest.approx(most(5.0, 1.0)) == pytest.approx(most(5.0, None))
    assert most(1.0, 1.0) == pytest.approx(most(1.0, None))


def test_an_augmenter_of_unknown_price_leaves_the_cost_unknown_and_no_ceiling_in_dollars(student: Path):
    plan = ticket_plan("http://127.0.0.1:9/v1", student, grid=GRID, teacher=priced("http://127.0.0.1:9/v1", 1.0))
    plan["augmenter"] = teacher_of("http://127.0.0.1:8/v1", model="nobody-lists-it")
    estimate = prepare(check_plan(plan)).estimate
    assert (estimate.lower_usd, estimate.expected_usd, estimate.upper_usd) == (None, None, None)
    with pytest.raises(InputError, match="needs the prices of augmenter too"):
        check_plan(plan | {"ceiling": {"usd": 1.0}})


def test_what_is_wrong_with_an_augmenter_is_told_with_the_rest():
    with pytest.raises(InputError) as caught:
        check_plan({"teacher": {"kind": "replay"}, "augmenter": {"kind": "openai_compatible", "base_url": "x"}})
    assert [p.split(":")[1].strip() for p in caught.value.problems] == [
        "teacher.replies",
        "augmenter.base_url",
        "augmenter.model",
    ]


def test_a_key_that_only_the_augmenter_lacks_is_asked_for_before_anything_is_paid(
    student: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(TicketReader()) as server:
        plan = ticket_plan(server.base_url, student, grid=GRID)
        plan["augmenter"] = teacher_of(server.base_url, key_env="NO_SUCH_KEY")
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.WAITING_FOR_KEY
        assert server.requests == 0


@given(count=st.integers(0, 8), draw=st.integers(0, 5), index=st.integers(0, 3), visited=st.sampled_from(SEEDS))
def test_a_prompt_shows_so_many_seeds_and_never_the_one_it_asks_about(count: int, draw: int, index: int, visited: Item):
    few_shot = FewShot(SEEDS, count, draw)
    shown = few_shot.shown(visited, index)
    assert len(set(shown)) == len(shown) == count
    assert visited not in shown
    assert shown == few_shot.shown(visited, index), "the draw has a name"


def test_another_draw_and_another_round_show_other_seeds():
    draws = {FewShot(SEEDS, 3, draw).shown(SEEDS[0], index) for draw, index in itertools.product(range(3), range(3))}
    assert len(draws) == 9


def test_prompts_begin_alike_and_end_with_the_item():
    math = load_task("math")
    shown = FewShot(SEEDS, 3).shown(SEEDS[0], 0)
    one, two = (answer_request(math, q, 0, shown=shown).messages for q in ("What is 1?", "What is 2?"))
    assert one[0] == two[0], "everything before the item is the same"
    assert one[-1].content == "Question: What is 1?"
    assert one[0].content.startswith(math.teacher_instruction)
    assert all(f"{item.question}\nAnswer: {item.answer}" in one[0].content for item in shown)


def test_examples_come_from_the_smallest_cells_seeds_and_are_in_the_cost(student: Path):
    grid = GRID | {"seed_sizes": [10, 100]}
    plan = ticket_plan("http://127.0.0.1:9/v1", student, grid=grid, teacher=priced("http://127.0.0.1:9/v1", 1.0))
    found = prepare(check_plan(plan | {"prompts": {"few_shot": 4}}))
    assert found.few_shot.seeds == found.seeds[:10]
    assert not {item.question for item in found.few_shot.seeds} & {item.question for item in found.test}
    without = prepare(check_plan(plan)).estimate
    more = (found.estimate.upper_usd or 0) - (without.upper_usd or 0)
    tokens = max(
        prompt_tokens_at_most(answer_request(found.task, s.question, 0, shown=found.few_shot.shown(s, 0)))
        - prompt_tokens_at_most(answer_request(found.task, s.question, 0))
        for s in found.seeds
    )
    assert more >= without.ceiling_queries * tokens / 1e6 > 0


def test_a_pilot_shows_its_examples_in_answers_and_new_questions(student: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(TicketReader()) as server:
        run_id = file_pilot(
            check_plan(
                ticket_plan(
                    server.base_url,
                    student,
                    grid=GRID | {"strategies": ["new_question"]},
                    prompts={"few_shot": 2},
                    test={"holdout": 40, "teacher_items": 0},
                )
            ),
            store,
        )
        assert worker.run(run_id, store) == RunState.DONE
        assert len(server.seen) == 20
        for seen in server.seen:
            assert seen[0]["content"].count("\n\nQuestion: ") == 2
