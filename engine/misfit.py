"""How far the law may be off on the user's task: a random walk per strategy, on the logit scale.

    logit p(n) = law(n) + delta_m(log(1 + n / S)),    delta_m ~ Wiener process, sd^2 per LENGTH

The walk starts at 0 with the seeds alone, where all strategies are one training set and there is nothing
to deviate by. Where the user measured, the curve follows the points; beyond the last one it keeps that
point's deviation, and its width grows with the distance in log examples. A process that forgets would
let a curve fall back to the law, and so promise less for more data. The scale is chosen from `SCALES` by
the user's own points (`posterior.refit`): data that the law explains leave it small.
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
"""Natural logs of examples per seed over which a deviation walks by one standard deviation; of seeds over which
it is forgotten. A guess."""


@dataclass(frozen=True)
class Places:
    """Training sets, as far as a deviation depends on them."""

    strategy: NDArray[np.intp]
    """(C,) 0 to 3; -1 for a baseline, which deviates by nothing."""
    seeds: Array
    examples: Array

    def covariance(self, other: Places, sd: float) -> Array:
        """Prior covariance of the deviations at two lists of places. (C, D)."""
        same = (self.strategy[:, None] == other.strategy) & (self.strategy >= 0)[:, None]
        walked = np.minimum(self._far()[:, None], other._far()) / LENGTH
        moved = np.log(self.seeds)[:, None] - np.log(other.seeds)
        return np.asarray(sd**2 * same * walked * np.exp(-(moved**2) / (2 * LENGTH**2)), dtype=np.float64)

    def _far(self) -> Array:
        return np.log1p(self.examples / self.seeds)


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
    pools: NDArray[np.intp]
    """(C,) which pool of its strategy each measured cell was cut from."""
    sampling: Array
    """(C,) variance of the observed logits by the number of test items."""
    likeness: float
    """Mean correlation of the cells' item outcomes, 0 where it is not known: they share their test items."""

    def at(self, places: Places) -> tuple[Array, Array]:
        """Mean by draw (K, B) and standard deviation (B,) of the deviation at B places."""
        to_cells = places.covariance(self.places, self.sd)
        gain = to_cells @ self.precision
        variance = np.diag(places.covariance(places, self.sd)) - (gain * to_cells).sum(axis=1)
        return self.residuals @ gain.T, np.sqrt(np.maximum(variance, 0.0))
