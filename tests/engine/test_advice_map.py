"""The map says of each cell what the advice says of that situation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import advice, advice_map
from engine.domain import Situation, Strategy, TaskType, TeacherOffer
from engine.errors import InputError

MATHS = Situation(TaskType.MATH, seeds=100, queries=3000)
PRICED = (TeacherOffer("ours", usd_per_query=0.01),)


@pytest.mark.parametrize(
    "situation",
    [
        MATHS,
        Situation(TaskType.STRUCTURED, seeds=800, queries=20_001, augmenter="weak"),
        Situation(TaskType.CODE, seeds=37, queries=1003, unlabelled=300, calls="paper", test_items=2000),
        Situation(TaskType.MATH, seeds=7, queries=9, test_items=200),
    ],
    ids=["maths", "json, weak augmenter", "code, real questions", "nine queries"],
)
def test_a_cell_says_what_the_advice_says_there(situation: Situation) -> None:
    said = advice.recommend(situation)
    cell = advice_map.over(situation, [situation.seeds], np.array([situation.budget_ratio]))
    assert cell.queries.tolist() == [[situation.queries]]
    assert [o.strategy for o in said.outlooks] == list(cell.strategies)
    assert cell.p_best[0, 0] == pytest.approx([o.p_best for o in said.outlooks])
    assert cell.regret_points[0, 0] == pytest.approx([o.regret_points for o in said.outlooks])
    at = int(cell.advised[0, 0])
    assert (cell.strategies[at] if at >= 0 else None) is said.recommended


def test_a_map_in_money_is_the_map_in_queries_that_the_money_buys() -> None:
    priced = replace(MATHS, budget_usd=30.0, teachers=PRICED)
    money = advice_map.over(priced, [10, 100], np.array([1.0, 30.0]), usd=True)
    assert money.queries.tolist() == [[100, 3000], [100, 3000]]
    ratio = advice_map.over(MATHS, [100], np.array([1.0, 30.0]))
    assert money.p_best[1] == pytest.approx(ratio.p_best[0])


def test_money_without_a_price_is_refused() -> None:
    with pytest.raises(InputError, match="price of one query"):
        advice_map.over(MATHS, [100], np.array([1.0]), usd=True)


def test_a_situation_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="strong or weak"):
        advice_map.over(replace(MATHS, augmenter="clever"), [100], np.array([1.0]))


def test_where_the_budget_buys_no_example_nothing_is_said() -> None:
    cells = advice_map.over(MATHS, [10], np.array([0.1, 10.0]))
    assert cells.likeliest[0, 0] == cells.advised[0, 0] == -1
    assert np.isnan(cells.p_best[0, 0]).all()
    assert cells.likeliest[0, 1] >= 0


def test_the_chances_of_a_cell_add_up() -> None:
    cells = advice_map.over(replace(MATHS, unlabelled=500), [10, 1000], np.array([1.0, 30.0, 1000.0]))
    assert cells.p_best.sum(axis=2) == pytest.approx(1.0)
    assert cells.regret_points.min() >= 0


def test_few_queries_per_seed_favour_answers_and_many_new_questions() -> None:
    cells = advice_map.over(MATHS, [100, 1000], np.array([3.0, 1000.0]))
    names = [[cells.strategies[m] for m in row] for row in cells.likeliest]
    assert names == [[Strategy.ANSWER_AUGMENTATION, Strategy.NEW_QUESTION]] * 2


def test_fewer_test_items_leave_more_of_the_map_too_close_to_call() -> None:
    seeds, spent = [100, 1000], np.geomspace(1, 1000, 7)
    told = [(advice_map.over(replace(MATHS, test_items=n), seeds, spent).advised >= 0).sum() for n in (None, 5000, 200)]
    assert told == sorted(told, reverse=True)
    assert told[0] > told[-1]


def test_the_axes_hold_the_situation_and_stay_where_they_are_while_it_moves_a_little() -> None:
    for seeds, queries in ((3, 100_000), (5_000_000, 40), (100, 3000)):
        rows, spent, usd = advice_map.axes(replace(MATHS, seeds=seeds, queries=queries))
        assert rows[0] <= seeds <= rows[-1] * (1 + 1e-9)
        assert spent[0] <= queries / seeds <= spent[-1] * (1 + 1e-9)
        assert not usd
    before, after = (advice_map.axes(replace(MATHS, queries=n)) for n in (3000, 3500))
    assert (before[1] == after[1]).all()
    _, spent, usd = advice_map.axes(replace(MATHS, budget_usd=150.0, teachers=PRICED))
    assert usd
    assert spent[0] < 15 < 1500 < spent[-1]
