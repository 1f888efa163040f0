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
AS_IF_ITEMS, AS_IF_SD, AS_IF_LOSS_SD = 1000.0, 0.018, 0.004
"""The noise by which the misfit is chosen, whatever the points' own: so many test items; for values with standard
errors the fraction, or for losses the share of the value, that comes to about the same."""


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
    seeds: float | None = None


def group_of(name: str, rows: Sequence[Observation], scale: LogitScale | LogScale) -> Group:
    """The group that a fit takes; rows of one strategy and one n are replicates. The order of rows does not matter."""
    cells: dict[tuple[str, float, float], list[Observation]] = defaultdict(list)
    for row in sorted(rows, key=_order):  # sums of floats depend on their order
        cells[row.strategy, row.seeds or 0.0, row.n].append(row)
    seed_variance = _seed_variance(list(cells.values()))
    series = []
    for strategy in sorted({row.strategy for row in rows}):
        places = sorted(place for place in cells if place[0] == strategy)
        read = [_point(cells[place], scale, seed_variance) for place in places]
        pools = {row.pool for place in places for row in cells[place] if row.pool is not None}
        series.append(
            Series(
                strategy,
                np.array([n for _, _, n in places]),
                np.array([point.value for point in read]),
                np.array([point.variance for point in read]),
                POOL_SD**2 / len(pools) if pools and isinstance(scale, LogitScale) else 0.0,
                None
                if any(point.as_if is None for point in read)
                else tuple(np.array([point.as_if for point in read]).T),
                np.array([seeds for _, seeds, _ in places]) if rows[0].seeds is not None else None,
            )
        )
    return Group(name, tuple(series), scale)


def _order(row: Observation) -> tuple[str, float, float, float, float, float, float]:
    return (
        row.strategy,
        row.seeds or 0.0,
        row.n,
        row.total or 0.0,
        row.correct or 0.0,
        row.value or 0.0,
        row.stderr or 0.0,
    )


@dataclass(frozen=True, slots=True)
class _Point:
    """The replicates of one n, working scale."""

    value: float
    variance: float
    as_if: tuple[float, float] | None
    """Value and variance as if measured well; None where nothing is known of the noise."""


def _point(rows: Sequence[Observation], scale: LogitScale | LogScale, seed_variance: float) -> _Point:
    def working(share: float, variance: float) -> tuple[float, float]:
        at = np.array([share])
        return float(scale.to_working(at)[0]), variance * float(scale.slope(at)[0]) ** 2

    if rows[0].total is not None and isinstance(scale, LogitScale):
        correct, total = _counts(rows)
        share = float((correct.sum() + 0.5) / (total.sum() + 1))
        variance = share * (1 - share) / float(total.sum() + 1) + seed_variance / len(rows) + ROUGH**2
        many = float((correct.sum() / total.sum() * AS_IF_ITEMS + 0.5) / (AS_IF_ITEMS + 1))
        return _Point(
            *working(share, variance),
            as_if=working(many, many * (1 - many) / (AS_IF_ITEMS + 1) + SEED_SD**2 + ROUGH**2),
        )
    values = np.array([row.value for row in rows if row.value is not None])
    share = float(values.mean())
    errors = [row.stderr for row in rows if row.stderr is not None]
    variance = float(np.mean(np.square(errors))) / len(rows) if len(errors) == len(rows) else 0.0
    if len(rows) > 1 and not errors:
        variance = float(values.var(ddof=1)) / len(rows)
    known = AS_IF_SD if isinstance(scale, LogitScale) else AS_IF_LOSS_SD * share
    return _Point(*working(share, variance), as_if=working(share, known**2) if variance else None)


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
