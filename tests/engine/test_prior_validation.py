"""The prior is judged on papers that it has not seen, and the page says what came out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import evidence as ev
from engine import law, prior, prior_left_out, prior_rows
from engine import prior_validation as validation

AA, QR, NQ = (s.value for s in law.STRATEGIES)
STORED = json.loads(validation.STORE.read_text())


def predicted(value: float, middle: float = 50.0) -> prior_left_out.Predicted:
    quantiles = [middle - 20, middle - 10, middle, middle + 10, middle + 20]
    return {"ids": ["A"], "value": value, "mean": middle, "quantiles": quantiles}


def pair(one: str, two: str, value: float, ratio: float = 1.0) -> prior_left_out.Pair:
    return {**predicted(value, 1.0), "strategies": [one, two], "ratio": ratio, "probability": 0.7}


def test_the_stored_validation_belongs_to_this_evidence_this_model_and_this_sampler():
    found = validation.resume(ev.published(), validation.STORE)
    told = "data/evidence, the model or the sampler changed: run python -m engine.prior_validation"
    assert set(found["papers"]) == set(prior_left_out.papers(ev.published())), told


def test_the_page_is_current():
    told = "run python -m engine.prior_validation"
    assert validation.OUT.read_text() == validation.document(ev.published(), STORED), told


def test_every_fitted_row_is_predicted_by_a_fit_without_it():
    found = [p["ids"][0] for paper in STORED["papers"].values() for p in paper["rows"]]
    assert sorted(found) == sorted(prior_rows.rows(ev.published()).ids)
    for name, paper in STORED["papers"].items():
        assert all(p["ids"][0].startswith(f"{name}-") for p in paper["rows"])


def test_fits_that_did_not_mix_are_named_on_the_page():
    papers = {name: {**paper, "r_hat": 1.01} for name, paper in STORED["papers"].items()}
    assert "Above 1.05: none." in validation.document(ev.published(), {**STORED, "papers": papers})
    papers["REFA"]["r_hat"] = 1.06
    assert "Above 1.05: REFA." in validation.document(ev.published(), {**STORED, "papers": papers})


@pytest.mark.slow
def test_a_left_out_paper_s_figures_do_not_reach_its_prediction():
    table = ev.published()
    other = replace(
        table, points=tuple(replace(p, value=100 - p.value) if p.source == "REFA" else p for p in table.points)
    )
    one, two = (prior_left_out.leave_out(t, "REFA", warm_up=5, steps=20) for t in (table, other))
    assert [p["quantiles"] for p in one["rows"]] == [p["quantiles"] for p in two["rows"]]
    assert [p["value"] for p in one["rows"]] == pytest.approx([100 - p["value"] for p in two["rows"]])


def test_a_run_that_was_cut_off_goes_on_and_another_evidence_starts_anew(tmp_path: Path):
    path = tmp_path / "validation.json"
    begun = validation.resume(ev.published(), path)
    assert begun["papers"] == {}
    begun["papers"]["META"] = STORED["papers"]["META"]
    path.write_text(json.dumps(begun))
    assert set(validation.resume(ev.published(), path)["papers"]) == {"META"}
    assert validation.resume(ev.published().without("SKY"), path)["papers"] == {}


def test_pairs_differ_in_the_strategy_and_in_nothing_else():
    for source in ("REVT", "REFA", "META"):
        own = [p for p in ev.published().points if p.source == source]
        found = list(prior_left_out.pairs(own))
        assert found
        for one, two in found:
            assert one.strategy != two.strategy
            assert replace(one, id="", strategy="", value=0, note="") == replace(
                two, id="", strategy="", value=0, note=""
            )
    assert len({(one.id, two.id) for one, two in found}) == len(found)


def test_rows_and_their_pair_are_predicted_from_the_same_study():
    draws = prior.stored().draws[:, : len(law.PARAMETERS)]
    own = [p for p in ev.published().points if p.id in ("META-002", "META-003")]
    one, two = prior_left_out.predicted_rows(own, draws)
    (gap,) = prior_left_out.predicted_pairs(own, draws)
    assert gap["mean"] == pytest.approx(one["mean"] - two["mean"], abs=0.5)
    # levels differ between studies by far more than strategies within one
    assert prior_left_out.width(gap, 80) < 0.6 * prior_left_out.width(one, 80)


def test_an_interval_holds_what_lies_in_it():
    assert [prior_left_out.inside(predicted(x), 80) for x in (39.0, 40.0, 60.0, 61.0)] == [False, True, True, False]
    assert [prior_left_out.inside(predicted(x), 90) for x in (29.0, 39.0, 71.0)] == [False, True, False]
    assert (prior_left_out.width(predicted(0.0), 80), prior_left_out.width(predicted(0.0), 90)) == (20.0, 40.0)


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_interval_of_a_total_lies_among_the_papers(by_paper: list[list[float]]):
    mean, low, high = validation.clustered(by_paper)
    means = [np.mean(values) for values in by_paper]
    assert mean == pytest.approx(np.mean(np.concatenate([np.array(v) for v in by_paper])))
    assert min(means) - 1e-9 <= low <= high <= max(means) + 1e-9


def test_papers_are_resampled_and_not_rows():
    agree = [[0.0, 1.0] * 20 for _ in range(4)]
    differ = [[0.0] * 40, [1.0] * 40, [0.0] * 40, [1.0] * 40]
    _, low, high = validation.clustered(agree)
    _, lower, higher = validation.clustered(differ)
    assert low == high == 0.5
    assert (lower, higher) == (0.0, 1.0)
    assert np.isnan(validation.clustered([[], []])).all()


def test_the_rival_knows_the_other_papers_only():
    rival = prior_left_out.by_others(ev.published(), "REVT", same_task=False)
    assert len({p["mean"] for p in rival}) == 1
    points = {p.id: p for p in ev.published().points}
    others = [points[i].value for i in prior_rows.rows(ev.published()).ids if not i.startswith("REVT")]
    assert rival[0]["mean"] == pytest.approx(np.mean(others))


@pytest.mark.parametrize(
    ("name", "ratio", "wins"),
    [
        ("always answers", 100.0, True),
        ("always new questions", 1.0, False),
        ("published rule, 17", 16.9, True),
        ("published rule, 17", 17.0, False),
    ],
)
def test_a_rule_ranks_by_the_ratio_alone(name: str, ratio: float, wins: bool):
    order = validation.ORDERS[name](ratio)
    assert prior_left_out.right_order(pair(AA, NQ, 3.0, ratio), order) is wins
    assert prior_left_out.right_order(pair(AA, NQ, -3.0, ratio), order) is not wins


def test_ties_are_counted_and_in_no_share():
    paper = {**STORED["papers"]["META"], "pairs": [pair(AA, NQ, 0.4), pair(AA, NQ, 3.0), pair(AA, QR, -3.0)]}
    said = validation.document(ev.published(), {**STORED, "papers": {"META": paper}})
    line = next(x for x in said.split("## Which strategy")[1].splitlines() if x.startswith("| META"))
    assert line == "| META | 3 | 1 | 1 of 2 | 1 of 2 | 1 of 2 | 1 of 2 | 0.50 |"
