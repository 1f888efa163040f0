"""The untuned student is shown as many seeds as fit, the same before each question, and a second pool costs nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.domain import Baseline, Item, Strategy
from engine.few_shot import A_TURN, MOST_SHOWN, ends_of, prompt_with, shown_seeds
from engine.plan import check_plan
from engine.prepare import prepare
from engine.tasks import load_task
from engine.variants import asked, grid_of, span_of, visits_of

SEEDS = [Item(str(n), f"What is {n} and {n}?", f"{2 * n}. #### {2 * n}") for n in range(30)]
TEST = [Item("t", "What is 7 and 8?", "15. #### 15")]


def words(question: str, answer: str) -> int:
    return len(f"{question} {answer}".split())


def test_so_many_are_shown_as_fit_beside_the_longest_question_and_an_answer() -> None:
    task = load_task("math")
    assert len(shown_seeds(task, SEEDS, TEST, words, 4000, 100)) == MOST_SHOWN
    found = shown_seeds(task, SEEDS, TEST, words, 400, 100)
    assert 0 < len(found) < MOST_SHOWN
    one = max(words(seed.asked, seed.answer) for seed in found) + 2 * A_TURN
    used = sum(words(seed.asked, seed.answer) + 2 * A_TURN for seed in found)
    assert used <= 400 - 100 - words(TEST[0].asked, "") - 2 * A_TURN < used + one
    assert shown_seeds(task, SEEDS, TEST, words, 150, 100) == (), "nothing fits: the cell is left out and says so"


def test_a_student_without_a_known_tokenizer_counts_bytes() -> None:
    task = load_task("math")
    few = shown_seeds(task, SEEDS, TEST, lambda *_: None, 500, 100)
    assert 0 < len(few) < len(shown_seeds(task, SEEDS, TEST, words, 500, 100))


def test_the_draw_is_the_same_each_time_and_reads_as_earlier_turns() -> None:
    task = load_task("math")
    shown = shown_seeds(task, SEEDS, TEST, words, 4000, 100)
    assert shown == shown_seeds(task, SEEDS, TEST, words, 4000, 100)
    assert shown != tuple(SEEDS[:MOST_SHOWN])
    said = prompt_with(task, shown, TEST[0])
    assert [message.role for message in said] == ["user", "assistant"] * MOST_SHOWN + ["user"]
    assert said[-1:] == task.student_prompt(TEST[0].asked) == prompt_with(task, (), TEST[0])
    assert said[1].content == shown[0].answer


def test_who_was_not_trained_ends_at_the_line_or_at_an_empty_one_or_where_it_asks_the_next_question() -> None:
    task = load_task("math")
    told = replace(task, student_instruction="Solve this:\nstep by step")
    assert ends_of(task, SEEDS) == ends_of(told, SEEDS) == ("\n",)
    longer = [*SEEDS, Item("two", "What is 1 and 1?", "1 and 1\nare 2. #### 2")]
    assert ends_of(task, longer) == ("\n\n",)
    assert ends_of(told, longer) == ("\n\n", "\nSolve this:")
    apart = [*longer, Item("three", "What is 2 and 1?", "2 and 1\n\nare 3. #### 3")]
    assert ends_of(task, apart) == ()
    assert ends_of(told, apart) == ("\nSolve this:",)


def test_the_default_pilot_has_a_second_pool_of_each_strategy_and_pays_no_query_for_it() -> None:
    plan = check_plan({})
    cells = grid_of(plan, 100, 0)
    again = [cell for cell in cells if cell.pool]
    assert [(cell.arm, cell.budget, cell.replicate) for cell in again] == [
        (strategy, 200, 0) for strategy in plan.grid.strategies
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    assert [cell.arm for cell in cells].count(Baseline.UNTUNED_FEW_SHOT) == 1
    assert asked(plan, 100, 0).total() == 3 * 1600
    for cell in again:
        begin, end = span_of(plan, cell, 100)
        first = visits_of(plan, Strategy(cell.arm), 200)
        assert begin % 100 == 0, "it visits the seeds that the first pool visits"
        assert begin >= first, "and shares none of its replies"
        assert end - begin == first
        assert end <= visits_of(plan, Strategy(cell.arm), 1600)


@pytest.mark.parametrize("budgets", [[200], [200, 300]])
def test_where_no_larger_budget_pays_for_it_there_is_no_second_pool(budgets: list[int]) -> None:
    assert not [cell for cell in grid_of(check_plan({"grid": {"budgets": budgets}}), 100, 0) if cell.pool]


@pytest.mark.parametrize("budgets", [[200], [200, 300]])
def test_a_plan_without_a_second_pool_says_so_and_the_budget_that_it_names_brings_one(budgets: list[int]) -> None:
    told = [one for one in prepare(check_plan({"grid": {"budgets": budgets}})).warnings if "second pool" in one]
    assert len(told) == 1
    named = int(re.search(r"largest budget of ([\d,]+) queries", told[0])[1].replace(",", ""))
    assert named > max(budgets)
    enough = prepare(check_plan({"grid": {"budgets": [*budgets, named]}}))
    assert any(cell.pool for cell in enough.cells)
    assert not any("second pool" in one for one in enough.warnings)
    less = prepare(check_plan({"grid": {"budgets": [*budgets, named - 1]}}))
    assert not any(cell.pool for cell in less.cells)


def test_real_questions_take_the_inputs_that_come_next_while_there_are_some() -> None:
    raw = {
        "grid": {"strategies": ["real_question"], "budgets": [50, 400]},
        "unlabelled": {"path": "sandbox"},
    }
    (again,) = [cell for cell in grid_of(check_plan(raw), 100, 300) if cell.pool]
    assert span_of(check_plan(raw), again, 100) == (50, 100)
    assert not [cell for cell in grid_of(check_plan(raw), 100, 60) if cell.pool]
