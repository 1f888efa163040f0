"""Counts and values -> series on the working scale, with what is known about their noise.

Three parts of the noise are kept apart: the test items (binomial), the training seed (from replicates, under an
informative prior) and the pool (shared by all points of a series).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.fitting.groups import POOL_SD, Array, Group, LogitScale, LogScale, Series

SEED_SD, SEED_DF = 0.01, 4.0
"""Fraction: training seed and order of examples of one run; replicates move it, counted as this many of them."""
ROUGH = 0.003
"""Fraction: a curve is no smoother than this, however many items were scored."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One trained and scored adapter, or one value read elsewhere."""

    strategy: str
    n: float
    correct: float | None = None
    total: float | None = None
    value: float | None = None
    stderr: float | None = None
    pool: str | None = None


def group_of(name: str, rows: Sequence[Observation], scale: LogitScale | LogScale) -> Group:
    """The group that a fit takes; rows of one strategy and one n are replicates. The order of rows does not matter."""
    cells: dict[tuple[str, float], list[Observation]] = defaultdict(list)
    for row in sorted(rows, key=_order):  # sums of floats depend on their order
        cells[row.strategy, row.n].append(row)
    seed_variance = _seed_variance(list(cells.values()))
    series = []
    for strategy in sorted({row.strategy for row in rows}):
        places = sorted(n for s, n in cells if s == strategy)
        read = [_point(cells[strategy, n], scale, seed_variance) for n in places]
        pools = {row.pool for n in places for row in cells[strategy, n] if row.pool is not None}
        series.append(
            Series(
                strategy,
                np.array(places),
                np.array([value for value, _ in read]),
                np.array([variance for _, variance in read]),
                POOL_SD**2 / len(pools) if pools and isinstance(scale, LogitScale) else 0.0,
            )
        )
    return Group(name, tuple(series), scale)


def _order(row: Observation) -> tuple[str, float, float, float, float, float]:
    return (row.strategy, row.n, row.total or 0.0, row.correct or 0.0, row.value or 0.0, row.stderr or 0.0)


def _point(rows: Sequence[Observation], scale: LogitScale | LogScale, seed_variance: float) -> tuple[float, float]:
    """Value and variance of the replicates of one n, working scale."""
    if rows[0].total is not None and isinstance(scale, LogitScale):
        correct, total = _counts(rows)
        share = float((correct.sum() + 0.5) / (total.sum() + 1))
        variance = share * (1 - share) / float(total.sum() + 1) + seed_variance / len(rows) + ROUGH**2
    else:
        values = np.array([row.value for row in rows if row.value is not None])
        share = float(values.mean())
        errors = [row.stderr for row in rows if row.stderr is not None]
        variance = float(np.mean(np.square(errors))) / len(rows) if len(errors) == len(rows) else 0.0
        if len(rows) > 1 and not errors:
            variance = float(values.var(ddof=1)) / len(rows)
    at = np.array([share])
    return float(scale.to_working(at)[0]), variance * float(scale.slope(at)[0]) ** 2


def _counts(rows: Sequence[Observation]) -> tuple[Array, Array]:
    return (
        np.array([row.correct for row in rows], dtype=np.float64),
        np.array([row.total for row in rows], dtype=np.float64),
    )


def _seed_variance(cells: Sequence[Sequence[Observation]]) -> float:
    """Variance between training runs of one cell, beyond that of the items. Fractions squared."""
    excess, freedom = 0.0, 0
    for rows in cells:
        if len(rows) < 2 or rows[0].total is None:
            continue
        correct, total = _counts(rows)
        share = (correct + 0.5) / (total + 1)
        sampling = share.mean() * (1 - share.mean()) / total
        excess += float(((share - share.mean()) ** 2).sum() - (1 - 1 / len(rows)) * sampling.sum())
        freedom += len(rows) - 1
    return max((SEED_DF * SEED_SD**2 + excess) / (SEED_DF + freedom), (SEED_SD / 4) ** 2)
