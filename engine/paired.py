"""Cells on the same test items: how far apart they are, with two parts of noise kept apart.

**Items.** Families of items are drawn with replacement (a paired bootstrap, clustered): items of one family are right
or wrong together, and taking them for independent finds differences that are none. Every draw keeps an item's results
of both cells together, so that what is hard for both cancels.

**Training seeds.** Another seed gives another adapter. Cells with replicates say how much: in a two-way layout
runs x items, the runs' mean square beyond the rest's is the seeds' variance. It is pooled over all cells, since two or
three runs say little, and each draw takes its own value from what these few runs leave open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.comparison import duel, holm

DRAWS = 4000

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


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean score of one cell less that of another, on the same items."""

    difference: float
    """Fraction."""
    low: float
    high: float
    """The central interval of the asked level."""
    p: float
    """Two-sided."""
    items: int
    """Items scored in every run of both."""
    left_out: int
    """Items not scored in some run."""
    families: int
    item_error: float
    """Standard error from the choice of items; fraction."""
    seed_error: float | None
    """Standard error from training seeds; None where no cell has replicates: then the difference is one between these
    very adapters."""


def seed_noise(cells: Sequence[Results]) -> SeedNoise | None:
    """Pooled over cells with at least two runs, on the items that each has scored in all of them; None without one."""
    runs_sum = rest_sum = 0.0
    freedom = rest_freedom = items = used = 0
    for cell in cells:
        scores = _array(cell)
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


def difference(
    one: Results,
    other: Results,
    families: Sequence[str | None] | None = None,
    noise: SeedNoise | None = None,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference | None:
    """How far the one cell lies above the other; None where no item was scored in all runs of both.

    `families` names each item's (None: a family of its own). `noise` is what the pilot's replicates say (`seed_noise`);
    without it only these adapters are compared. The same `seed` gives the same numbers. Scores may be fractions.
    """
    a, b = _array(one), _array(other)
    if a.shape[1] != b.shape[1] or (families is not None and len(families) != a.shape[1]):
        raise ValueError("cells that are compared have the same items, and as many families")
    known: NDArray[np.bool_] = ~np.isnan(np.concatenate([a, b])).any(axis=0)
    if not known.any():
        return None
    lead = a[:, known].mean(axis=0) - b[:, known].mean(axis=0)
    group = _groups(families, known)
    count = int(group.max()) + 1
    sums, sizes = np.bincount(group, lead), np.bincount(group)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    mean = float(lead.mean())
    drawn = (weights @ sums) / (weights @ sizes) - mean
    if count > 1:
        # A bootstrap's spread is that of the sample, which is a little narrower than what it was drawn from.
        drawn *= np.sqrt(count / (count - 1))
    item_error = float(drawn.std())
    seed_error = None
    if noise is not None:
        share = 1 / len(a) + 1 / len(b)
        seed_error = noise.sd * float(np.sqrt(share))
        drawn = drawn + rng.standard_normal(draws) * np.sqrt(noise.drawn(rng, draws) * share)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    # How often noise alone reaches as far, on either side; the draw itself counts, so that p is never zero.
    p = (1 + int((np.abs(drawn) >= abs(mean)).sum())) / (1 + draws)
    return Difference(
        mean, mean + float(low), mean + float(high), p, len(lead), int((~known).sum()), count, item_error, seed_error
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cells of a pilot, by name, and how they compare."""

    one: str
    other: str
    found: Difference
    adjusted_p: float
    """Holm's, over all pairs of the pilot."""

    def winner(self, level: float = 0.05) -> str | None:
        """The better one, where the two differ at that level over all pairs; else None."""
        if self.adjusted_p >= level or self.found.difference == 0:
            return None
        return self.one if self.found.difference > 0 else self.other


def compare_all(
    cells: Mapping[str, Results],
    families: Sequence[str | None] | None = None,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Pair, ...]:
    """All pairs of cells that share a scored item.

    A pair of single runs on items of no family is compared exactly (McNemar) where no cell has replicates and all
    scores are right or wrong; every other pair by the bootstrap. ValueError where cells have different items.
    """
    noise = seed_noise(list(cells.values()))
    alone = families is None or all(one is None for one in families)
    found: list[tuple[str, str, Difference]] = []
    p_values: list[float] = []
    for number, (one, other) in enumerate(combinations(cells, 2)):
        result = difference(
            cells[one], cells[other], families, noise, level=level, draws=draws, seed=seed * 100_003 + number
        )
        if result is None:
            continue
        found.append((one, other, result))
        exact = noise is None and alone and _whole(cells[one]) and _whole(cells[other])
        p_values.append(duel(cells[one][0], cells[other][0]).p if exact else result.p)
    adjusted = holm(p_values)
    return tuple(Pair(*pair, p) for pair, p in zip(found, adjusted, strict=True))


def _array(cell: Results) -> NDArray[np.float64]:
    if not cell or len({len(run) for run in cell}) != 1:
        raise ValueError("a cell has at least one run, and all runs have the same items")
    return np.array([[np.nan if score is None else score for score in run] for run in cell], dtype=np.float64)


def _whole(cell: Results) -> bool:
    return len(cell) == 1 and all(score in (0, 1, None) for score in cell[0])


def _groups(families: Sequence[str | None] | None, known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A number for each known item's family, from 0."""
    names: list[str | int] = []
    for number in np.flatnonzero(known).tolist():
        name = None if families is None else families[number]
        names.append(number if name is None else name)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp)
