"""Answers to the user's own unlabelled inputs: the obvious rival, assumed until it is measured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import advice, law, prior
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType

AA, QR, NQ, RQ = law.COMPETING


def ask(seeds=100, queries=3000, points=(), **rest):
    return advice.recommend(Situation(TaskType.MATH, seeds, queries, **rest), points)


def outlook(recommendation, strategy):
    return next(o for o in recommendation.outlooks if o.strategy is strategy)


def cell(arm, queries, correct, scored=500, replicate=0):
    calls = {QR: 2, NQ: 2}.get(arm, 1)
    return Measurement(Cell(arm, 100, queries, replicate), correct, scored, 0, queries // calls)


OWN = [cell(Baseline.SEEDS_ONLY, 0, 220), *(cell(s, q, 240 + q // 40) for s in law.COMPETING for q in (200, 3200))]


@pytest.mark.parametrize("none", [None, 0])
def test_without_unlabelled_inputs_they_do_not_compete(none):
    r = ask(unlabelled=none)
    assert [o.strategy for o in r.outlooks] == [AA, QR, NQ]
    assert r == ask() or none == 0
    assert r.outlooks == ask().outlooks


@given(st.integers(1, 20_000), st.integers(2, 10**6), st.integers(1, 10**6), st.sampled_from(["all", "paper"]))
@settings(max_examples=25, deadline=None)
def test_with_unlabelled_inputs_they_compete_everywhere(seeds, queries, inputs, calls):
    r = ask(seeds, queries, unlabelled=inputs, calls=calls)
    assert sum(o.p_best for o in r.outlooks) == pytest.approx(1)
    assert [o.strategy for o in r.outlooks] == [b.strategy for b in r.curves] == list(law.COMPETING)
    assert outlook(r, RQ).examples == min(queries, inputs)
    assert dict(r.spending_plan).get(RQ, 0) <= inputs
    assert sum(q for _, q in r.spending_plan) <= queries


def test_what_they_are_worth_is_assumed_and_said_so():
    r = ask(unlabelled=5000)
    real = outlook(r, RQ)
    assert (real.points, real.assumed) == (0, True)
    assert "log_q_real" in r.assumed_parameters
    said = next(c for c in r.caveats if "answered real question" in c.text)
    assert {"fixed-seeds-2607", "human-task-worth", "human-wanli"} <= set(said.sources)


def test_each_question_is_answered_once_and_then_there_are_no_more():
    r = ask(queries=3000, unlabelled=500)
    curve = next(b for b in r.curves if b.strategy is RQ)
    beyond = [mean for queries, mean in zip(curve.queries, curve.mean, strict=True) if queries >= 500]
    assert np.ptp(beyond) == pytest.approx(0, abs=1e-12)
    assert dict(r.spending_plan)[RQ] == 500


def test_the_more_there_are_the_better_they_do():
    found = [outlook(ask(queries=20_000, unlabelled=u), RQ).accuracy.mean for u in (10, 300, 3000, 20_000, 10**6)]
    assert found == sorted(found)
    assert found[-1] == found[-2]


def test_they_lead_until_the_inputs_run_out_and_new_questions_overtake_them():
    r = ask(queries=1000, unlabelled=1000)
    assert any((c.start, c.end) == (RQ, NQ) for c in r.crossovers)
    assert any(f.what == "budget" and f.to is not RQ for f in r.flips)


def test_a_real_question_has_no_reach_but_the_number_of_inputs():
    draws = prior.for_task(TaskType.MATH, "strong", True)
    ratios = np.array([[10.0] * 4, [10_000.0] * 4])
    useful = law.useful_per_seed(draws, 100.0, ratios)
    assert useful[:, 1, 3] == pytest.approx(1000 * useful[:, 0, 3], rel=1e-6)
    assert (useful[:, 1, 0] < 1000 * useful[:, 0, 0]).all()


def test_points_of_ones_own_take_the_assumption_away():
    r = ask(points=OWN, unlabelled=5000)
    assert (outlook(r, RQ).points, outlook(r, RQ).assumed) == (2, False)
    before = ask(unlabelled=5000)
    width = [x.accuracy.high80 - x.accuracy.low80 for x in (outlook(before, RQ), outlook(r, RQ))]
    assert width[1] < width[0]


def test_measured_real_questions_without_inputs_left_still_count_as_points_and_do_not_compete():
    r = ask(points=OWN)
    assert r.basis == "measured"
    assert any("how many unlabelled inputs are left" in c.text for c in r.caveats)
    assert [o.strategy for o in r.outlooks] == [AA, QR, NQ]


def test_of_two_at_one_price_the_one_that_leaves_money_is_the_cheaper():
    close = [r for r in (ask(queries=q, unlabelled=q // 2) for q in range(100, 2000, 100)) if not r.recommended]
    assert close
    for r in close:
        lead = max(o.accuracy.mean for o in r.outlooks)
        if 100 * (lead - outlook(r, RQ).accuracy.mean) < r.threshold_points:
            assert r.cheapest is RQ
            assert "end after" in " ".join(c.text for c in r.caveats)


def test_a_strategy_that_nobody_can_buy_more_of_keeps_its_price():
    assert outlook(ask(unlabelled=10), RQ).queries_per_kept == 1
    assert Strategy.REAL_QUESTION is RQ
