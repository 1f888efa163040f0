"""What the curves have to beat: the last point, least squares, a straight line, a Gaussian process, a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.fitting.groups import Array, Forecast, Group, LogScale, Series
from engine.fitting.saturating import DRAWS, middle_of

STEEPNESS = np.geomspace(0.01, 5.0, 60)
FLOOR_SD = 0.01
"""Natural scale, added to every point's standard error: no point weighs infinitely much in a least-squares fit."""


@dataclass(frozen=True)
class LastPoint:
    """Nothing changes after the largest pilot."""

    name: str = "last point"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """The largest pilot's value, everywhere."""
        return _single([np.full(len(at), series.value[-1]) for series in group.series])


@dataclass(frozen=True)
class LeastSquares:
    """`pow3` a - b n^-c, `pow4` a - b (n + d)^-c, `mmf4` a - b / (1 + (n / d)^c): weighted least squares.

    Fitted on the natural scale with 0 <= a <= 1 and b >= 0 for accuracies, a >= 0 and b <= 0 for losses. The two
    linear parameters are solved for exactly on a grid of the others, which is then made finer twice around its best.
    """

    name: str

    def forecast(self, group: Group, at: Array) -> Forecast:
        """The fitted curve at `at`."""
        return _single([self._fit(series, group, at) for series in group.series])

    def _fit(self, series: Series, group: Group, at: Array) -> Array:
        y = group.scale.to_natural(series.value)
        sd = np.sqrt(series.variance) / group.scale.slope(y)
        weight = 1 / (sd**2 + (FLOOR_SD * (np.abs(y).max() if isinstance(group.scale, LogScale) else 1.0)) ** 2)
        middle = float(np.exp(middle_of(group)))
        steep = STEEPNESS
        inner = np.zeros(1) if self.name == "pow3" else np.geomspace(0.01, 1000, 30) * middle
        loss = isinstance(group.scale, LogScale)
        for _ in range(3):
            c, d = (grid.ravel() for grid in np.meshgrid(steep, inner))
            a, b, cost = _linear(self._feature(series.n, c, d), y, weight, loss)
            best = int(np.argmin(cost))
            steep = np.geomspace(max(c[best] / 1.2, 0.01), min(c[best] * 1.2, 5.0), 15)
            inner = inner if self.name == "pow3" else np.geomspace(d[best] / 1.5, d[best] * 1.5, 12)
        ends = a[best] - b[best] * self._feature(at, c[best : best + 1], d[best : best + 1])[0]
        return group.scale.to_working(np.maximum(ends, 1e-6) if loss else np.clip(ends, 0.0, 1.0))

    def _feature(self, n: Array, c: Array, d: Array) -> Array:
        """What the linear parameter b multiplies. (G, P)."""
        with np.errstate(divide="ignore", over="ignore"):
            if self.name == "mmf4":
                return np.asarray(1 / (1 + (n / d[:, None]) ** c[:, None]), dtype=np.float64)
            return np.asarray(np.maximum(n + d[:, None], 0.5) ** -c[:, None], dtype=np.float64)


def _linear(feature: Array, y: Array, weight: Array, loss: bool) -> tuple[Array, Array, Array]:
    """Best a, b and cost of a - b * feature under the bounds, for every row of `feature` (G, P)."""
    total = weight.sum()
    mean_y, mean_f = (weight @ y) / total, (feature @ weight) / total
    spread = ((feature - mean_f[:, None]) ** 2) @ weight
    shared = (feature - mean_f[:, None]) @ (weight * (y - mean_y))
    b = -np.divide(shared, spread, out=np.zeros_like(shared), where=spread > 1e-300)
    b = np.minimum(b, 0.0) if loss else np.maximum(b, 0.0)
    a = mean_y + b * mean_f
    top = np.inf if loss else 1.0
    bounded = np.clip(a, 0.0, top)
    # where a hits its bound, b alone is solved for again
    square = (feature**2) @ weight
    again = np.divide((feature * (bounded[:, None] - y)) @ weight, square, out=np.zeros_like(b), where=square > 1e-300)
    again = np.minimum(again, 0.0) if loss else np.maximum(again, 0.0)
    b = np.where(bounded == a, b, again)
    cost = ((bounded[:, None] - b[:, None] * feature - y) ** 2) @ weight
    return bounded, b, cost


@dataclass(frozen=True)
class LogLinear:
    """A straight line of the working scale in log n, by weighted least squares; rising only."""

    name: str = "logit-linear"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """The line at `at`."""
        ends = []
        for series in group.series:
            seen = series.n > 0
            x, y = np.log(series.n[seen]), series.value[seen]
            weight = 1 / (series.variance[seen] + 1e-4)
            centre, level = float(weight @ x) / float(weight.sum()), float(weight @ y) / float(weight.sum())
            spread = float(weight @ (x - centre) ** 2)
            slope = float(weight @ ((x - centre) * (y - level))) / spread if spread > 0 else 0.0
            rising = max(slope, 0.0) if group.scale.higher_is_better else min(slope, 0.0)
            ends.append(np.asarray(level + rising * (np.log(at) - centre), dtype=np.float64))
        return _single(ends)


@dataclass(frozen=True)
class GaussianProcess:
    """A Gaussian process with a power-law mean on the working scale; hyperparameters averaged by their evidence."""

    name: str = "Gaussian process"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Draws at `at`, each strategy by itself."""
        rng = np.random.default_rng(300)
        return Forecast(np.stack([self._draws(series, at, rng) for series in group.series], axis=1))

    def _draws(self, series: Series, at: Array, rng: np.random.Generator) -> Array:
        seen = series.n > 0
        n, y = series.n[seen], series.value[seen]
        everywhere = np.concatenate([n, at])
        x, points = np.log(everywhere), len(n)
        noise = np.diag(series.variance[seen] + 1e-6) + series.pool_variance
        found = []
        for power in (0.1, 0.3, 0.6, 1.0):
            feature = (everywhere / n.min()) ** -power
            for sd in (0.05, 0.2, 0.5):
                near = np.exp(-((x[:, None] - x) ** 2) / (2 * 2.0**2))
                prior = 2.0**2 + 3.0**2 * feature[:, None] * feature + sd**2 * near
                k = prior[:points, :points] + noise
                root = np.linalg.cholesky(k)
                solved = np.linalg.solve(k, np.column_stack([y, prior[:points, points:]]))
                mean = prior[points:, :points] @ solved[:, 0]
                covariance = prior[points:, points:] - prior[points:, :points] @ solved[:, 1:]
                log_evidence = -0.5 * float(y @ solved[:, 0]) - float(np.log(np.diag(root)).sum())
                found.append((log_evidence, mean, covariance))
        evidence = np.array([f[0] for f in found])
        share = np.exp(evidence - evidence.max())
        picks = rng.choice(len(found), DRAWS, p=share / share.sum())
        noise_draws = rng.standard_normal((DRAWS, len(at)))
        roots = [np.linalg.cholesky(c + 1e-9 * np.eye(len(at))) for _, _, c in found]
        return np.stack([found[p][1] + roots[p] @ z for p, z in zip(picks, noise_draws, strict=True)])


@dataclass(frozen=True)
class BayesianMixture:
    """Power, MMF and Weibull curves under one weak prior, weighed by the points (the reference of earlier trials)."""

    name: str = "Bayesian mixture"
    bank: int = 8000

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Draws at `at`, each strategy by itself. Accuracies only."""
        rng = np.random.default_rng(400)
        size = self.bank
        family = rng.integers(0, 3, size)[:, None]
        half = np.exp(middle_of(group) + 2.5 * rng.standard_normal(size))[:, None]
        steep = np.exp(-0.4 + 0.6 * rng.standard_normal(size))[:, None]
        end = 1 / (1 + np.exp(-(1.2 + 1.6 * rng.standard_normal(size))))
        start = (end * rng.beta(1, 1.5, size))[:, None]

        def values(n: Array) -> Array:
            ratio = n[None, :] / half
            power = ratio**steep
            learned = np.where(
                family == 0,
                1 - (1 + ratio) ** -steep,
                np.where(family == 1, power / (1 + power), -np.expm1(-np.minimum(power, 700))),
            )
            share = np.clip(start + (end[:, None] - start) * learned, 1e-3, 1 - 1e-3)
            return np.asarray(np.log(share) - np.log1p(-share), dtype=np.float64)

        columns = []
        for series in group.series:
            gap = (series.value - values(series.n)) / np.sqrt(series.variance + 0.1**2)
            weight = np.exp(-0.5 * ((gap**2).sum(axis=1) - (gap**2).sum(axis=1).min()))
            edges = (np.arange(DRAWS) + 0.5) / DRAWS
            picks = np.minimum(np.searchsorted(np.cumsum(weight / weight.sum()), edges), size - 1)
            columns.append(rng.permutation(values(at)[picks]))
        return Forecast(np.stack(columns, axis=1))


def _single(ends: list[Array]) -> Forecast:
    return Forecast(np.stack(ends)[None])
