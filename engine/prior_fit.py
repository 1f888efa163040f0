"""Fits the law's prior to data/evidence: `python -m engine.prior_fit` writes data/evidence/law_prior.json.

Hamiltonian Monte Carlo over parallel chains, with a fixed seed; the model is `engine.prior_model`. A
user's task is a study that nobody has run: its draws are taken from the populations of studies and of
curves, so that what differs between papers widens the advice.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine import evidence as ev
from engine import hamiltonian, law
from engine.law import PARAMETERS, Array
from engine.prior_model import CENTRED, CURVE_PRIOR, CURVE_SPREAD, MU_PRIOR, TAU_SCALE, Posterior, State, digest
from engine.prior_rows import Rows, rows

CHAINS, WARM_UP, STEPS, LEAPFROGS, DRAWS = 16, 800, 3000, 32, 1000
HEAT = (1.0, 0.4, 0.2)
"""Row scales of three short runs before the fit: a chain that starts far off takes rows for outliers and stays."""
SEED = 20240929
ASSUMED_WIDTH = 0.8
"""A posterior at least this wide against its prior is not learned: the parameter is `assumed`."""

MEANS = np.r_[0:7, 14:18]
"""Where the population means of `PARAMETERS` lie among the sampler's parameters."""

OUT = ev.FOLDER / "law_prior.json"


@dataclass(frozen=True)
class Fit:
    """Posterior draws, chains side by side, and how far they can be trusted."""

    state: State
    r_hat: Array
    """(D,) potential scale reduction over split chains; means at `MEANS`, log spreads, then every study and curve."""
    effective_size: Array
    """(D,) independent draws that would say as much about each parameter's mean."""


def sample(
    evidence: ev.Evidence,
    *,
    fitted: Rows | None = None,
    warm_up: int = WARM_UP,
    steps: int = STEPS,
    pinned: Collection[str] = (),
) -> Fit:
    """The posterior given the claims and those rows (by default the evidence's own); the same for the same input.

    `pinned` names studies with so many rows that the sampler had better hold their parameters as they are.
    """
    rng = np.random.default_rng(SEED)
    r = rows(evidence) if fitted is None else fitted
    posterior = Posterior(evidence, r, pinned=pinned)
    position = _starts(rng, posterior)
    for scale in HEAT:
        short = Posterior(evidence, r, row_scale=scale, pinned=pinned)
        position = hamiltonian.run(short, position, rng, warm_up=100, steps=1, leapfrogs=LEAPFROGS // 2).draws[-1]
    chains = hamiltonian.run(posterior, position, rng, warm_up=warm_up, steps=steps, leapfrogs=LEAPFROGS)
    state = posterior.unpack(chains.draws.reshape(-1, posterior.size))
    flat = [state.mu, np.log(state.tau), state.m, np.log(state.s), state.phi, state.curve]
    parameters = np.concatenate([f.reshape(len(state.mu), -1) for f in flat], axis=1)
    parameters = parameters.reshape(steps, CHAINS, -1)
    return Fit(state, hamiltonian.r_hat(parameters), hamiltonian.effective_size(parameters))


def _starts(rng: np.random.Generator, posterior: Posterior) -> Array:
    """Positions of every chain, drawn of about the prior's width. (CHAINS, D)."""
    noise = rng.standard_normal((CHAINS, posterior.size))
    position = 0.5 * noise
    position[:, :7] = MU_PRIOR[:, 0] + 0.5 * MU_PRIOR[:, 1] * noise[:, :7]
    position[:, 7:14] = np.log(0.6 * TAU_SCALE) + 0.3 * noise[:, 7:14]
    position[:, 14:18] = CURVE_PRIOR[:, 0] + 0.5 * CURVE_PRIOR[:, 1] * noise[:, 14:18]
    position[:, 18:22] = np.log(0.6 * CURVE_SPREAD) + 0.3 * noise[:, 18:22]
    studies, curves = posterior.held(position)
    studies += np.where(posterior.pinned, position[:, None, :7], 0.0)
    curves += np.where(CENTRED, position[:, None, 14:18], 0.0)
    return position


def draws_for_new_task(state: State, count: int) -> Array:
    """So many draws for a study that nobody has run, each from a posterior draw of its own. (count, 11)."""
    rng = np.random.default_rng(SEED + 1)
    pick = rng.choice(len(state.mu), count, replace=False)
    return new_task(rng, state.mu[pick], state.tau[pick], state.m[pick], state.s[pick])


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
    found = sample(evidence)
    draws = draws_for_new_task(found.state, DRAWS)
    claim = evidence.claim("chan-weak-augmenter")
    rng = np.random.default_rng(SEED + 3)
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
        "r_hat": [round(float(x), 3) for x in found.r_hat[MEANS]],
        "effective_size": [round(float(x)) for x in found.effective_size[MEANS]],
        "largest_r_hat": round(float(found.r_hat.max()), 3),
        "smallest_effective_size": round(float(found.effective_size.min())),
        "weak_new": [round(float(x), 4) for x in shift],
        "draws": [[round(float(x), 4) for x in row] for row in draws],
    }


def width_against_prior(draws: Array) -> Array:
    """80 % width of each parameter for a task that nobody has measured, over its width before any evidence."""
    before = prior_draws(np.random.default_rng(SEED + 2), 20_000)
    low, high = np.quantile(draws, [0.1, 0.9], axis=0)
    prior_low, prior_high = np.quantile(before, [0.1, 0.9], axis=0)
    return np.asarray((high - low) / (prior_high - prior_low))


if __name__ == "__main__":
    result = fit(ev.load())
    OUT.write_text(json.dumps(result) + "\n")
    print(f"wrote {OUT}: width against prior {result['width_against_prior']}, R-hat {result['r_hat']}")
    print("assumed:", result["assumed"])
