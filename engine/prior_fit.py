"""Fits the law's prior to data/evidence: `python -m engine.prior_fit` writes data/evidence/law_prior.json.

Metropolis within Gibbs over parallel chains, with a fixed seed; the model is `engine.prior_model`. A
user's task is a study that nobody has run: its draws are taken from the populations of studies and of
curves, so that what differs between papers widens the advice.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np

from engine import evidence as ev
from engine import law
from engine.law import PARAMETERS, Array
from engine.prior_model import (
    CURVE_PRIOR,
    CURVE_SPREAD,
    MU_PRIOR,
    TAU_SCALE,
    claims_log_density,
    digest,
    row_log_likelihood,
    rows,
)

CHAINS, STEPS, BURN_IN, THIN, DRAWS = 40, 30000, 7500, 75, 1000
SEED = 20240929
ASSUMED_WIDTH = 0.8
"""A posterior at least this wide against its prior is not learned: the parameter is `assumed`."""

OUT = ev.FOLDER / "law_prior.json"


class State(NamedTuple):
    """One state of every chain: C chains, T studies, G curves, 7 study and 4 curve parameters."""

    phi: Array  # (C, T, 7)
    curve: Array  # (C, G, 4)
    mu: Array  # (C, 7)
    tau: Array  # (C, 7)
    m: Array  # (C, 4)
    s: Array  # (C, 4)


def sample(evidence: ev.Evidence, *, chains: int = CHAINS, steps: int = STEPS, burn_in: int = BURN_IN) -> State:
    """Posterior states: every leading axis is draws, thinned, chains side by side, shape (draws x chains, ...)."""
    rng = np.random.default_rng(SEED)
    r = rows(evidence)
    t, g = len(r.studies), len(r.curves)
    mu = MU_PRIOR[:, 0] + MU_PRIOR[:, 1] * 0.5 * rng.standard_normal((chains, 7))
    tau = TAU_SCALE * np.abs(rng.standard_normal((chains, 7)))
    m = CURVE_PRIOR[:, 0] + 0.5 * rng.standard_normal((chains, 4))
    s = 0.3 + CURVE_SPREAD * np.abs(rng.standard_normal((chains, 4)))
    phi = mu[:, None] + tau[:, None] * rng.standard_normal((chains, t, 7))
    curve = m[:, None] + s[:, None] * rng.standard_normal((chains, g, 4))
    row = row_log_likelihood(phi, curve, r)
    claims = claims_log_density(phi, r, evidence)
    phi_step, curve_step = np.full((t, 7), 0.3), np.full((g, 4), 0.3)
    step_together = np.array([0.1, 0.3])
    kept: list[State] = []
    in_study = np.eye(t)[r.study]  # (R, T): sums rows by study
    in_curve = np.eye(g)[r.curve]
    study_curves = np.eye(t)[r.curve_study].T  # (T, G)
    for step in range(steps):
        adapting = step < burn_in
        # a study's parameters, two at a time; every third time its curves' N0 moves with them (same product N / N0)
        mask = rng.random((t, 7)) < 0.3
        move = mask * phi_step * rng.standard_normal((chains, t, 7))
        new_phi, new_curve = phi + move, curve
        if step % 3 == 0:
            shift = 0.3 * rng.standard_normal((chains, t))
            new_phi = phi.copy()
            new_phi[:, :, 6] += shift
            new_curve = curve.copy()
            new_curve[:, :, 2] += shift @ study_curves
            mask = np.zeros((t, 7), dtype=bool)
        new_row = row_log_likelihood(new_phi, new_curve, r)
        new_claims = claims_log_density(new_phi, r, evidence)
        gain = (new_row - row) @ in_study + new_claims - claims
        gain += (_normal(new_phi, mu[:, None], tau[:, None]) - _normal(phi, mu[:, None], tau[:, None])).sum(axis=2)
        if new_curve is not curve:
            change = _normal(new_curve, m[:, None], s[:, None]) - _normal(curve, m[:, None], s[:, None])
            gain += change.sum(axis=2) @ study_curves.T
        accept = np.log(rng.random(gain.shape)) < gain
        phi = np.where(accept[:, :, None], new_phi, phi)
        claims = np.where(accept, new_claims, claims)
        row = np.where(accept[:, r.study], new_row, row)
        if new_curve is not curve:
            curve = np.where(accept[:, r.curve_study, None], new_curve, curve)
        if adapting:
            phi_step *= np.exp(0.05 * mask * (accept.mean(axis=0)[:, None] - 0.3))
        # each curve's own four: single steps, or the difference of two chains of the other half, which has
        # the posterior's shape (differential evolution; ter Braak 2006)
        mask_curve = rng.random((g, 4)) < 0.5
        jump = mask_curve * curve_step * rng.standard_normal((chains, g, 4))
        evolving = step % 2 == 1
        if evolving:
            half = (np.arange(chains) < chains // 2) == (step % 4 == 1)
            other = np.flatnonzero(~half)
            one, two = rng.choice(other, (2, chains))
            jump = half[:, None, None] * rng.choice([0.8, 1.0]) * (curve[one] - curve[two])
            jump += 1e-3 * half[:, None, None] * rng.standard_normal(curve.shape)
        new_curve = curve + jump
        new_row = row_log_likelihood(phi, new_curve, r)
        gain = (new_row - row) @ in_curve
        gain += (_normal(new_curve, m[:, None], s[:, None]) - _normal(curve, m[:, None], s[:, None])).sum(axis=2)
        accept = np.log(rng.random(gain.shape)) < gain
        curve = np.where(accept[:, :, None], new_curve, curve)
        row = np.where(accept[:, r.curve], new_row, row)
        if adapting and not evolving:
            curve_step *= np.exp(0.05 * mask_curve * (accept.mean(axis=0)[:, None] - 0.3))
        # a whole population moves or stretches together: quick where each member says little by itself
        studies_move = step % 2 == 0
        one, centre, spread = (phi, mu, tau) if studies_move else (curve, m, s)
        moved, new_centre, new_spread, log_ratio = _together(rng, one, centre, spread, studies_move, step_together)
        new_phi, new_curve = (moved, curve) if studies_move else (phi, moved)
        new_row = row_log_likelihood(new_phi, new_curve, r)
        new_claims = claims_log_density(new_phi, r, evidence) if studies_move else claims
        gain = (new_row - row).sum(axis=1) + (new_claims - claims).sum(axis=1) + log_ratio
        accept = np.log(rng.random(chains)) < gain
        phi = np.where(accept[:, None, None], new_phi, phi)
        curve = np.where(accept[:, None, None], new_curve, curve)
        row, claims = np.where(accept[:, None], new_row, row), np.where(accept[:, None], new_claims, claims)
        if studies_move:
            mu, tau = np.where(accept[:, None], new_centre, mu), np.where(accept[:, None], new_spread, tau)
        else:
            m, s = np.where(accept[:, None], new_centre, m), np.where(accept[:, None], new_spread, s)
        if adapting:
            step_together[int(studies_move)] *= np.exp(0.03 * (accept.mean() - 0.3))
        mu = _gibbs_mean(rng, phi, tau, MU_PRIOR)
        m = _gibbs_mean(rng, curve, s, CURVE_PRIOR)
        tau = _spread(rng, phi - mu[:, None], tau, TAU_SCALE)
        s = _spread(rng, curve - m[:, None], s, CURVE_SPREAD)
        if not adapting and step % THIN == 0:
            kept.append(State(phi, curve, mu, tau, m, s))
    return State(*(np.concatenate(part) for part in zip(*kept, strict=True)))


def _together(
    rng: np.random.Generator, members: Array, centre: Array, spread: Array, studies: bool, steps: Array
) -> tuple[Array, Array, Array, Array]:
    """Shifts or stretches one parameter of a whole population, members and all.

    The members' own prior is unchanged by either (a stretch's Jacobian cancels the normal's scale), so
    the log ratio that is returned last holds only the priors of centre and spread.
    """
    prior, scale = (MU_PRIOR, TAU_SCALE) if studies else (CURVE_PRIOR, CURVE_SPREAD)
    p = int(rng.integers(centre.shape[1]))
    jump = steps[int(studies)] * rng.standard_normal(len(centre))
    members, new_centre, new_spread = members.copy(), centre.copy(), spread.copy()
    if rng.random() < 0.5:
        step = jump * prior[p, 1]
        new_centre[:, p] += step
        members[:, :, p] += step[:, None]
        log_ratio = _normal(new_centre[:, p], prior[p, 0], prior[p, 1]) - _normal(
            centre[:, p], prior[p, 0], prior[p, 1]
        )
    else:
        new_spread[:, p] *= np.exp(jump)
        members[:, :, p] = centre[:, p, None] + (members[:, :, p] - centre[:, p, None]) * np.exp(jump)[:, None]
        log_ratio = _normal(new_spread[:, p], 0.0, scale[p]) - _normal(spread[:, p], 0.0, scale[p]) + jump
    return members, new_centre, new_spread, log_ratio


def _normal(x: Array, mean: Array | float, sd: Array | float) -> Array:
    return np.asarray(-(((x - mean) / sd) ** 2) / 2)


def _gibbs_mean(rng: np.random.Generator, values: Array, spread: Array, prior: Array) -> Array:
    """The population mean given its members: normal prior, normal members. (C, M, P) -> (C, P)."""
    precision = values.shape[1] / spread**2 + 1 / prior[:, 1] ** 2
    mean = (values.sum(axis=1) / spread**2 + prior[:, 0] / prior[:, 1] ** 2) / precision
    return np.asarray(mean + rng.standard_normal(mean.shape) / np.sqrt(precision))


def _spread(rng: np.random.Generator, deviation: Array, spread: Array, scale: Array) -> Array:
    """One Metropolis step on the log of the population spread under a half-normal prior. (C, P)."""
    squares, members = (deviation**2).sum(axis=1), deviation.shape[1]
    new = spread * np.exp(0.5 * rng.standard_normal(spread.shape))

    def density(x: Array) -> Array:
        return np.asarray((1 - members) * np.log(x) - squares / (2 * x**2) - (x / scale) ** 2 / 2)

    accept = np.log(rng.random(spread.shape)) < density(new) - density(spread)
    return np.where(accept, new, spread)


def new_task(rng: np.random.Generator, mu: Array, tau: Array, m: Array, s: Array) -> Array:
    """Draws for a study that nobody has run, in the order of `PARAMETERS`. (K, 11)."""
    phi = mu + tau * rng.standard_normal(mu.shape)
    curve = m + s * rng.standard_normal(m.shape)
    return np.concatenate([phi, curve], axis=1)


def prior_draws(rng: np.random.Generator, count: int) -> Array:
    """The same before any evidence: what `assumed` is judged against. (count, 11)."""
    mu = MU_PRIOR[:, 0] + MU_PRIOR[:, 1] * rng.standard_normal((count, 7))
    m = CURVE_PRIOR[:, 0] + CURVE_PRIOR[:, 1] * rng.standard_normal((count, 4))
    tau = TAU_SCALE * np.abs(rng.standard_normal((count, 7)))
    s = CURVE_SPREAD * np.abs(rng.standard_normal((count, 4)))
    return new_task(rng, mu, tau, m, s)


def weak_augmenter(draws: Array, loss: float, seeds: float, examples: float, rng: np.random.Generator) -> Array:
    """How far a weak augmenter lowers log q of new questions, per draw, so that the published loss comes out.

    Half the draws read `loss` as points, half as relative, because the notes do not say. (K,), never
    positive; capped at a factor of ten, where new questions would be nearly worthless.
    """
    cells = np.array([[0.0, 0.0, examples]])
    size = np.array([seeds])
    start = law.accuracy(draws, law.effective(draws, size, cells), 0.0)[:, 0]
    relative = rng.random(len(draws)) < 0.5
    wanted = np.where(relative, start * (1 - loss / 100), start - loss / 100)
    low, high = np.full(len(draws), -np.log(10.0)), np.zeros(len(draws))
    for _ in range(30):
        middle = (low + high) / 2
        trial = draws.copy()
        trial[:, law.Q_NEW] += middle
        too_high = law.accuracy(trial, law.effective(trial, size, cells), 0.0)[:, 0] > wanted
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return np.asarray((low + high) / 2)


def fit(evidence: ev.Evidence) -> dict[str, object]:
    """The prior as it is stored: draws, weak-augmenter shifts, widths, the evidence's digest."""
    state = sample(evidence)
    rng = np.random.default_rng(SEED + 1)
    pick = rng.choice(len(state.mu), DRAWS, replace=False)
    draws = new_task(rng, state.mu[pick], state.tau[pick], state.m[pick], state.s[pick])
    claim = evidence.claim("chan-weak-augmenter")
    shift = weak_augmenter(draws, claim.value or 15.0, float(claim.seeds or 1000), 10_000.0, rng)
    width = width_against_prior(draws)
    return {
        "script": "python -m engine.prior_fit",
        "seed": SEED,
        "evidence": evidence.digest,
        "model": digest(),
        "parameters": list(PARAMETERS),
        "assumed": [n for n, x in zip(PARAMETERS, width, strict=True) if x >= ASSUMED_WIDTH],
        "width_against_prior": [round(float(x), 3) for x in width],
        "mixing": [round(float(x), 3) for x in _mixing(state)],
        "weak_new": [round(float(x), 4) for x in shift],
        "draws": [[round(float(x), 4) for x in row] for row in draws],
    }


def width_against_prior(draws: Array) -> Array:
    """80 % width of each parameter for a task that nobody has measured, over its width before any evidence."""
    before = prior_draws(np.random.default_rng(SEED + 2), 20_000)
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    prior_low, prior_high = np.quantile(before, [0.1, 0.9], axis=0)
    return np.asarray((high - low) / (prior_high - prior_low))


def _mixing(state: State) -> Array:
    """Potential scale reduction (Gelman and Rubin) of the population means over the chains; 1 is mixed."""
    chains = np.concatenate([state.mu, state.m], axis=1).reshape(-1, CHAINS, 11)
    within = chains.var(axis=0, ddof=1).mean(axis=0)
    between = chains.mean(axis=0).var(axis=0, ddof=1)
    return np.asarray(np.sqrt(1 + between / within))


if __name__ == "__main__":
    result = fit(ev.load())
    OUT.write_text(json.dumps(result) + "\n")
    print(f"wrote {OUT}: width against prior {result['width_against_prior']}, mixing {result['mixing']}")
    print("assumed:", result["assumed"])
