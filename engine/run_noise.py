"""What a cell's score would be if it were trained again, or on data that were made again.

**Training seeds.** Another seed gives another adapter. Cells with replicates say how much: in a two-way layout
runs x items, the runs' mean square is the items times the seeds' variance, and the rest's mean square.

**Pools.** The same strategy asked again gives other examples. Where a cell was measured on two independent pools, the
gap between them is twice the pools' variance, and what seeds and items explain of it.

Both are pooled over all cells of a pilot, since two or three runs say little. Replicates give enough degrees of freedom
to speak for themselves. Gaps between pools are two to four: taken from them alone the variance has tails in which
nothing is ever found, so they move a guess, which may be off by a factor of 1.6 (one standard deviation, on the log
scale). It is the one that measured advice starts from (`engine.posterior`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED_SD = 0.12
"""Logit scale; a guess (docs/decisions.md) for pilots that have not begun: measured cells speak for themselves."""
POOL_SD = 0.10
"""Logit scale; a guess too."""
GUESS_OFF = 0.5
"""Standard deviation of the logarithm of the guess."""
_STEPS = np.linspace(-5, 2.5, 151)
"""The grid, in standard deviations of the guess: down to a twelfth, up to three and a half times."""

Results = Sequence[Sequence[float | None]]
"""Of one cell, run by run: a score (0 to 1) for each item, None where it was not scored."""


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """What the replicates of some cells say about training seeds."""

    runs_square: float
    """Mean square of the runs: items times the seeds' variance, and the rest."""
    rest_square: float
    """Mean square of what neither run nor item explains."""
    freedom: int
    """Degrees of freedom of `runs_square`: runs less cells."""
    items: int

    @property
    def sd(self) -> float:
        """Standard deviation of a cell's accuracy over training seeds; fraction."""
        return float(np.sqrt(max(0.0, (self.runs_square - self.rest_square) / self.items)))

    def drawn(self, rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """Variances over training seeds that these runs leave possible: [draws]."""
        squares = self.runs_square * self.freedom / rng.chisquare(self.freedom, draws)
        return np.maximum(0.0, (squares - self.rest_square) / self.items)


@dataclass(frozen=True)
class PoolNoise:
    """The standard deviation of a cell's accuracy over pools, and how sure it is."""

    sds: NDArray[np.float64]
    """Fractions, ascending."""
    weights: NDArray[np.float64]
    """Of each; they add up to 1."""
    gaps: int
    """Gaps between pools that were measured; 0: the guess alone."""

    @property
    def sd(self) -> float:
        """The root of the mean variance; fraction."""
        return float(np.sqrt(self.weights @ self.sds**2))

    def drawn(self, rng: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """Variances that are possible, as often as they are likely: [draws]."""
        return np.asarray(rng.choice(self.sds, draws, p=self.weights) ** 2)


def seed_noise(cells: Sequence[Results]) -> SeedNoise | None:
    """Pooled over cells with at least two runs, on the items that each has scored in all of them; None without one."""
    runs_sum = rest_sum = 0.0
    freedom = rest_freedom = items = used = 0
    for cell in cells:
        scores = as_array(cell)
        scores = scores[:, ~np.isnan(scores).any(axis=0)]
        runs, width = scores.shape
        if runs < 2 or width < 2:
            continue
        by_run = scores.mean(axis=1, keepdims=True)
        rest = scores - by_run - scores.mean(axis=0, keepdims=True) + scores.mean()
        runs_sum += width * float(((by_run - scores.mean()) ** 2).sum())
        rest_sum += float((rest**2).sum())
        freedom += runs - 1
        rest_freedom += (runs - 1) * (width - 1)
        items += width
        used += 1
    if not used:
        return None
    return SeedNoise(runs_sum / freedom, rest_sum / rest_freedom, freedom, items // used)


def pool_noise(
    cells: Mapping[str, Results], made: Mapping[str, Sequence[int]], seeds: SeedNoise | None
) -> PoolNoise | None:
    """From the cells that `made` names with the number of the pool behind each run; None where it names none.

    A gap is that between the first pool and another one of a cell, each averaged over its runs.
    """
    if not made:
        return None
    squares: list[float] = []
    explained: list[float] = []
    levels: list[float] = []
    for name, pools in made.items():
        scores = as_array(cells[name])
        scores = scores[:, ~np.isnan(scores).any(axis=0)]
        width = scores.shape[1]
        if width < 2:
            continue
        levels.append(float(scores.mean()))
        numbers = np.array(pools)
        first = scores[numbers == numbers[0]]
        for other in dict.fromkeys(numbers[numbers != numbers[0]].tolist()):
            its = scores[numbers == other]
            lead = first.mean(axis=0) - its.mean(axis=0)
            trained = 0.0 if seeds is None else seeds.sd**2 * (1 / len(first) + 1 / len(its))
            squares.append(float(lead.mean()) ** 2)
            explained.append(float(lead.var(ddof=1)) / width + trained)
    # A step on the logit scale moves an accuracy p by p (1 - p) of it; near 0 and 1 as at 5 %.
    slope = float(np.mean([max(level * (1 - level), 0.05 * 0.95) for level in levels])) if levels else 0.25
    # Less the square, so that the mean variance is the guess's.
    sds, log_weights = POOL_SD * slope * np.exp(GUESS_OFF * _STEPS - GUESS_OFF**2), -(_STEPS**2) / 2
    for square, known in zip(squares, explained, strict=True):
        expected = _positive(2 * sds**2 + known)
        log_weights = log_weights - 0.5 * (np.log(expected) + square / expected)
    weights = np.exp(log_weights - log_weights.max())
    return PoolNoise(sds, weights / weights.sum(), len(squares))


def noises(
    cells: Mapping[str, Results], made: Mapping[str, Sequence[int]]
) -> tuple[SeedNoise | None, PoolNoise | None]:
    """Seeds' and pools' part of a pilot; `made` as for `pool_noise`. What lies between two pools is no matter of
    seeds."""
    seeds = seed_noise(
        [
            [run for run, pool in zip(runs, made[name], strict=True) if pool == number] if name in made else runs
            for name, runs in cells.items()
            for number in (dict.fromkeys(made[name]) if name in made else (0,))
        ]
    )
    return seeds, pool_noise(cells, made, seeds)


def as_array(cell: Results) -> NDArray[np.float64]:
    """Scores [runs, items], NaN where one is missing; ValueError where runs have not the same items."""
    if not cell or len({len(run) for run in cell}) != 1:
        raise ValueError("a cell has at least one run, and all runs have the same items")
    return np.array([[np.nan if score is None else score for score in run] for run in cell], dtype=np.float64)


def _positive(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(value, 1e-12)
