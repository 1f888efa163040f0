"""The prior's fit: the model it samples, and the file it leaves."""

import numpy as np
import pytest

from engine import curves, law, prior, prior_fit, prior_model
from engine import evidence as ev

ROWS = prior_model.rows(ev.published())


def test_fitted_rows_are_accuracies_of_one_strategy_or_of_human_examples():
    by_id = {p.id: p for p in ev.published().points}
    fitted = [by_id[i] for i in ROWS.ids]
    assert len(fitted) > 150
    assert all(p.metric == ev.ACCURACY for p in fitted)
    assert not any("+" in p.strategy or p.strategy == "mixed_all" or p.student.startswith("teacher") for p in fitted)


def test_the_model_and_the_law_agree():
    draws = prior.stored().draws[:5]
    phi = np.repeat(draws[:, None, :7], len(ROWS.studies), axis=1)
    curve = np.repeat(draws[:, None, 7:], len(ROWS.curves), axis=1)
    mine = law.expit(prior_model.predicted(phi, curve, ROWS))
    made = law.effective(draws, ROWS.seeds, ROWS.examples)
    weight = np.exp(draws[:, law.SEED_WEIGHT, None])
    n = made - weight * ROWS.seeds + weight * ROWS.human
    assert mine == pytest.approx(np.clip(law.accuracy(draws, n, 0.0), 1e-4, 1 - 1e-4), abs=1e-6)


def test_the_model_and_the_curves_agree_on_crossovers():
    draws = prior.stored().draws[:200]
    mine = np.exp(prior_model.log_crossover(draws[:, :7], 100.0))
    theirs = curves.crossings(draws, 100.0, np.ones(3), np.geomspace(0.05, 2e4, 200))[:, 0, 2]
    inside = np.isfinite(theirs) & (mine > 0.5) & (mine < 2000)
    assert inside.sum() > 100
    assert np.median(np.abs(np.log(mine[inside] / theirs[inside]))) < 0.02


def test_the_stored_file_belongs_to_this_evidence_and_this_model():
    stored = prior.stored()
    told = "data/evidence or the model changed: run python -m engine.prior_fit and python -m engine.evidence_checks"
    assert (stored.evidence, stored.model) == (ev.published().digest, prior_model.digest()), told
    assert stored.draws.shape == (prior_fit.DRAWS, len(law.PARAMETERS))
    assert np.isfinite(stored.draws).all()
    assert (stored.weak_new <= 0).all()


def test_the_page_of_checks_is_current():
    from engine import evidence_checks

    assert evidence_checks.OUT.read_text() == evidence_checks.document(ev.published()), (
        "run python -m engine.evidence_checks"
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_short_refit_lands_where_the_stored_draws_are():
    state = prior_fit.sample(ev.published(), steps=9000, burn_in=3000)
    rng = np.random.default_rng(1)
    fresh = prior_fit.new_task(rng, state.mu, state.tau, state.m, state.s)
    stored = prior.stored().draws
    apart = np.abs(np.median(fresh, axis=0) - np.median(stored, axis=0)) / stored.std(axis=0)
    assert (apart < 0.3).all()
