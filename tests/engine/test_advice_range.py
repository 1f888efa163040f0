"""How far the drawn curves reach."""

from __future__ import annotations

from engine import advice
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType

LEADS = [
    Measurement(Cell(Baseline.SEEDS_ONLY, 100, 0, 0), 90, 300, 0, 0),
    *(
        Measurement(Cell(strategy, 100, queries, 0), right, 300, 0, queries // 2)
        for strategy, queries, right in (
            (Strategy.ANSWER_AUGMENTATION, 300, 100),
            (Strategy.ANSWER_AUGMENTATION, 60_000, 150),
            (Strategy.NEW_QUESTION, 300, 150),
            (Strategy.NEW_QUESTION, 60_000, 240),
        )
    ),
]


def test_curves_reach_over_everything_measured_and_no_lead_from_the_start_stretches_them() -> None:
    found = advice.recommend(Situation(TaskType.MATH, 100, 3000), LEADS)
    assert any(c.from_the_start and c.probability >= 0.25 for c in found.crossovers), "else this tests nothing"
    low, high = found.curves[0].queries[0], found.curves[0].queries[-1]
    assert 100 <= low <= 300
    assert high >= 60_000


def test_points_of_other_seed_counts_do_not_stretch_them() -> None:
    other = Measurement(Cell(Strategy.ANSWER_AUGMENTATION, 1000, 5_000_000, 0), 150, 300, 0, 5_000_000)
    found = advice.recommend(Situation(TaskType.MATH, 100, 3000), [*LEADS, other])
    assert found.curves[0].queries[-1] < 1_000_000


def test_curves_end_where_no_accuracy_is_told_and_what_would_change_the_advice_is_still_looked_for_beyond() -> None:
    near = [m for m in LEADS if m.cell.budget <= 300]
    found = advice.recommend(Situation(TaskType.MATH, 100, 200_000), near)
    assert all(outlook.accuracy is None for outlook in found.outlooks), "else this tests nothing"
    assert {len(band.mean) for band in found.curves} == {len(found.curves[0].queries)}
    end = found.curves[0].queries[-1]
    assert 300 <= end < 200_000
    there = advice.recommend(Situation(TaskType.MATH, 100, int(end)), near)
    assert all(outlook.accuracy is not None for outlook in there.outlooks)
    beyond = advice.recommend(Situation(TaskType.MATH, 100, int(1.3 * end)), near)
    assert all(outlook.accuracy is None for outlook in beyond.outlooks)
    assert found.at_stake is None
    for band in advice.recommend(Situation(TaskType.MATH, 100, 200_000)).curves:
        assert band.queries[-1] >= 200_000, "published curves are not stretched by a pilot's"
