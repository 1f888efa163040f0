"""The prior's fit: the model it samples, and the file it leaves."""

import json

import numpy as np
import pytest
from scipy import stats

from engine import curves, law, prior, prior_fit, prior_model, prior_rows
from engine import evidence as ev

ROWS = prior_rows.rows(ev.published())


def test_fitted_rows_are_accuracies_of_one_strategy_or_of_human_examples():
    by_id = {p.id: p for p in ev.published().points}
    fitted = [by_id[i] for i in ROWS.ids]
    assert len(fitted) > 150
    assert all(p.metric == ev.ACCURACY for p in fitted)
    assert not any("+" in p.strategy or p.strategy == "mixed_all" or p.student.startswith("teacher") for p in fitted)


def by_the_law(phi: law.Array, curve: law.Array) -> law.Array:
    """Student-t log density of every row, up to a constant, by `engine.law`. (C, R)."""
    found = []
    for i, (study, own) in enumerate(zip(ROWS.study, ROWS.curve, strict=True)):
        draws = np.concatenate([phi[:, study], curve[:, own]], axis=1)
        weight = np.exp(draws[:, law.SEED_WEIGHT, None])
        made = law.effective(draws, ROWS.seeds[i : i + 1], ROWS.examples[i : i + 1]) - weight * ROWS.seeds[i]
        right = law.accuracy(draws, made + weight * ROWS.human[i], 0.0)[:, 0]
        residual = (ROWS.target[i] - law.logit(np.clip(right, 1e-4, 1 - 1e-4))) / prior_model.ROW_SCALE
        found.append(stats.t(5).logpdf(residual) - stats.t(5).logpdf(0))
    return np.stack(found, axis=1)


def test_the_model_and_the_law_agree():
    draws = prior.stored().draws[:5]
    phi = np.repeat(draws[:, None, :7], len(ROWS.studies), axis=1)
    curve = np.repeat(draws[:, None, 7:], len(ROWS.curves), axis=1)
    mine, _, _ = prior_model.row_slopes(phi, curve, ROWS)
    assert mine == pytest.approx(by_the_law(phi, curve), rel=1e-4, abs=1e-4)


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


def test_every_parameter_of_the_stored_fit_has_converged():
    stored = json.loads(prior_fit.OUT.read_text())
    assert stored["largest_r_hat"] < 1.05
    assert max(stored["r_hat"]) <= stored["largest_r_hat"]
    assert stored["smallest_effective_size"] >= 400
    assert len(stored["r_hat"]) == len(stored["effective_size"]) == len(law.PARAMETERS)


def slope_by_differences(density, position: law.Array) -> law.Array:
    """(C, D) by central differences."""
    steps = 1e-5 * np.eye(position.shape[1])
    return np.stack([(density(position + step) - density(position - step)) / 2e-5 for step in steps], axis=1)


@pytest.mark.parametrize("pinned", [(), ("RFT", "REVT")])
def test_the_density_rises_as_its_gradient_says(pinned: tuple[str, ...]):
    posterior = prior_model.Posterior(ev.published().without("CHAN").without("FIXED"), ROWS, pinned=pinned)
    position = prior_fit._starts(np.random.default_rng(4), posterior)[:4]
    differences = slope_by_differences(lambda x: posterior(x)[0], position)
    assert posterior(position)[1] == pytest.approx(differences, rel=1e-4, abs=1e-3)


def test_the_crossover_moves_as_its_slope_says():
    draws = prior.stored().draws[:200, :7]
    differences = slope_by_differences(lambda x: prior_model.log_crossover(x, 1000.0), draws)
    at = prior_model.log_crossover(draws, 1000.0)
    usual = (at > np.log(1)) & (at < np.log(1000))
    assert usual.sum() > 150
    # the crossing is interpolated between points of a grid, its slope is that of the curves
    assert prior_model.crossover_slope(draws)[usual] == pytest.approx(differences[usual], rel=0.15, abs=0.05)


def test_the_claims_rise_as_their_gradient_says():
    evidence, studies = ev.published(), len(ROWS.studies)

    def claims(flat: law.Array) -> law.Array:
        return prior_model.claims_slope(flat.reshape(-1, studies, 7), ROWS, evidence)[0].sum(axis=1)

    phi = np.repeat(prior.stored().draws[:20, None, :7], studies, axis=1).reshape(20, -1)
    _, slope = prior_model.claims_slope(phi.reshape(-1, studies, 7), ROWS, evidence)
    assert slope.reshape(20, -1) == pytest.approx(slope_by_differences(claims, phi), rel=0.15, abs=0.5)


@pytest.mark.parametrize("pinned", [(), ("RFT", "REVT")])
def test_the_density_is_that_of_the_model_as_stated(pinned: tuple[str, ...]):
    evidence = ev.published()
    posterior = prior_model.Posterior(evidence, ROWS, pinned=pinned)
    position = prior_fit._starts(np.random.default_rng(5), posterior)[:4]
    x = posterior.unpack(position)
    stated = by_the_law(x.phi, x.curve).sum(axis=1)
    stated += prior_model.claims_slope(x.phi, ROWS, evidence)[0].sum(axis=1)
    stated += stats.norm(x.mu[:, None], x.tau[:, None]).logpdf(x.phi).sum(axis=(1, 2))
    stated += stats.norm(x.m[:, None], x.s[:, None]).logpdf(x.curve).sum(axis=(1, 2))
    stated += stats.norm(*prior_model.MU_PRIOR.T).logpdf(x.mu).sum(axis=1)
    stated += stats.norm(*prior_model.CURVE_PRIOR.T).logpdf(x.m).sum(axis=1)
    stated += stats.halfnorm(scale=prior_model.TAU_SCALE).logpdf(x.tau).sum(axis=1)
    stated += stats.halfnorm(scale=prior_model.CURVE_SPREAD).logpdf(x.s).sum(axis=1)
    # from (phi, tau, curve, s) to what the sampler holds: log spreads, deviations where they are not centred
    stated += (1 + len(ROWS.studies) - len(pinned)) * np.log(x.tau).sum(axis=1)
    stated += (np.log(x.s) * (1 + len(ROWS.curves) * ~prior_model.CENTRED)).sum(axis=1)
    value, _ = posterior(position)
    assert value - value[0] == pytest.approx(stated - stated[0], rel=1e-4, abs=1e-3)


def test_without_a_paper_its_rows_and_claims_are_gone():
    without = ev.published().without("REFA")
    left = prior_rows.rows(without)
    assert "REFA" not in left.studies
    assert len(left.ids) == sum(not i.startswith("REFA") for i in ROWS.ids)
    studies = np.zeros((2, len(ROWS.studies), 7))
    silent, slope = prior_model.claims_slope(studies, ROWS, ev.published().without("CHAN"))
    assert not silent[:, ROWS.studies.index("CHAN")].any()
    assert not slope[:, ROWS.studies.index("CHAN")].any()
    with pytest.raises(ValueError, match="no row is from 'NOBODY'"):
        ev.published().without("NOBODY")


def test_the_page_of_checks_is_current():
    from engine import evidence_checks

    assert evidence_checks.OUT.read_text() == evidence_checks.document(ev.published()), (
        "run python -m engine.evidence_checks"
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_short_refit_lands_where_the_stored_draws_are():
    fit = prior_fit.sample(ev.published(), steps=1000)
    state = fit.state
    rng = np.random.default_rng(1)
    fresh = prior_fit.new_task(rng, state.mu, state.tau, state.m, state.s)
    stored = prior.stored().draws
    apart = np.abs(np.median(fresh, axis=0) - np.median(stored, axis=0)) / stored.std(axis=0)
    assert (apart < 0.3).all()
