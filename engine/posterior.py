"""Draws of the law, moved by the user's own points.

Published points only shape the prior; what the user measured enters through its binomial counts. Pools
and training seeds add variance on the logit scale, under informative priors, so that ten cells of one
pool do not pass for ten independent ones. P is the number of the law's parameters, 11 or 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import item_noise, law
from engine.curves import Fitted, usable
from engine.domain import Baseline, Measurement, Strategy
from engine.law import Array
from engine.misfit import SCALE_PRIOR, SCALES, Misfit, Places

POOL_SD = 0.10
"""Logit scale: what one strategy's data differ by when made again. Shared by all cells of a pool."""
SEED_SD, SEED_DF = 0.12, 4.0
"""Logit scale: training seed and order of examples; replicates move it, counted as this many of them."""
UNTUNED_SD = 0.7
"""Logit scale: the untuned student's own offset from the curve at no data (prompt, format)."""

AS_IF_ITEMS = 1000.0
"""Test items that every share counts as when the scale of the deviation is chosen: by the shares alone, so that the
same shares on more items never choose a larger one and widen an interval."""

_ROUNDS, _PROPOSALS, _ENOUGH = 6, 1500, 250.0
_TAIL = 7.0
"""Degrees of freedom of the proposal: heavier tails than the target, so that no weight explodes."""


def refit(prior: Array, measurements: Sequence[Measurement], floor: float) -> Fitted:
    """Posterior draws given the user's points; the prior unchanged where no point carries a curve.

    Adaptive importance sampling: a normal approximation of the prior, a Student-t around the posterior
    mode (Gauss-Newton), then proposals from the weighted draws until the weights are even enough.
    """
    cells = usable(measurements)
    if all(m.cell.arm == Baseline.UNTUNED for m in cells):
        return Fitted(prior, floor)
    mean, covariance = prior.mean(axis=0), np.cov(prior.T)
    root = np.linalg.cholesky(np.linalg.inv(covariance)).T
    sd = max(SCALES, key=lambda sd: _fit(_Cells.of(cells, sd, AS_IF_ITEMS), floor, mean, root, prior)[-1])
    data, target, centre, spread = _fit(_Cells.of(cells, sd), floor, mean, root, prior)[:-1]
    rng = np.random.default_rng(11)
    spread = spread * 1.4
    rounds: list[tuple[Array, Array]] = []
    for _ in range(_ROUNDS):
        root = np.linalg.cholesky(spread)
        noise = rng.standard_normal((_PROPOSALS, len(mean)))
        tail = np.sqrt(_TAIL / rng.chisquare(_TAIL, _PROPOSALS))
        draws = centre + (noise * tail[:, None]) @ root.T
        proposal = -(_TAIL + len(mean)) / 2 * np.log1p(tail**2 * (noise**2).sum(axis=1) / _TAIL)
        score = target.log_density(draws) - proposal
        weights = np.exp(score - score.max())
        weights /= weights.sum()
        ess = 1 / float((weights**2).sum())
        rounds.append((draws, weights * ess))  # a round counts as much as it is worth
        pooled = np.concatenate([w for _, w in rounds])
        if pooled.sum() ** 2 / (pooled**2).sum() >= _ENOUGH:
            break
        # few effective draws give a covariance that is too narrow: keep some of the old one
        keep = 0.5 if ess < 50 else 0.1
        new_centre = weights @ draws
        deviation = draws - new_centre
        spread = keep * spread + (1 - keep) * 1.2 * (deviation * weights[:, None]).T @ deviation
        centre = new_centre
    draws = np.concatenate([d for d, _ in rounds])
    weights = pooled / pooled.sum()
    ess = 1 / float((weights**2).sum())
    edges = (np.arange(len(prior)) + 0.5) / len(prior)
    chosen = draws[np.minimum(np.searchsorted(np.cumsum(weights), edges), len(draws) - 1)]
    n = np.median(data.effective(chosen), axis=0)[data.kind]
    tuned = np.logical_not(data.untuned)
    by_strategy = [n[tuned & (data.strategy == m)] for m in range(len(law.strategies(prior)))]
    anchor = n[tuned].min()  # a strategy without points extrapolates from the smallest one
    largest = np.array([found.max() if len(found) else anchor for found in by_strategy])
    unmeasured = np.array([len(found) == 0 for found in by_strategy])
    misfit = Misfit(
        data.sd,
        data.places,
        data.whiten.T @ data.whiten,
        target.misfit(chosen),
        data.pools,
        data.sampling,
        data.likeness,
    )
    return Fitted(chosen, floor, largest, misfit, unmeasured, ess)


def _fit(
    data: _Cells, floor: float, mean: Array, root: Array, prior: Array
) -> tuple[_Cells, _Target, Array, Array, float]:
    """Mode and normal approximation under one scale of deviation, and that scale's log evidence (Laplace)."""
    target = _Target(data, floor, mean, root)
    centre, spread = target.mode(prior)
    evidence = float(target.log_density(centre[None])[0]) + 0.5 * float(np.linalg.slogdet(spread)[1])
    evidence += float(np.log(np.diag(data.whiten)).sum()) - 0.5 * (data.sd / SCALE_PRIOR) ** 2
    return data, target, centre, spread, evidence


@dataclass(frozen=True)
class _Cells:
    """The user's points as arrays over C cells."""

    seeds: Array
    examples: Array
    """(C,) of the cell's strategy; 0 for a baseline."""
    strategy: NDArray[np.intp]
    """(C,) 0 to 3; -1 for a baseline."""
    untuned: NDArray[np.bool_]
    """(C,)"""
    observed: Array
    """(C,) empirical logit."""
    sd: float
    """Scale of the deviation from the law, logit scale."""
    whiten: Array
    """(C, C) inverse Cholesky factor of the covariance."""
    first: NDArray[np.intp]
    """(D,) the first cell of each kind: replicates have one expected accuracy, computed once."""
    kind: NDArray[np.intp]
    """(C,) index into `first`."""
    pools: NDArray[np.intp]
    """(C,) which pool of its strategy."""
    sampling: Array
    """(C,) variance of the empirical logit by the number of items."""
    likeness: float
    """Mean correlation of two cells' item outcomes; 0 where it is not known."""

    @classmethod
    def of(cls, cells: Sequence[Measurement], sd: float, items: float | None = None) -> _Cells:
        """`items` takes every share as if it were measured on so many; None takes the cells' own counts."""
        index = {s: i for i, s in enumerate(law.COMPETING)}
        strategy = np.array([index[m.cell.arm] if isinstance(m.cell.arm, Strategy) else -1 for m in cells])
        untuned = np.array([m.cell.arm == Baseline.UNTUNED for m in cells])
        seeds = np.array([float(m.cell.seeds) for m in cells])
        examples = np.array([float(m.examples) for m in cells]) * (strategy >= 0)
        scored = np.array([float(m.scored) for m in cells])
        right = np.array([float(m.correct) for m in cells])
        if items is not None:
            right, scored = right / scored * items, np.full(len(cells), items)
        right, wrong = right + 0.5, scored - right + 0.5
        observed, sampling = np.log(right / wrong), 1 / right + 1 / wrong
        pool = np.array([m.cell.pool for m in cells])
        groups = [(m.cell.arm, m.cell.seeds, m.cell.budget, m.cell.pool, m.examples) for m in cells]
        excess, freedom = 0.0, 0
        for group in dict.fromkeys(groups):
            of_group = np.array([g == group for g in groups])
            freedom += int(of_group.sum()) - 1
            spread = observed[of_group] - observed[of_group].mean()
            excess += float((spread**2).sum()) - (of_group.sum() - 1) * float(sampling[of_group].mean())
        seed_variance = (SEED_DF * SEED_SD**2 + max(excess, 0.0)) / (SEED_DF + freedom)
        variance = sampling + np.where(untuned, UNTUNED_SD**2, seed_variance)
        same_pool = (strategy[:, None] == strategy) & (seeds[:, None] == seeds) & (strategy >= 0)[:, None]
        # A second pool is cut out of the examples of the large cells, and yet counts as made anew for all of them: with
        # a share in two pools that have nothing in common the covariance would be none.
        same_pool &= pool[:, None] == pool
        places = Places(strategy, seeds, examples)
        alike = item_noise.correlation(cells)
        shared = alike * np.sqrt(np.outer(sampling, sampling)) - np.diag(sampling)
        covariance = np.diag(variance) + shared + POOL_SD**2 * same_pool + places.covariance(places, sd)
        whiten = np.linalg.inv(np.linalg.cholesky(covariance))
        kinds = np.stack([strategy, untuned, seeds, examples], axis=1)
        _, first, kind = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        # The untuned student answers in a way of its own; and a cell of a curve is like other cells of curves.
        of_curves = np.flatnonzero(np.logical_not(untuned))
        pairs = alike[np.ix_(of_curves, of_curves)][np.triu_indices(len(of_curves), 1)]
        likeness = float(np.clip(pairs.mean(), 0.0, 0.99)) if len(pairs) else 0.0
        kind = kind.reshape(-1)
        return cls(seeds, examples, strategy, untuned, observed, sd, whiten, first, kind, pool, sampling, likeness)

    @property
    def places(self) -> Places:
        """The cells, as far as a deviation depends on them."""
        return Places(self.strategy, self.seeds, self.examples)

    def effective(self, draws: Array) -> Array:
        """Effective examples of every kind of cell, seeds included; a baseline has those alone. (K, D)."""
        pick = self.first
        return law.effective_alone(draws, self.seeds[pick], np.maximum(self.strategy[pick], 0), self.examples[pick])


@dataclass(frozen=True)
class _Target:
    """Log posterior of the law's parameters given the user's points."""

    data: _Cells
    floor: float
    mean: Array
    root: Array
    """(P, P) upper factor: root @ (theta - mean) is standard normal under the prior."""

    def residuals(self, draws: Array) -> Array:
        """Whitened: data first, then prior. (K, C + P)."""
        return np.concatenate([self.misfit(draws) @ self.data.whiten.T, (draws - self.mean) @ self.root.T], axis=1)

    def misfit(self, draws: Array) -> Array:
        """Observed logit minus the law's. (K, C)."""
        n = np.where(self.data.untuned[self.data.first], 0.0, self.data.effective(draws))
        right = np.clip(law.accuracy(draws, n, self.floor), 1e-4, 1 - 1e-4)
        return np.asarray(self.data.observed - law.logit(right)[:, self.data.kind], dtype=np.float64)

    def log_density(self, draws: Array) -> Array:
        return np.asarray(-(self.residuals(np.clip(draws, -40, 40)) ** 2).sum(axis=1) / 2)

    def mode(self, prior: Array) -> tuple[Array, Array]:
        """Where the posterior peaks, and its normal approximation's covariance (Levenberg-Marquardt)."""
        thinned = prior[:: max(1, len(prior) // 200)]
        theta = thinned[int(np.argmax(self.log_density(thinned)))]
        size, damping, step = len(theta), 1.0, 1e-4
        residual, jacobian = self._linear(theta, step)
        for _ in range(25):
            normal = jacobian.T @ jacobian
            move = np.linalg.solve(normal + damping * np.eye(size), -jacobian.T @ residual)
            trial = theta + np.clip(move, -1.5, 1.5)
            new_residual, new_jacobian = self._linear(trial, step)
            gain = float(residual @ residual - new_residual @ new_residual)
            if gain > 0:
                theta, residual, jacobian, damping = trial, new_residual, new_jacobian, damping / 4
                if gain < 1e-3:
                    break
            else:
                damping *= 6
        return theta, np.asarray(np.linalg.inv(jacobian.T @ jacobian), dtype=np.float64)

    def _linear(self, theta: Array, step: float) -> tuple[Array, Array]:
        found = self.residuals(theta + np.concatenate([np.zeros((1, len(theta))), step * np.eye(len(theta))]))
        return found[0], (found[1:] - found[0]).T / step
