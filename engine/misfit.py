"""How far the law may be off on the user's task: a Gaussian process per strategy, on the logit scale.

    logit p(n) = law(n) + made(n) * delta_m(log(S + n)),    delta_m ~ GP(0, sd^2 * exp(-d^2 / (2 LENGTH^2)))

`made` is the share of generated examples: with seeds alone all strategies are one training set and
there is nothing to deviate by. Where the user measured, the curve follows the points; away from them
the deviation goes back to nothing known, at its full width. The scale is chosen from `SCALES` by the
user's own points (`curves.refit`): data that the law explains leave it small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.law import Array

SCALES = (0.1, 0.2, 0.4, 0.8)
"""Candidates of the deviation's standard deviation, logit scale."""
SCALE_PRIOR = 0.3
"""Half-normal prior of that standard deviation: most tasks are expected to keep to the law. A guess."""
LENGTH = float(np.log(4.0))
"""Natural logs of the number of examples over which a deviation persists. A guess."""


@dataclass(frozen=True)
class Places:
    """Training sets, as far as a deviation depends on them."""

    strategy: NDArray[np.intp]
    """(C,) 0 to 3; -1 for a baseline, which deviates by nothing."""
    seeds: Array
    examples: Array

    def covariance(self, other: Places, sd: float) -> Array:
        """Prior covariance of the deviations at two lists of places. (C, D)."""
        distance = np.log(self.seeds + self.examples)[:, None] - np.log(other.seeds + other.examples)
        same = (self.strategy[:, None] == other.strategy) & (self.strategy >= 0)[:, None]
        near = np.exp(-(distance**2) / (2 * LENGTH**2))
        return np.asarray(sd**2 * same * near * self._made()[:, None] * other._made(), dtype=np.float64)

    def _made(self) -> Array:
        return np.asarray(self.examples / (self.seeds + self.examples), dtype=np.float64)


@dataclass(frozen=True)
class Misfit:
    """The deviation given the user's points."""

    sd: float
    places: Places
    """Of the C measured cells."""
    precision: Array
    """(C, C) inverse covariance of the observed logits around the law, deviations and noise together."""
    residuals: Array
    """(K, C) observed logit minus the law's, by draw."""

    def at(self, places: Places) -> tuple[Array, Array]:
        """Mean by draw (K, B) and standard deviation (B,) of the deviation at B places."""
        to_cells = places.covariance(self.places, self.sd)
        gain = to_cells @ self.precision
        variance = np.diag(places.covariance(places, self.sd)) - (gain * to_cells).sum(axis=1)
        return self.residuals @ gain.T, np.sqrt(np.maximum(variance, 0.0))
