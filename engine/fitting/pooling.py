"""Curves of one group fitted together: partial pooling, and the law of quality x reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.fitting.groups import Array, Forecast, Group, LogScale
from engine.fitting.sampling import Posterior, sample
from engine.fitting.saturating import DRAWS, LOSS_MISFIT, MISFIT, curve, loss_start, middle_of, mixed_draws, whitener

OWN = np.array([0.4, 0.7, 0.5, 0.5, 0.5])
"""Share of each parameter's prior width that is the strategy's own; the rest is the group's."""
QUALITY_SD, REACH_MEAN, REACH_SD = 0.7, 3.0, 2.5
"""Natural logs: quality against the first strategy's, and reach over the middle of the points."""

CurveOf = Callable[[Array, int, Array], Array]
"""(draws (K, D), strategy, places: n (A,), or what else a curve depends on) -> working-scale curve (K, A)."""


@dataclass(frozen=True)
class PooledCurves:
    """Curves whose ceiling, start and shape are drawn from one population: partial pooling across strategies."""

    name: str = "partial pooling"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Joint draws at `at`."""
        middle = middle_of(group)
        starts = [loss_start(series, group) for series in group.series]
        shared = np.sqrt(1 - OWN**2)

        def curve_of(draws: Array, m: int, n: Array) -> Array:
            theta = shared * draws[:, :5] + OWN * draws[:, 5 * (m + 1) : 5 * (m + 2)]
            return curve(theta, n, middle, starts[m])

        return joint(group, [series.n for series in group.series], at, curve_of, 5 * (len(group.series) + 1))


@dataclass(frozen=True)
class QualityReach:
    """The law: effective examples q * R * (1 - exp(-n / R)) of each strategy on one shared curve.

    q of the first strategy is 1: it fixes the scale (docs of `engine.law`). Seeds are no part of it here, as the
    bare engine knows points and nothing else.
    """

    name: str = "quality x reach"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Joint draws at `at`."""
        middle, count = middle_of(group), len(group.series)
        starts = [start for start in (loss_start(series, group) for series in group.series) if start is not None]
        start = float(np.mean(starts)) if starts else None

        def curve_of(draws: Array, m: int, n: Array) -> Array:
            log_q = QUALITY_SD * draws[:, 5 + m - 1] if m else np.zeros(len(draws))
            reach = np.exp(middle + REACH_MEAN + REACH_SD * draws[:, 5 + count - 1 + m])[:, None]
            return curve(draws[:, :5], np.exp(log_q)[:, None] * reach * -np.expm1(-n / reach), middle, start)

        return joint(group, [series.n for series in group.series], at, curve_of, 5 + 2 * count - 1)


def joint(group: Group, own: Sequence[Array], at: Array, curve_of: CurveOf, dimension: int) -> Forecast:
    """Joint draws of all curves at the places `at`; the misfit is averaged over by its evidence.

    `own` holds the places of each strategy's points, in whatever form `curve_of` takes places.
    """
    fits = []
    for misfit in LOSS_MISFIT if isinstance(group.scale, LogScale) else MISFIT:
        whiten = [whitener(series, float(misfit)) for series in group.series]

        def residuals(draws: Array, whiten: list[Array] = whiten) -> Array:
            gaps = [series.value - curve_of(draws, m, own[m]) for m, series in enumerate(group.series)]
            return np.concatenate([gap @ w.T for gap, w in zip(gaps, whiten, strict=True)], axis=1)

        found = sample(residuals, dimension)
        log_evidence = found.log_evidence + sum(float(np.log(np.diag(w)).sum()) for w in whiten)
        fits.append((float(misfit), Posterior(found.draws, found.weights, log_evidence)))
    draws, misfits = mixed_draws(fits, DRAWS)
    noise = np.random.default_rng(100).standard_normal((len(draws), len(group.series))) * misfits[:, None]
    columns = [curve_of(draws, m, at) + noise[:, m, None] for m in range(len(group.series))]
    return Forecast(np.stack(columns, axis=1))
