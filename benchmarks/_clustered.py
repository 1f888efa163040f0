"""Means with intervals over what decisions have in common: data sets, or worlds of the atlas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOOTSTRAPS = 1000

Array = NDArray[Any]


def estimate(values: Sequence[float] | Array, clusters: Sequence[str] | Array, digits: int = 2) -> dict[str, Any]:
    """Mean with its 90 % interval."""
    found = np.asarray(values, dtype=np.float64)
    return {"mean": round(float(found.mean()), digits), "interval90": interval90(found, clusters, digits)}


def interval90(values: Array, clusters: Sequence[str] | Array, digits: int = 2) -> list[float] | None:
    """Of the mean, by a bootstrap over clusters; None where there is one: it says nothing of others."""
    names, index = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return None
    total = np.bincount(index, weights=np.asarray(values, dtype=np.float64))
    count = np.bincount(index)
    picks = np.random.default_rng(5).integers(0, len(names), (BOOTSTRAPS, len(names)))
    means = total[picks].sum(axis=1) / count[picks].sum(axis=1)
    return [round(float(q), digits) for q in np.quantile(means, [0.05, 0.95])]


def bins(said: Array, came_true: Array, clusters: Array, count: int, unit: str) -> list[dict[str, Any]]:
    """Decisions by rising P(best) of what was chosen, in `count` bins of one size; `unit` is what tables call them."""
    rows = []
    for inside in np.array_split(np.argsort(said, kind="stable"), count):
        gap = 100 * (came_true[inside] - said[inside])
        rows.append(
            {
                "from": round(float(said[inside].min()), 3),
                "to": round(float(said[inside].max()), 3),
                unit: len(inside),
                "said": round(float(said[inside].mean()), 3),
                "came_true": round(float(came_true[inside].mean()), 3),
                "gap_points": round(float(gap.mean()), 1),
                "gap_90": interval90(gap, clusters[inside]),
            }
        )
    return rows
