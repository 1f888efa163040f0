"""What the advice says besides the strategy: teachers, augmenters, seeds, checks, what would flip it."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import advice, alternatives, enough, evidence, offers
from engine.comparison import detectable_difference
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType, TeacherOffer
from engine.errors import InputError
from engine.wording_choices import moved

AA, QR, NQ = Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION
LARGE = TeacherOffer("large", input_usd=5, output_usd=15, input_tokens=400, output_tokens=300)
SMALL = TeacherOffer("small", usd_per_query=0.00065)
SECRET = TeacherOffer("secret")
HALF_KNOWN = TeacherOffer("half", input_usd=1, output_usd=1, input_tokens=400)


def ask(task=TaskType.MATH, seeds=100, queries=3000, points=(), **rest):
    return advice.recommend(Situation(task, seeds, queries, **rest), points)


def outlook(recommendation, strategy):
    return next(o for o in recommendation.outlooks if o.strategy is strategy)


def cell(arm, queries, correct, scored=500, replicate=0, examples=None):
    made = queries // {QR: 2, NQ: 2}.get(arm, 1)
    return Measurement(Cell(arm, 100, queries, replicate), correct, scored, 0, made if examples is None else examples)


OWN = [
    cell(Baseline.SEEDS_ONLY, 0, 220),
    *(cell(s, 200, 230) for s in (AA, QR, NQ)),
    *(cell(s, 3200, n) for s, n in ((AA, 255), (QR, 275), (NQ, 420))),
]


def text(reasons):
    return " ".join(reason.text for reason in reasons)


# --- teachers ----------------------------------------------------------------------------------------


def test_teachers_are_compared_for_the_same_money():
    large, small = ask(teachers=(LARGE, SMALL)).teachers
    assert (large.queries, small.queries) == (3000, 30_000)
    assert small.budget_ratio == 10 * large.budget_ratio
    assert large.lead_points.mean == 0
    assert small.lead_points.mean > 0
    assert large.worth_needed == 1
    assert 0 < small.worth_needed < 1


def test_at_the_worth_that_it_needs_a_teacher_does_as_well_as_the_first():
    large, small = ask(teachers=(LARGE, SMALL)).teachers
    at_par = replace(SMALL, wrong_share=1 - small.worth_needed)
    level = ask(teachers=(LARGE, at_par)).teachers[1]
    assert level.lead_points.mean == pytest.approx(0, abs=0.1)
    assert large.accuracy.mean == pytest.approx(level.accuracy.mean, abs=0.001)


@pytest.mark.parametrize("offer", [SECRET, HALF_KNOWN])
def test_a_teacher_without_a_price_is_not_compared_and_the_advice_says_so(offer):
    r = ask(teachers=(LARGE, offer))
    unknown = r.teachers[1]
    assert (unknown.usd_per_query, unknown.queries, unknown.accuracy, unknown.lead_points) == (None,) * 4
    assert f"{offer.name}: its price is unknown" in text(r.caveats)


unknown_or_price = st.none() | st.floats(1e-7, 1e-1)


@given(st.lists(st.tuples(unknown_or_price, unknown_or_price, unknown_or_price), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_no_teacher_price_is_ever_guessed(prices):
    teachers = tuple(
        TeacherOffer(f"t{i}", input_usd=a and 1e6 * a, output_usd=b, input_tokens=c and 1 / c, output_tokens=10.0)
        for i, (a, b, c) in enumerate(prices)
    )
    for offer, found in zip(teachers, ask(teachers=teachers).teachers, strict=True):
        known = None not in (offer.input_usd, offer.output_usd, offer.input_tokens)
        assert (found.usd_per_query is not None) == known
        assert known or (found.queries is None and found.accuracy is None and found.reason)


def test_a_free_teacher_sets_no_limit_and_is_not_taken_for_an_unknown_one():
    free = TeacherOffer("mine", usd_per_query=0.0)
    r = ask(teachers=(LARGE, free))
    assert r.teachers[1].usd_per_query == 0
    assert "free" in r.teachers[1].reason
    assert all("free" in t.reason for t in ask(teachers=(free, LARGE)).teachers)


def test_where_the_budget_is_money_a_free_teacher_is_not_the_one_that_is_counted():
    free = TeacherOffer("mine", usd_per_query=0.0)
    mine, small = ask(teachers=(free, SMALL), budget_usd=3000 * 0.00065).teachers
    assert "free" in mine.reason
    assert (small.queries, small.worth_needed) == (3000, 1)


def test_a_free_augmenter_writes_its_questions_for_nothing():
    r = ask(teachers=(LARGE,), augmenter_offer=TeacherOffer("mine", usd_per_query=0.0))
    assert outlook(r, NQ).queries_per_kept == 1


def test_stated_wrong_answers_count_as_nothing_and_that_is_said():
    clean, flawed = (ask(teachers=(LARGE, replace(SMALL, wrong_share=w))) for w in (None, 0.5))
    assert flawed.teachers[1].accuracy.mean < clean.teachers[1].accuracy.mean
    assert "counted as nothing" in text(flawed.reasons)
    assert "unknown" in text(flawed.reasons)


# --- augmenter -----------------------------------------------------------------------------------------


def test_a_cheap_augmenter_buys_more_questions_for_the_same_money():
    r = ask(teachers=(LARGE,), augmenter="weak", augmenter_offer=SMALL)
    alone, cheap = r.augmenters
    assert (alone.name, alone.augmenter, cheap.name, cheap.augmenter) == ("large", "strong", "small", "weak")
    assert alone.usd_per_example == pytest.approx(2 * 0.0065)
    assert cheap.usd_per_example == pytest.approx(0.0065 + 0.00065)
    assert cheap.examples > 1.7 * alone.examples
    assert outlook(r, QR).queries_per_kept == pytest.approx(1.1)
    assert outlook(r, AA).queries_per_kept == 1


def test_an_augmenter_without_a_price_is_not_priced():
    r = ask(teachers=(LARGE,), augmenter_offer=SECRET)
    assert r.augmenters[1].usd_per_example is None
    assert "a question counts like one of the teacher's queries" in text(r.caveats)
    assert outlook(r, QR).queries_per_kept == 2


# --- what an example costs --------------------------------------------------------------------------------


def test_the_price_of_an_example_counts_those_that_ones_own_pools_rejected():
    kept = [replace(m, examples=m.examples // 2) if m.cell.arm is NQ else m for m in OWN]
    r = ask(points=kept, teachers=(LARGE,))
    assert outlook(r, NQ).kept_share == pytest.approx(0.5)
    assert outlook(r, NQ).queries_per_kept == pytest.approx(4)
    assert outlook(r, NQ).usd_per_kept == pytest.approx(4 * 0.0065)
    assert outlook(r, AA).kept_share is None
    assert "not known for answers and rephrasings" in text(r.caveats)


def test_a_strategy_of_which_nothing_was_kept_is_priced_as_what_it_is_and_not_advised():
    before = ask(points=OWN)
    assert before.recommended is NQ
    r = ask(points=[m for m in OWN if m.cell.arm is not NQ], none_kept=((NQ, 60),))
    assert outlook(r, NQ).kept_share == pytest.approx(0.5 / 61)
    assert outlook(r, NQ).queries_per_kept == pytest.approx(2 * 61 / 0.5)
    assert r.recommended is not NQ
    assert NQ not in dict(r.spending_plan)
    assert "None of 60 new questions that were asked for was kept: one that is kept is reckoned at 244 queries" in text(
        r.caveats
    )
    assert advice.as_json(r)["situation"]["none_kept"] == {"new_question": 60}


def test_a_measured_cell_of_which_nothing_was_kept_does_not_count_as_all_kept():
    rejected = [replace(m, examples=0) if m.cell.arm is NQ else m for m in OWN]
    assert offers.kept_shares(rejected) == {NQ: pytest.approx(0.5 / 1601)}


def test_strategies_are_ranked_by_the_price_of_an_example_that_is_kept():
    rejecting = [replace(m, examples=m.examples // 5) if m.cell.arm is AA else m for m in OWN]
    assert ask(points=OWN).by_price == (AA, QR, NQ)
    assert ask(points=rejecting).by_price == (QR, NQ, AA)
    assert advice.as_json(ask(points=rejecting))["by_price"][-1] == "answer_augmentation"


def test_a_pool_counted_one_query_an_example_has_rejected_nothing():
    paper = [replace(m, examples=m.cell.budget) for m in OWN]
    assert offers.kept_shares(OWN) == offers.kept_shares(paper) == {}


# --- too close, at stake, flips ------------------------------------------------------------------------------


def test_what_the_test_items_cannot_show_is_too_close_to_call():
    sure = ask(queries=20_000, calls="paper")
    assert sure.recommended is NQ
    r = ask(queries=20_000, calls="paper", test_items=200)
    assert r.threshold_points == pytest.approx(100 * detectable_difference(200))
    assert r.recommended is None
    assert r.cheapest is AA
    assert "200 test items can show differences from about 8.9 points" in text(r.reasons)
    assert ask(test_items=10**6).threshold_points == advice.TOO_CLOSE_POINTS


def test_what_is_at_stake_is_the_best_over_the_worst():
    r = ask()
    best, worst = (f(r.outlooks, key=lambda o: o.accuracy.mean).accuracy.mean for f in (max, min))
    assert r.at_stake.mean == pytest.approx(100 * (best - worst))
    assert r.at_stake.low80 < r.at_stake.mean < r.at_stake.high80


def test_how_much_is_enough_is_what_half_and_twice_the_budget_are_expected_to_reach():
    r, half, twice = (ask(queries=queries) for queries in (3000, 1500, 6000))
    best = [outlook(found, r.recommended).accuracy.mean for found in (half, r, twice)]
    assert r.enough.half_points.mean == pytest.approx(100 * (best[1] - best[0]), abs=0.1)
    assert r.enough.double_points.mean == pytest.approx(100 * (best[2] - best[1]), abs=0.1)
    assert 0 <= r.enough.half_points.low80 < r.enough.half_points.mean < r.enough.half_points.high80
    assert enough.told(r.enough) in text(r.reasons)


def test_beyond_what_was_measured_no_word_is_said_of_more_money():
    cells = [cell(AA, 300, 180), cell(NQ, 300, 250), cell(Baseline.SEEDS_ONLY, 0, 150)]
    near, far = (ask(queries=queries, points=cells) for queries in (600, 200_000))
    assert near.enough is not None
    assert near.enough.double_points is not None
    assert far.enough is None


def test_at_the_budget_that_flips_the_advice_the_two_are_level():
    r = ask(queries=3000)
    flip = next(f for f in r.flips if f.what == "budget" and f.value > 3000)
    leader = max(r.outlooks, key=lambda o: o.accuracy.mean).strategy
    there = ask(queries=int(flip.value))
    gap = outlook(there, flip.to).accuracy.mean - outlook(there, leader).accuracy.mean
    assert gap == pytest.approx(0, abs=0.003)
    assert max(ask(queries=int(2 * flip.value)).outlooks, key=lambda o: o.accuracy.mean).strategy is not leader


def test_where_the_count_of_calls_decides_it_says_so():
    r = ask(queries=4000)
    assert r.depends_on_calls
    assert len({winner for _, winner in r.winners_by_calls}) == 2
    assert any(f.what == "calls" for f in r.flips)
    assert "how calls are counted" in text(r.caveats)
    assert not ask(queries=100).depends_on_calls


def test_the_augmenter_that_would_flip_the_advice_is_named():
    r = ask(seeds=1000, queries=200_000)
    flip = next(f for f in r.flips if f.what == "augmenter")
    weak = ask(seeds=1000, queries=200_000, augmenter="weak")
    assert flip.value == "weak"
    assert max(weak.outlooks, key=lambda o: o.accuracy.mean).strategy is flip.to


# --- seeds or queries -------------------------------------------------------------------------------------


def test_cheap_seeds_are_bought_and_dear_ones_are_not():
    cheap, dear = (ask(teachers=(LARGE,), seed_usd=usd).seeds_or_queries for usd in (0.01, 50.0))
    assert cheap.more_seeds > 0
    assert cheap.gain_points.mean > 0
    assert cheap.more_seeds * 0.01 + cheap.queries * 0.0065 <= 3000 * 0.0065 + 1e-9
    assert (dear.more_seeds, dear.queries, dear.gain_points.mean) == (0, 3000, 0)


def test_without_a_price_there_is_an_exchange_rate_and_no_split():
    found = ask().seeds_or_queries
    assert found.queries_per_seed.low80 < found.queries_per_seed.mean < found.queries_per_seed.high80
    assert (found.more_seeds, found.seed_price_in_queries) == (None, None)
    assert "price of one more seed" in found.reason
    assert "teacher's price" in ask(seed_usd=1.0).seeds_or_queries.reason
    assert "teacher's price" in ask(seed_usd=1.0, teachers=(SECRET,)).seeds_or_queries.reason


def test_a_seed_is_worth_more_queries_where_there_are_many_queries_already():
    rates = [ask(queries=q).seeds_or_queries.queries_per_seed.mean for q in (300, 3000, 100_000)]
    assert rates == sorted(rates)


# --- verification -------------------------------------------------------------------------------------------


def test_the_evidence_on_verification_is_shown_from_both_sides_with_its_sources():
    r = ask()
    assert r.verification.published_points[0] < 0 < r.verification.published_points[-1]
    assert {"chan-verification", "verify-skywork", "verify-metamath"} <= set(r.verification.sources)
    assert r.verification.cost_points.mean > 0
    assert "evidence is mixed" in text(r.caveats)
    low, high = r.verification.net_points
    assert low == r.verification.published_points[0] - r.verification.cost_points.high80
    assert high == r.verification.published_points[-1] - r.verification.cost_points.low80


def test_answers_that_can_be_verified_cost_no_query_and_those_that_cannot_are_said_to():
    assert ask(verifiable=True).verification.cost_points is None
    assert "cannot be verified" in text(ask(verifiable=False).caveats)
    assert "cannot be verified" not in text(ask().caveats)


def test_the_published_gains_are_differences_of_the_figures_in_their_claims():
    table = evidence.published()
    for name, gains in alternatives.VERIFIED.items():
        figures = [float(x) for x in re.findall(r"\d+\.\d+", table.claim(name).text)]
        differences = {round(a - b, 1) for a in figures for b in figures}
        assert set(gains) <= differences


# --- prior advice in words, parameters, points of one's own ------------------------------------------------


def test_studies_are_matched_to_the_students_size_where_it_is_known():
    assert ask().studies_of_size is None
    seven, tiny = ask(student="Llama-2-7B"), ask(student="SmolLM2-135M")
    assert seven.studies_of_size > 0 == tiny.studies_of_size
    assert "none with a student of that size" in tiny.headline
    assert tiny.confidence == "low"
    assert ask(student="my-student").studies_of_size is None
    assert ask(student="my-student", student_parameters=7e9).studies_of_size == seven.studies_of_size


def test_parameters_that_the_data_did_not_move_are_named_as_assumed():
    r = ask()
    assert "log_seed_weight" in r.assumed_parameters
    assert "what a seed is worth" in text(r.caveats)
    everything = ask(TaskType.STRUCTURED)
    assert len(everything.assumed_parameters) == 11
    measured = ask(points=OWN)
    assert "logit_start" not in measured.assumed_parameters
    assert json.loads(json.dumps(advice.as_json(measured)))["assumed_parameters"]


def test_how_ones_own_data_moved_the_advice_is_one_sentence():
    before, after = ask(), ask(points=OWN)
    was, now = (outlook(r, NQ).p_best for r in (before, after))
    assert moved(before, after) == f"Your data moved P(new questions best) from {was:.2f} to {now:.2f}."


def test_measured_crossovers_do_not_contradict_the_measured_winner():
    r = ask(points=OWN)
    assert r.recommended is NQ
    overtaking = next(c for c in r.crossovers if (c.start, c.end) == (AA, NQ))
    assert overtaking.budget_ratio.mean < r.situation.budget_ratio


def test_a_measured_curve_does_not_fall_with_more_queries():
    r = ask(points=OWN)
    for band in r.curves:
        beyond = [m for q, m in zip(band.queries, band.mean, strict=True) if q >= 3000]
        assert beyond[-1] > beyond[0] - 0.01


def test_the_plan_spends_on_what_the_points_show_to_be_best():
    r = ask(points=OWN)
    assert r.recommended is NQ
    assert max(r.spending_plan, key=lambda part: part[1])[0] is NQ


def test_what_contradicts_an_advice_for_answers_is_cited_too():
    r = ask(queries=1500)
    assert r.recommended is AA
    assert {"questions-openmath2", "diversity-metamath"} <= {s for c in r.caveats for s in c.sources}


# --- situations that cannot be --------------------------------------------------------------------------------


def test_everything_that_is_wrong_with_a_situation_and_its_points_is_said_at_once():
    bad = Situation(
        TaskType.MATH, 0, -1, "huge", "none", unlabelled=-2, budget_usd=float("nan"), test_items=0,
        teachers=(replace(SMALL, usd_per_query=float("inf")), replace(SMALL, wrong_share=1.5), LARGE, SECRET, LARGE),
        augmenter_offer=TeacherOffer(" ", input_usd=-1), seed_usd=-3.0, student_parameters=0.0,
    )  # fmt: skip
    with pytest.raises(InputError) as refused:
        advice.recommend(bad, [replace(OWN[0], correct=900)])
    said = str(refused.value)
    parts = (
        "Seeds: 0", "strong or weak", "all or paper", "Unlabelled inputs: -2", "nan US dollars", "Test items: 0",
        "inf US dollars per query", "1.5 of its answers", "at most 4", "named twice", "without a name",
        "-3.0 US dollars", "0.0 parameters", "900 right of 500",
    )  # fmt: skip
    for part in parts:
        assert part in said


def test_two_prices_for_one_teacher_are_refused():
    with pytest.raises(InputError, match="give one of them"):
        ask(teachers=(replace(LARGE, usd_per_query=0.1),))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.5])
@pytest.mark.parametrize("count", ["seeds", "queries", "unlabelled", "test_items"])
def test_a_count_that_is_no_whole_number_is_refused(count, number):
    with pytest.raises(InputError, match="expected"):
        ask(**{count: number})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.5])
@pytest.mark.parametrize("count", ["correct", "scored", "not_scored", "examples"])
def test_a_measurement_that_holds_no_whole_number_is_refused(count, number):
    with pytest.raises(InputError, match="expected"):
        ask(points=[replace(OWN[1], **{count: number})])


@pytest.mark.parametrize("count", ["seeds", "queries", "unlabelled", "test_items"])
def test_a_count_beyond_all_reason_is_refused(count):
    with pytest.raises(InputError, match="more than 1,000,000,000,000"):
        ask(**{count: 10**400})
