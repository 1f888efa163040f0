"""Saturating curves with priors, one for each strategy.

What is left to learn after n examples,

    left(n) = (1 + (n / n_half)^d)^-b          Burr's survival function

which is a power law for d = 1, the rectified scaling law's B / (D_l + n^d) for b = 1 (arXiv 2402.02314) and close
to a Weibull curve for large b. Accuracies are c - (c - s) * left(n) of what lies above chance, losses
L0 * (e + (1 - e) * left(n)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.fitting.groups import Array, Forecast, Group, LogScale, Scale, Series
from engine.fitting.sampling import Posterior, laplace, sample

PARAMETERS = ("level at the end", "level at the start", "half-way point", "steepness", "tail")
"""Of one curve. The first two are the ceiling and the start of an accuracy, the floor and the start of a loss."""
MEANS = np.array([1.2, -0.5, 0.0, -0.2, 0.0])
WIDTHS = np.array([1.6, 1.5, 2.5, 0.5, 0.5])
"""Prior of a curve: logit of the ceiling, logit of the start's share of it, log of n_half over the middle of the
points, log d, log b. Weak: the same for every domain, chosen before any curve was looked at beyond its noise."""
LOSS_MEANS = np.array([-1.0, 0.0, 1.0, -0.5, 0.0])
LOSS_WIDTHS = np.array([2.0, 3.0, 2.5, 0.5, 0.3])
"""The same for a loss: logit of what is left at the end, log of the loss at the start over the first point's."""
MISFIT = np.array([0.03, 0.1, 0.3])
"""Candidates of the standard deviation of a point around its curve, working scale."""
LOSS_MISFIT = np.array([0.001, 0.004, 0.016])
ASSUMED = 0.8
"""A parameter whose posterior is at least this share of its prior's width was not moved by the points."""
DRAWS = 1200


def curve(theta: Array, n: Array, middle: float, loss_start: float | None) -> Array:
    """Working-scale curves. theta (K, 5) standard normal, n (P,) or (K, P) -> (K, P).

    `middle` is the log of the n at which half-way points are expected; `loss_start` the log loss of the first
    point of a loss curve, None for an accuracy.
    """
    loss = loss_start is not None
    value = (LOSS_MEANS if loss else MEANS) + (LOSS_WIDTHS if loss else WIDTHS) * theta
    with np.errstate(over="ignore", divide="ignore"):
        log_x = np.log(np.atleast_2d(n)) - middle - value[:, 2:3]
        power = np.exp(np.minimum(np.exp(value[:, 3:4]) * log_x, 60.0))
        left = np.exp(-np.exp(value[:, 4:5]) * np.log1p(power))
    end = _expit(value[:, 0:1])
    if loss_start is not None:
        return np.asarray(loss_start + value[:, 1:2] + np.log(end + (1 - end) * left), dtype=np.float64)
    share = np.clip(end * (1 - _expit(-value[:, 1:2]) * left), 1e-5, 1 - 1e-5)
    return np.asarray(np.log(share) - np.log1p(-share), dtype=np.float64)


def middle_of(group: Group) -> float:
    """Log of the n around which curves of this group are expected to bend: the middle of the points."""
    n = np.concatenate([series.n[series.n > 0] for series in group.series] or [np.ones(1)])
    return float(np.log(n).mean()) if len(n) else 0.0


def loss_start(series: Series, group: Group) -> float | None:
    """Log loss of the first point; None where values are accuracies."""
    return float(series.value[0]) if isinstance(group.scale, LogScale) else None


def whitener(series: Series, misfit: float) -> Array:
    """(P, P) inverse Cholesky factor of the points' covariance, with a misfit of its own at every point."""
    covariance = np.diag(series.variance + misfit**2) + series.pool_variance
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)), dtype=np.float64)


@dataclass(frozen=True)
class SaturatingCurves:
    """An independent curve for each strategy."""

    name: str = "saturating curve"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Draws at `at`; the misfit is averaged over by its evidence."""
        middle = middle_of(group)
        columns, assumed = [], []
        for place, series in enumerate(group.series):
            fits = curve_posteriors(group, series, middle)
            values = self._reached(group, series, fits, at, place)
            for better in series.better:
                surer = self._reached(group, better, curve_posteriors(group, better, middle), at, place)
                values = no_narrower(values, surer, group.scale)
            columns.append(np.random.default_rng(100 + place).permutation(values))
            assumed += unmoved(series.strategy, fits)
        return Forecast(np.stack(columns, axis=1), tuple(assumed))

    def _reached(
        self, group: Group, series: Series, fits: list[tuple[float, Posterior]], at: Array, place: int
    ) -> Array:
        draws, misfit = mixed_draws(fits, DRAWS)
        values = curve(draws, at, middle_of(group), loss_start(series, group))
        # the misfit is the curve's own: one draw moves all of it
        return values + (np.random.default_rng(300 + place).standard_normal(len(draws)) * misfit)[:, None]


def no_narrower(values: Array, surer: Array, scale: Scale) -> Array:
    """Draws (K, A) spread around their median until they are as wide as those of better measured points.

    A posterior can be surer about few data than about more of the same: a prior that few points cannot contradict is
    narrower than what they say once they are many. Then the doubt is taken from there.
    """
    # losses are judged by ratios: the logarithm is where their widths are compared
    own, better = (values, surer) if isinstance(scale, LogScale) else map(scale.to_natural, (values, surer))
    marks = np.array([0.2, 0.3, 0.7, 0.8])
    width, wanted = (np.quantile(draws, marks, axis=0) for draws in (own, better))
    middle = np.median(own, axis=0)
    factor = np.max((wanted[:1:-1] - wanted[:2]) / np.maximum(width[:1:-1] - width[:2], 1e-12), axis=0)
    spread = middle + factor * (own - middle)
    return np.where(factor > 1, spread if isinstance(scale, LogScale) else scale.to_working(spread), values)


def curve_posteriors(group: Group, series: Series, middle: float) -> list[tuple[float, Posterior]]:
    """(misfit, posterior) of one curve for every candidate misfit; evidences are comparable."""
    start = loss_start(series, group)
    fits = []
    for misfit in LOSS_MISFIT if start is not None else MISFIT:

        def residuals(value: Array, whiten: Array, theta: Array) -> Array:
            return np.asarray((value - curve(theta, series.n, middle, start)) @ whiten.T, dtype=np.float64)

        whiten = whitener(series, float(misfit))
        found = sample(partial(residuals, series.value, whiten), 5)
        log_evidence = found.log_evidence + float(np.log(np.diag(whiten)).sum())
        if (judged := series.judged) is not None:
            whiten = whitener(judged, float(misfit))
            log_evidence = laplace(partial(residuals, judged.value, whiten), 5)
            log_evidence += float(np.log(np.diag(whiten)).sum())
        fits.append((float(misfit), Posterior(found.draws, found.weights, log_evidence)))
    return fits


def mixed_draws(fits: list[tuple[float, Posterior]], count: int) -> tuple[Array, Array]:
    """`count` draws over the candidates by their evidence, and the misfit that belongs to each."""
    evidence = np.array([fit.log_evidence for _, fit in fits])
    share = np.exp(evidence - evidence.max())
    taken = np.round(count * share / share.sum()).astype(int)
    taken[int(np.argmax(taken))] += count - taken.sum()
    draws = [fit.resample(k) for (_, fit), k in zip(fits, taken, strict=True) if k]
    misfits = [np.full(k, misfit) for (misfit, _), k in zip(fits, taken, strict=True) if k]
    return np.concatenate(draws), np.concatenate(misfits)


def unmoved(strategy: str, fits: list[tuple[float, Posterior]]) -> list[str]:
    """Names of the parameters that the points did not narrow."""
    best = max(fits, key=lambda fit: fit[1].log_evidence)[1]
    return [f"{strategy}: {name}" for name, w in zip(PARAMETERS, best.widths(), strict=True) if w >= ASSUMED]


def _expit(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float64)
