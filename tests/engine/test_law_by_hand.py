"""The law as somebody sets it: the same formulas as the advice, with one value for each parameter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine import law, law_by_hand, prior
from engine.domain import Strategy, TaskType
from engine.errors import InputError

MEDIANS = law_by_hand.medians(TaskType.MATH)


def test_the_medians_are_those_of_the_published_posterior() -> None:
    middle = np.median(prior.for_task(TaskType.MATH, "strong"), axis=0)
    assert law_by_hand.draw(MEDIANS)[0] == pytest.approx(middle)
    assert MEDIANS["q_new"] == pytest.approx(math.exp(middle[law.Q_NEW]))


def test_the_curve_is_the_formula_of_the_law() -> None:
    drawn = law_by_hand.curves(MEDIANS, 100)
    at = 60
    examples = drawn.ratios[at] * 100 / 2
    room = MEDIANS["reach_new"] * (100 / 1000) ** MEDIANS["reach_exponent"] * 100
    useful = MEDIANS["q_new"] * room * (1 - math.exp(-examples / room))
    n = MEDIANS["seed_weight"] * 100 + useful
    share = 1 - (1 - MEDIANS["start"]) / (1 + (n / MEDIANS["half"]) ** MEDIANS["beta"])
    assert drawn.accuracy[at, 2] == pytest.approx(MEDIANS["ceiling"] * share)


def test_the_lead_goes_from_answers_to_new_questions_and_changes_where_the_curves_meet() -> None:
    drawn = law_by_hand.curves(MEDIANS, 100)
    assert drawn.leader is Strategy.ANSWER_AUGMENTATION
    assert drawn.changes[-1].end is Strategy.NEW_QUESTION
    for change in drawn.changes:
        start, end = (drawn.at(change.ratio)[law.STRATEGIES.index(m)] for m in (change.start, change.end))
        assert start == pytest.approx(end, abs=1e-3)


def test_better_new_questions_overtake_sooner() -> None:
    def last(q_new: float) -> float:
        return law_by_hand.curves({**MEDIANS, "q_new": q_new}, 100).changes[-1].ratio

    assert last(0.45) < last(MEDIANS["q_new"]) < last(0.25)


def test_at_the_reach_a_strategy_has_given_63_percent_of_what_it_can() -> None:
    drawn = law_by_hand.curves(MEDIANS, 100)
    room = MEDIANS["reach_answers"] * (100 / 1000) ** MEDIANS["reach_exponent"]
    assert drawn.reach_ratios[0] == pytest.approx(room)
    n = 100 * (MEDIANS["seed_weight"] + room * (1 - math.exp(-1)))
    assert drawn.reach_accuracy[0] == pytest.approx(law.accuracy(law_by_hand.draw(MEDIANS), np.array([[n]]), 0.0)[0, 0])


def test_seeds_alone_lie_below_every_curve_and_guessing_lifts_them() -> None:
    drawn, guessed = (law_by_hand.curves(MEDIANS, 100, floor=floor) for floor in (0.0, 0.25))
    assert drawn.seeds_only < drawn.accuracy.min()
    assert guessed.seeds_only == pytest.approx(0.25 + 0.75 * drawn.seeds_only)


def test_where_the_question_fixes_its_answer_answers_have_next_to_no_reach() -> None:
    assert law_by_hand.medians(TaskType.STRUCTURED)["reach_answers"] == pytest.approx(prior.NO_REACH)


def test_every_value_that_the_law_cannot_take_is_told_at_once() -> None:
    with pytest.raises(InputError) as refused:
        law_by_hand.draw({**{k: v for k, v in MEDIANS.items() if k != "beta"}, "ceiling": 1.5, "q_new": 0, "x": 1})
    assert len(refused.value.problems) == 4
