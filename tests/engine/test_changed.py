"""What if: what each change does to the curves, and what it leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import advice, student_size
from engine.changed import Change, compare
from engine.domain import CurveBand, Situation, Strategy, TaskType
from engine.errors import InputError

HERE = Situation(TaskType.MATH, 100, 20_000)
BANDS = advice.recommend(HERE).curves


def mean(bands: tuple[CurveBand, ...], strategy: Strategy) -> np.ndarray:
    return np.array(next(band.mean for band in bands if band.strategy is strategy))


def test_without_a_change_both_sides_are_the_advices_own_curves() -> None:
    found = compare(HERE, Change(), BANDS)
    assert found.before == found.after
    assert found.gain_points.mean == 0
    for band in BANDS:
        assert mean(found.after.bands, band.strategy) == pytest.approx(np.array(band.mean), abs=0.01)


def test_a_weak_question_writer_lowers_new_questions_and_leaves_answers() -> None:
    found = compare(HERE, Change(augmenter="weak"), BANDS)
    lost = mean(found.before.bands, Strategy.NEW_QUESTION) - mean(found.after.bands, Strategy.NEW_QUESTION)
    assert (lost > 0).all()
    assert (
        mean(found.after.bands, Strategy.ANSWER_AUGMENTATION) == mean(found.before.bands, Strategy.ANSWER_AUGMENTATION)
    ).all()
    assert found.gain_points.mean < 0


def test_a_teacher_at_half_the_price_draws_the_curve_of_twice_the_budget() -> None:
    cheaper = compare(HERE, Change(price=0.5), BANDS).after.accuracy
    richer = compare(replace(HERE, queries=40_000), Change(), BANDS).before.accuracy
    assert [i.mean for i in cheaper if i] == pytest.approx([i.mean for i in richer if i], abs=1e-3)


def test_a_check_costs_examples_and_makes_what_is_left_worth_more() -> None:
    paid = compare(HERE, Change(rejected=0.0), BANDS).gain_points
    free = compare(HERE, Change(rejected=0.2, check_queries=0.0), BANDS).gain_points
    assert paid.mean < 0, "a check that rejects nothing only costs"
    assert abs(free.mean) < abs(paid.mean) / 2, "a free check keeps fewer, each worth more"


def test_a_larger_student_is_right_more_often_and_the_order_stays() -> None:
    small, large = (compare(HERE, Change(student=n), BANDS) for n in (1.5e9, 30e9))
    assert small.gain_points.mean < 0 < large.gain_points.mean
    assert small.after.best is large.after.best is small.before.best
    named = compare(replace(HERE, student="Qwen2.5-1.5B"), Change(student=1.5e9), BANDS)
    assert named.gain_points.mean == pytest.approx(0, abs=1e-6), "the student that is there already"


def test_everything_that_cannot_be_is_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        compare(HERE, Change("strange", 0.0, -1.0, 1.0, student=0.0), BANDS)
    assert len(error.value.problems) == 5


def test_the_slopes_of_size_come_from_students_that_differ_in_nothing_else() -> None:
    slopes = student_size.slopes()
    assert len(slopes) == 26
    assert 0.3 < slopes.min() < np.median(slopes) < slopes.max() < 0.6
    assert student_size.sizes() == (7e9, 70e9)
    draws = np.full((500, 2), 0.4)
    assert student_size.shifted(draws, 7e9, 7e9, 0.0) == pytest.approx(draws)
    back = student_size.shifted(student_size.shifted(draws, 7e9, 13e9, 0.25), 13e9, 7e9, 0.25)
    assert back == pytest.approx(draws)
    with pytest.raises(ValueError, match="more than 0"):
        student_size.shifted(draws, 7e9, 0.0, 0.0)
