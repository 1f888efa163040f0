"""Posterior draws of a small model by adaptive importance sampling. No chain, no tuning, a few milliseconds.

A model is a function from parameters (K, D) to standardised residuals (K, R), data first and prior last,
so that its log posterior is minus half their sum of squares. The mode is found by Levenberg-Marquardt with a
numerical Jacobian, started from the best of the prior draws; a Student-t around it and the prior itself propose; each
round's weighted draws place the next proposal, until the weights are even enough. The evidence comes along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.fitting.groups import Array

Residuals = Callable[[Array], Array]
"""(K, D) parameters, standard normal under the prior -> (K, R) residuals of the data alone."""

TAIL = 6.0
"""Degrees of freedom of the proposals: heavier tails than the target, so that no weight explodes."""
ROUNDS, PROPOSALS, ENOUGH = 5, 1000, 250.0
STARTS = 400


@dataclass(frozen=True, slots=True)
class Posterior:
    """Weighted draws of parameters that are standard normal under the prior."""

    draws: Array
    """(K, D)"""
    weights: Array
    """(K,) sums to 1."""
    log_evidence: float
    """Log of the mean likelihood under the prior, up to the constant that the residuals leave out."""

    @property
    def effective_draws(self) -> float:
        """Kish's effective sample size."""
        return float(1 / (self.weights**2).sum())

    def resample(self, count: int) -> Array:
        """Equally weighted draws by systematic resampling. (count, D)."""
        edges = (np.arange(count) + 0.5) / count
        picks = np.searchsorted(np.cumsum(self.weights), edges)
        return self.draws[np.minimum(picks, len(self.draws) - 1)]

    def widths(self) -> Array:
        """Posterior standard deviation of each parameter; the prior's is 1. (D,)."""
        mean = self.weights @ self.draws
        return np.asarray(np.sqrt(self.weights @ (self.draws - mean) ** 2), dtype=np.float64)


def sample(residuals: Residuals, dimension: int, seed: int = 11) -> Posterior:
    """Draws from the posterior of standard-normal parameters given residuals of the data."""
    rng = np.random.default_rng(seed)

    def log_likelihood(draws: Array) -> Array:
        return np.asarray(-0.5 * (residuals(draws) ** 2).sum(axis=1), dtype=np.float64)

    starts = rng.standard_normal((STARTS, dimension))
    start_likelihood = log_likelihood(starts)
    start_density = start_likelihood - 0.5 * (starts**2).sum(axis=1)
    centre, spread = _mode(residuals, starts[int(np.argmax(start_density))])
    spread = 1.4 * spread
    # the prior's own draws are the first round: a posterior close to the prior needs no other
    rounds = [(starts, start_likelihood)]
    for _ in range(ROUNDS):
        root = np.linalg.cholesky(spread)
        noise = rng.standard_normal((PROPOSALS, dimension))
        tail = np.sqrt(TAIL / rng.chisquare(TAIL, PROPOSALS))
        draws = centre + (noise * tail[:, None]) @ root.T
        distance = tail**2 * (noise**2).sum(axis=1)
        proposal = _log_t(distance, dimension) - float(np.log(np.diag(root)).sum())
        target = log_likelihood(draws) - 0.5 * (draws**2).sum(axis=1) - 0.5 * dimension * np.log(2 * np.pi)
        rounds.append((draws, target - proposal))
        pooled = _pool(rounds)
        if pooled.effective_draws >= ENOUGH:
            return pooled
        weights = np.exp(rounds[-1][1] - rounds[-1][1].max())
        weights /= weights.sum()
        few = float(1 / (weights**2).sum()) < 10 * dimension
        keep = 0.5 if few else 0.1  # few effective draws give a covariance that is too narrow: keep some of the old
        new_centre = weights @ draws
        deviation = draws - new_centre
        spread = keep * spread + (1 - keep) * 1.2 * (deviation * weights[:, None]).T @ deviation
        spread += 1e-9 * np.eye(dimension)
        centre = new_centre
    return pooled


def laplace(residuals: Residuals, dimension: int, seed: int = 11) -> float:
    """Log evidence by the normal approximation at the mode, up to the same constant as `Posterior.log_evidence`."""
    starts = np.random.default_rng(seed).standard_normal((STARTS, dimension))
    density = -0.5 * ((residuals(starts) ** 2).sum(axis=1) + (starts**2).sum(axis=1))
    mode, spread = _mode(residuals, starts[int(np.argmax(density))])
    at = -0.5 * (float((residuals(mode[None]) ** 2).sum()) + float(mode @ mode))
    return at + 0.5 * float(np.linalg.slogdet(spread)[1])


def _log_t(distance: Array, dimension: int) -> Array:
    """Log density of a standard Student-t at squared distances."""
    from math import lgamma

    constant = lgamma((TAIL + dimension) / 2) - lgamma(TAIL / 2) - 0.5 * dimension * float(np.log(TAIL * np.pi))
    return np.asarray(constant - (TAIL + dimension) / 2 * np.log1p(distance / TAIL), dtype=np.float64)


def _pool(rounds: list[tuple[Array, Array]]) -> Posterior:
    """One set of draws; a round counts as much as its effective draws."""
    top = max(float(log_weights.max()) for _, log_weights in rounds)
    parts, share, evidences = [], [], []
    for draws, log_weights in rounds:
        raw = np.exp(log_weights - top)
        total = float(raw.sum())
        if total <= 0:
            continue
        normal = raw / total
        effective = float(1 / (normal**2).sum())
        parts.append((draws, normal * effective))
        share.append(effective)
        evidences.append(total / len(raw))
    weights = np.concatenate([w for _, w in parts])
    evidence = float(np.average(evidences, weights=share))
    return Posterior(np.concatenate([d for d, _ in parts]), weights / weights.sum(), top + float(np.log(evidence)))


def _mode(residuals: Residuals, start: Array) -> tuple[Array, Array]:
    """Where the posterior peaks, and the covariance of its normal approximation."""
    size, step = len(start), 1e-4
    shifts = np.concatenate([np.zeros((1, size)), step * np.eye(size)])

    def linear(theta: Array) -> tuple[Array, Array]:
        points = theta + shifts
        found = np.concatenate([residuals(points), points], axis=1)
        return found[0], (found[1:] - found[0]).T / step

    theta, damping = start, 1.0
    residual, jacobian = linear(theta)
    for _ in range(25):
        move = np.linalg.solve(jacobian.T @ jacobian + damping * np.eye(size), -jacobian.T @ residual)
        trial = theta + np.clip(move, -1.5, 1.5)
        new_residual, new_jacobian = linear(trial)
        gain = float(residual @ residual - new_residual @ new_residual)
        if gain > 0:
            theta, residual, jacobian, damping = trial, new_residual, new_jacobian, damping / 4
            if gain < 1e-3:
                break
        else:
            damping *= 6
            if damping > 1e6:
                break
    return theta, np.asarray(np.linalg.inv(jacobian.T @ jacobian), dtype=np.float64)
