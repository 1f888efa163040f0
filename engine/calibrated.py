"""Intervals and P(best) of measured advice, made as wide as real curves turned out to need.

The posterior of a handful of cells is too sure of itself where it is extended. The margins are those of the bare curve
engine (`engine.fitting.calibration`), learned on tabular learning curves that were measured whole; the distance of
extrapolation is counted in effective examples. Nobody has published whole curves of the strategies, so the domain is
named wherever the margins are used. Before the user has measured anything there is nothing to extend, and no margin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.domain import Interval
from engine.fitting import calibration
from engine.fitting.calibration import Calibration
from engine.fitting.fit import shipped
from engine.fitting.saturating import SaturatingCurves

Array = NDArray[np.float64]


def margins() -> Calibration:
    """What was learned for curves without a past; FileNotFoundError names the script that learns it."""
    found = shipped(loss=False).get(SaturatingCurves().name)
    if found is None:
        raise FileNotFoundError("data/calibration/tabular.json is missing; run python -m engine.fitting.learn_margins")
    return found


def level(draws: Array, stretch: float) -> Interval:
    """Mean and 80 % interval of an accuracy. `draws` (K,), fractions; `stretch` 0 where nothing was measured."""
    low, high = bounds(draws[:, None], np.array([stretch]))
    return Interval(float(draws.mean()), float(low[0]), float(high[0]))


def difference(draws: Array, stretch: float) -> Interval:
    """The same of a difference between two accuracies, at most 1 either way."""
    low, high = calibration.quantiles(draws, [0.1, 0.9])
    if stretch > 0:
        margin = margins().at(min(stretch, calibration.REFUSE_STRETCH)).difference80
        wide_low, wide_high = calibration.interval(draws, 80, margin)
        low, high = min(low, float(wide_low)), max(high, float(wide_high))
    return Interval(float(draws.mean()), float(max(low, -1.0)), float(min(high, 1.0)))


def bounds(draws: Array, stretch: Array, percent: int = 80) -> tuple[Array, Array]:
    """Low and high end of the intervals at B budgets. `draws` (K, B, ...), `stretch` (B,) -> (B, ...), (B, ...).

    The wider of the posterior's own interval and of its central part with the margin: a pilot with fewer items than
    those that the margins were learned with keeps its own width. `percent` is 80, which the advice shows, or 90.
    """
    low, high = calibration.quantiles(draws, [(100 - percent) / 200, (100 + percent) / 200])
    extended = stretch > 0
    if extended.any():
        margin = margins().read(f"level{percent}", np.minimum(stretch[extended], calibration.REFUSE_STRETCH))
        margin = margin.reshape(-1, *[1] * (draws.ndim - 2))
        inner_low, inner_high = calibration.interval(draws[:, extended], percent, margin)
        low[extended] = np.minimum(low[extended], np.maximum(inner_low, 0.0))
        high[extended] = np.maximum(high[extended], np.minimum(inner_high, 1.0))
    return low, high


def p_best(right: Array, stretch: float) -> Array:
    """Probability that each strategy is best. `right` (K, M) -> (M,), sums to 1; capped where the points are far."""
    known = margins().at(min(stretch, calibration.REFUSE_STRETCH)) if stretch > 0 else None
    # what made other curves' leaders surer is no reason to be surer of this one
    return calibration.p_best(right, known, capped=stretch > calibration.CAP_STRETCH, surer=False)
