"""Fine-tuning losses fitted on their first k points and judged beyond them; and how close a fit comes to all of them.

The file has a column for each number of examples (0 included, which no fit uses: the untuned model is not on its own
fine-tuning curve) and a row for each model, with its `family`. Past curves are those of the other families.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from engine.fitting.archive import Archive
from engine.fitting.groups import Array, Forecast, Group, LogScale, Method, Series
from engine.fitting.recorded_losses import STRATEGY, read_losses
from engine.fitting.rivals import LastPoint, LeastSquares
from engine.fitting.saturating import SaturatingCurves

FIRST = (4, 6, 8, 10)


@dataclass(frozen=True)
class Rectified:
    """The rectified scaling law B / (D_l + D^beta) + E by least squares in the log of the loss, several starts."""

    name: str = "rectified law"

    def forecast(self, group: Group, at: Array) -> Forecast:
        """The fitted law at `at`."""
        return Forecast(np.stack([self._fit(series, at) for series in group.series])[None])

    def _fit(self, series: Series, at: Array) -> Array:
        def law(v: Array, n: Array) -> Array:
            log_part = v[0] - np.logaddexp(v[1], v[2] * np.log(n))
            return np.asarray(np.logaddexp(log_part, v[3]), dtype=np.float64)

        found = []
        for beta in (0.2, 0.5, 0.8):
            for log_d in (3.0, 7.0, 11.0):
                for log_e in (-3.0, 0.0):
                    start = [np.log(max(np.exp(series.value[0]) - np.exp(log_e), 0.1)) + log_d, log_d, beta, log_e]
                    found.append(
                        least_squares(
                            lambda v: law(v, series.n) - series.value,
                            start,
                            bounds=([-20, -20, 0.01, -8], [60, 40, 3, 5]),
                            max_nfev=400,
                        )
                    )
        return law(min(found, key=lambda fit: fit.cost).x, at)


def loss_rows(path: Path) -> list[dict[str, Any]]:
    """One row a method: mean log-RMSD over the models in sample and beyond the first k points."""
    recorded = read_losses(path)
    n, losses, families, names = recorded.n, recorded.losses, recorded.families, recorded.names
    past = recorded.archive()
    methods: list[Method] = [past, SaturatingCurves(), Rectified(), LastPoint(), LeastSquares("pow3")]
    rows = []
    for method in methods:
        begun = time.perf_counter()
        whole = [_rmsd(_used(method, family), n, row, len(n)) for row, family in zip(losses, families, strict=True)]
        beyond = {
            k: [_rmsd(_used(method, family), n, row, k) for row, family in zip(losses, families, strict=True)]
            for k in FIRST
        }
        print(f"losses, {method.name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        rows.append(
            {
                "method": method.name,
                "losses_of": f"{len(names)} models",
                "log_rmsd_in_sample": round(float(np.mean(whole)), 4),
                "log_rmsd_beyond": {str(k): round(float(np.mean(found)), 4) for k, found in beyond.items()},
                "log_rmsd_beyond_mean": round(float(np.mean(list(beyond.values()))), 4),
            }
        )
    return rows


def _used(method: Method, family: str) -> Method:
    return method.without(family) if isinstance(method, Archive) else method


def _rmsd(method: Method, n: Array, row: Array, first: int) -> float:
    """Of the median forecast beyond the first points; of all points where all are fitted."""
    series = Series(STRATEGY, n[:first], row[:first], np.zeros(first))
    judged = slice(first, None) if first < len(n) else slice(None)
    draws = method.forecast(Group("", (series,), LogScale()), n[judged]).draws[:, 0]
    return float(np.sqrt(np.mean((np.median(draws, axis=0) - row[judged]) ** 2)))
