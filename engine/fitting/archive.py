"""Curves measured before, on other tasks: a strategy is expected to go on as it went on elsewhere.

Every past curve of the same strategy, moved along the budget axis by up to three doublings and up or down by a
normal offset, is a hypothesis about the new one; the points weigh them. A saturating curve with a weak prior stands in
for what nobody has seen yet, and alone speaks for a strategy without a past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.fitting import saturating
from engine.fitting.groups import Array, Forecast, Group, LogScale, Series
from engine.fitting.sampling import Posterior

SHIFTS = np.log(2) * np.arange(-3.0, 3.5, 0.5)
SHIFT_SD = 1.5 * float(np.log(2))
"""Natural logs: how far along the budget axis a past curve is expected to be moved."""
OFFSET_SD, LOSS_OFFSET_SD = 1.5, 0.5
"""Working scale: how far up or down."""
UNLIKE, LOSS_UNLIKE = 0.1, 0.01
"""Working scale: how far a point lies from the past curve that its own curve resembles."""
UNSEEN = 0.2
"""Prior share of curves that are like none of the past."""
BEYOND = 0.05
"""Natural logs by which a past curve may be read beyond its ends."""


@dataclass(frozen=True, slots=True)
class PastCurve:
    """A whole curve of one strategy on one task."""

    task: str
    strategy: str
    n: Array
    """(P,) above 0, rising."""
    value: Array
    """(P,) working scale."""


@dataclass(frozen=True)
class Archive:
    """Past curves, and the forecasts that they allow."""

    curves: tuple[PastCurve, ...]
    name: str = "past curves"

    def without(self, task: str) -> Archive:
        """The archive as it would be had that task never been seen."""
        return Archive(tuple(c for c in self.curves if c.task != task), self.name)

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Draws at `at`, each strategy by itself. Past curves that end before the largest of `at` do not speak."""
        middle = saturating.middle_of(group)
        columns = []
        for place, series in enumerate(group.series):
            rng = np.random.default_rng(200 + place)
            unseen = saturating.curve_posteriors(group, series, middle)
            columns.append(rng.permutation(self._draws(group, series, unseen, at, rng)))
        return Forecast(np.stack(columns, axis=1))

    def _draws(
        self, group: Group, series: Series, unseen: list[tuple[float, Posterior]], at: Array, rng: np.random.Generator
    ) -> Array:
        values, log_prior = self._hypotheses(series, at)
        count = saturating.DRAWS
        alike = 0
        if len(values):
            log_weight, ends, doubt = _weigh(series, values, isinstance(group.scale, LogScale))
            log_weight += log_prior
            top = float(log_weight.max())
            weight = np.exp(log_weight - top)
            past = np.log(1 - UNSEEN) + top + float(np.log(weight.sum()))
            best = max(fit.log_evidence for _, fit in unseen)
            new = np.log(UNSEEN) + best + float(np.log(np.mean([np.exp(f.log_evidence - best) for _, f in unseen])))
            alike = round(count / (1 + np.exp(np.clip(new - past, -50, 50))))
        out = []
        if alike:
            edges = (np.arange(alike) + 0.5) / alike
            picks = np.minimum(np.searchsorted(np.cumsum(weight / weight.sum()), edges), len(ends) - 1)
            out.append(ends[picks] + (doubt * rng.standard_normal(alike))[:, None])
        if alike < count:
            draws, misfit = saturating.mixed_draws(unseen, count - alike)
            middle = saturating.middle_of(group)
            curves = saturating.curve(draws, at, middle, saturating.loss_start(series, group))
            out.append(curves + (misfit * rng.standard_normal(len(draws)))[:, None])
        return np.concatenate(out)

    def _hypotheses(self, series: Series, at: Array) -> tuple[Array, Array]:
        """Past curves read at the points and at `at`, (J, P + A), and the log prior of each, (J,)."""
        wanted = np.log(np.concatenate([series.n[series.n > 0], at]))
        values, log_prior = [], []
        for past in self.curves:
            if past.strategy != series.strategy:
                continue
            log_n = np.log(past.n)
            low, high = wanted.min() + SHIFTS, wanted.max() + SHIFTS
            shifts = SHIFTS[(low >= log_n[0] - BEYOND) & (high <= log_n[-1] + BEYOND)]
            if len(shifts):
                read = np.interp((wanted + shifts[:, None]).ravel(), log_n, past.value)
                values.append(read.reshape(len(shifts), -1))
                log_prior.append(-0.5 * (shifts / SHIFT_SD) ** 2)
        if not values:
            return np.empty((0, len(wanted))), np.empty(0)
        prior = np.concatenate(log_prior)
        return np.concatenate(values), prior - np.log(np.exp(prior).sum())


def _weigh(series: Series, values: Array, loss: bool) -> tuple[Array, Array, float]:
    """Log likelihood (J,), values at the ends (J, A) and their standard deviation, the offset integrated out."""
    offset_sd, unlike = (LOSS_OFFSET_SD, LOSS_UNLIKE) if loss else (OFFSET_SD, UNLIKE)
    seen = series.n > 0
    points = int(seen.sum())
    covariance = np.diag(series.variance[seen] + unlike**2) + series.pool_variance + offset_sd**2
    precision = np.linalg.inv(covariance)
    gap = series.value[seen] - values[:, :points]
    log_likelihood = -0.5 * np.einsum("jp,pq,jq->j", gap, precision, gap)
    log_likelihood -= 0.5 * float(np.linalg.slogdet(covariance)[1])
    ones = np.ones(points)
    offset = offset_sd**2 * (gap @ precision @ ones)
    doubt = offset_sd**2 - offset_sd**4 * float(ones @ precision @ ones)
    return log_likelihood, values[:, points:] + offset[:, None], float(np.sqrt(max(doubt, 0.0)))
