"""What cells would show, and how far it would move what each strategy reaches in the end, given the points so far.

A result at one budget speaks of another budget as far as the law does, and as far as the deviation from it has walked
the same way (`engine.misfit`): the walk between the two is not seen. And a cell on a pool and on test items that were
used before tells less than a first one, since that pool and those items are in what is known already: of another
replicate only its training seed is new. Both are in the covariances here,

    result = law(cell) + deviation(cell) + pool + items + training seed        on the logit scale,

all of it given the measured cells, draw by draw of the law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import law
from engine.case import Case
from engine.curves import UNMEASURED
from engine.domain import Cell, Strategy
from engine.fitting import design
from engine.law import Array
from engine.misfit import Places
from engine.posterior import POOL_SD, SEED_SD

ITEMS = 300
"""Test items that are assumed where the situation does not say."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """C results that could be bought, M strategies at the end."""

    cross: Array
    """(M, C) covariance of what a strategy reaches (a fraction) with a result (a logit)."""
    inner: Array
    """(C, C) covariance of the results, their noise among it."""

    def gain(self, reached: Array, chosen: Sequence[int]) -> float:
        """Expected rise of the best end, in fractions, when these results are seen; `reached` (M,) is expected now."""
        cells = list(chosen)
        return design.gain(reached, self.cross[:, cells], self.inner[np.ix_(cells, cells)])


def foreseen(case: Case, cells: Sequence[Cell]) -> Foreseen:
    """Of cells of the case's strategies, each a training of its own, and the ends that the situation's budget buys."""
    situation, misfit = case.situation, case.fitted.misfit
    index = {strategy: m for m, strategy in enumerate(case.strategies)}
    count = len(index)
    strategy = np.array([*range(count), *(index[Strategy(cell.arm)] for cell in cells)])
    seeds = np.array([float(situation.seeds)] * count + [float(cell.seeds) for cell in cells])
    queries = [float(situation.queries)] * count + [float(cell.budget) for cell in cells]
    examples = np.array([case.examples(q)[m] for q, m in zip(queries, strategy, strict=True)])
    expected, made = _by_the_law(case, strategy, seeds, examples)
    right = law.expit(expected).mean(axis=0)
    places = Places(strategy, seeds, examples)
    pools = np.array([-1] * count + [cell.pool for cell in cells])
    noise = _noise(case, _same_pool(places, pools, places, pools)[count:, count:], right[count:])
    if misfit is not None:
        known = places.covariance(misfit.places, misfit.sd)
        known += POOL_SD**2 * _same_pool(places, pools, misfit.places, misfit.pools)
        items = np.concatenate([np.zeros(count), 1 / np.sqrt(_counts(case, right[count:]))])
        known += misfit.likeness * items[:, None] * np.sqrt(misfit.sampling)
        gain = known @ misfit.precision
        expected = expected + misfit.residuals @ gain.T
        doubt = places.covariance(places, misfit.sd) - gain @ known.T
        if case.fitted.unmeasured is not None:
            alone = case.fitted.unmeasured[strategy] * UNMEASURED * made
            doubt += np.outer(alone, alone) * (strategy[:, None] == strategy)
    else:
        doubt = np.zeros((len(strategy), len(strategy)))
    doubt[count:, count:] += noise
    doubt = _semidefinite(doubt)
    doubt[count:, count:] += SEED_SD**2 * np.eye(len(cells))
    off = expected - expected.mean(axis=0)
    reached = law.expit(expected[:, :count])
    slope = (reached * (1 - reached)).mean(axis=0)
    results = off[:, count:]
    cross = (reached - reached.mean(axis=0)).T @ results / len(off) + slope[:, None] * doubt[:count, count:]
    return Foreseen(cross, results.T @ results / len(off) + doubt[count:, count:])


def _by_the_law(case: Case, strategy: NDArray[np.intp], seeds: Array, examples: Array) -> tuple[Array, Array]:
    """Logit accuracy (K, P) of P training sets, and which share of each is generated (P,)."""
    draws = case.fitted.draws
    n = law.effective_alone(draws, seeds, strategy, examples)
    alone = law.effective_alone(draws, seeds, strategy, np.zeros_like(examples))
    right = np.clip(law.accuracy(draws, n, case.fitted.floor), 1e-4, 1 - 1e-4)
    return law.logit(right), np.median(1 - alone / n, axis=0)


def _counts(case: Case, right: Array) -> Array:
    """Items of a result times the variance of one: the inverse of a logit's sampling variance. (C,)."""
    return (case.situation.test_items or ITEMS) * np.clip(right * (1 - right), 0.01, 0.25)


def _noise(case: Case, same: NDArray[np.bool_], right: Array) -> Array:
    """Prior covariance of what is neither the curve nor the training seed: items, and the pool where two results have
    the `same`. (C, C)."""
    sampling = 1 / _counts(case, right)
    likeness = 0.0 if case.fitted.misfit is None else case.fitted.misfit.likeness
    shared = likeness * np.sqrt(np.outer(sampling, sampling))
    return np.asarray(POOL_SD**2 * same + shared + np.diag((1 - likeness) * sampling), dtype=np.float64)


def _semidefinite(covariance: Array) -> Array:
    """The nearest covariance: that all pairs of cells are equally alike is an approximation."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T, dtype=np.float64)


def _same_pool(places: Places, pools: NDArray[np.intp], others: Places, theirs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether a training set is cut from the pool of another one; ends come from no pool yet. (P, O)."""
    same = (places.strategy[:, None] == others.strategy) & (places.seeds[:, None] == others.seeds)
    return np.asarray(same & (pools[:, None] == theirs), dtype=np.bool_)
