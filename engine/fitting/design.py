"""What to measure next: the cells whose results are expected to improve the final choice most per unit of cost.

The value of a set of cells is the knowledge gradient with correlated beliefs (Frazier, Powell and Dayanik 2009): with
joint draws of what the cells would show and of what each strategy reaches at the end, results move the expected ends
linearly, and the gain is how much the largest of them is expected to rise,

    gain = E max_s (m_s + d_s) - max_s m_s,    d ~ normal(0, C (V + noise)^-1 C'),

C the covariance of ends and results, V that of the results. One more run of a single strategy often cannot change the
choice although two together could, so sets of cells are weighed as well as single ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.fitting.groups import Array

OUTCOMES = 512
"""Results imagined for each set, the same random numbers for all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of cells that could be bought together."""

    cells: tuple[int, ...]
    """Columns of the draws of results."""
    cost: float
    """Above 0, in any unit."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What a candidate is expected to bring."""

    candidate: Candidate
    gain: float
    """Expected rise of the final value of the chosen strategy, in the unit of the ends; never negative."""

    @property
    def per_cost(self) -> float:
        """Gain per unit of cost."""
        return self.gain / self.candidate.cost


def worths(ends: Array, results: Array, noise: Array, candidates: Sequence[Candidate], seed: int = 17) -> list[Worth]:
    """Each candidate's worth. `ends` (K, S) and `results` (K, C) are joint draws, `noise` (C,) variances of a result.

    A cell may stand in a candidate more than once: replicates of it, each with noise of its own.
    """
    mean = ends.mean(axis=0)
    off_ends, off_results = ends - mean, results - results.mean(axis=0)
    cross = off_ends.T @ off_results / len(ends)
    inner = off_results.T @ off_results / len(ends)
    out = []
    for candidate in candidates:
        cells = list(candidate.cells)
        seen = inner[np.ix_(cells, cells)] + np.diag(noise[cells])
        out.append(Worth(candidate, gain(mean, cross[:, cells], seen, seed)))
    return out


def gain(mean: Array, cross: Array, seen: Array, seed: int = 17) -> float:
    """Expected rise of the largest of the ends, whose means are `mean` (S,), when C results are seen.

    `cross` (S, C) is the covariance of ends and results, `seen` (C, C) that of the results with their noise.
    """
    root = _root(cross @ np.linalg.solve(seen, cross.T))
    reached = mean[:, None] + root @ _outcomes(len(mean), seed)
    return max(0.0, float(reached.max(axis=0).mean() - mean.max()))


def best(found: Sequence[Worth], price: float) -> Worth | None:
    """The candidate with the most gain per cost among those that gain more than they cost; None if there is none.

    `price` is what a unit of cost takes away from the end, in the unit of the ends.
    """
    worth_it = [w for w in found if w.gain > price * w.candidate.cost]
    return max(worth_it, key=lambda w: (w.per_cost, -w.candidate.cost, w.candidate.cells)) if worth_it else None


@lru_cache(maxsize=16)
def _outcomes(count: int, seed: int) -> Array:
    """Standard normal numbers (S, 2 OUTCOMES); antithetic: their mean is exactly 0."""
    z = np.random.default_rng(seed).standard_normal((OUTCOMES, count))
    return np.concatenate([z, -z]).T.copy()


def _root(covariance: Array) -> Array:
    """A square root of a covariance that may be singular."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float64)
