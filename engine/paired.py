"""Cells on the same test items: how far apart they are, with three parts of noise kept apart.

**Items.** Families of items are drawn with replacement (a paired bootstrap, clustered): items of one family are right
or wrong together, and taking them for independent finds differences that are none. Every draw keeps an item's results
of both cells together, so that what is hard for both cancels.

**Training seeds** and **pools**: `engine.run_noise`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from engine.comparison import duel, holm
from engine.run_noise import PoolNoise, Results, SeedNoise, as_array, noises

DRAWS = 4000


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
    pool_error: float | None
    """Standard error from making the data again; None where it was not asked for: then the difference is one between
    these very data sets."""


def difference(
    one: Results,
    other: Results,
    families: Sequence[str | None] | None = None,
    noise: SeedNoise | None = None,
    pools: tuple[PoolNoise, float] | None = None,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference | None:
    """How far the one cell lies above the other; None where no item was scored in all runs of both.

    `families` names each item's (None: a family of its own). `noise` is what the pilot's replicates say (`seed_noise`);
    without it only these adapters are compared. `pools` is what making data again would change, and how many times that
    variance is in this difference: 1 for a cell of one pool against the seeds alone, 2 for two such cells. The same
    `seed` gives the same numbers. Scores may be fractions.
    """
    a, b = as_array(one), as_array(other)
    if a.shape[1] != b.shape[1] or (families is not None and len(families) != a.shape[1]):
        raise ValueError("cells that are compared have the same items, and as many families")
    known: NDArray[np.bool_] = ~np.isnan(np.concatenate([a, b])).any(axis=0)
    if not known.any():
        return None
    lead = a[:, known].mean(axis=0) - b[:, known].mean(axis=0)
    group = _groups(families, known)
    count = int(group.max()) + 1
    sums, sizes = np.bincount(group, lead), np.bincount(group)
    weights = _weights(count, draws)
    mean = float(lead.mean())
    drawn = (weights @ sums) / (weights @ sizes) - mean
    if count > 1:
        # A bootstrap's spread is that of the sample, which is a little narrower than what it was drawn from.
        drawn *= np.sqrt(count / (count - 1))
    item_error = float(drawn.std())
    rng = np.random.default_rng(seed)
    seed_error = pool_error = None
    if noise is not None:
        share = 1 / len(a) + 1 / len(b)
        seed_error = noise.sd * float(np.sqrt(share))
        drawn = drawn + rng.standard_normal(draws) * np.sqrt(noise.drawn(rng, draws) * share)
    if pools is not None:
        found, times = pools
        pool_error = found.sd * float(np.sqrt(times))
        drawn = drawn + rng.standard_normal(draws) * np.sqrt(found.drawn(rng, draws) * times)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    # How often noise alone reaches as far, on either side; the draw itself counts, so that p is never zero.
    p = (1 + int((np.abs(drawn) >= abs(mean)).sum())) / (1 + draws)
    return Difference(
        mean,
        mean + float(low),
        mean + float(high),
        p,
        len(lead),
        int((~known).sum()),
        count,
        item_error,
        seed_error,
        pool_error,
    )


@lru_cache(maxsize=4)
def _weights(count: int, draws: int) -> NDArray[np.float64]:
    """How often each of so many families stands in each draw: [draws, count]. One draw for all pairs of a pilot: what
    they have in common stays common, and it is most of the work."""
    return np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)


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
    wanted: Sequence[tuple[str, str]] | None = None,
    made: Mapping[str, Sequence[int]] | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Pair, ...]:
    """The wanted pairs of cells (None: all) that share a scored item.

    `made` names the cells that were trained on generated data, with the number of the pool behind each run: then a
    difference is one between strategies, and making the data again is a part of its noise. A pair of single runs on
    items of no family is compared exactly (McNemar) where no cell has replicates, all scores are right or wrong and
    nothing is said of pools; every other pair by the bootstrap. ValueError where cells have different items.
    """
    made = made or {}
    noise, again = noises(cells, made)
    alone = families is None or all(one is None for one in families)
    found: list[tuple[str, str, Difference]] = []
    p_values: list[float] = []
    for number, (one, other) in enumerate(combinations(cells, 2) if wanted is None else wanted):
        times = sum(_share(made[name]) for name in (one, other) if name in made)
        result = difference(
            cells[one],
            cells[other],
            families,
            noise,
            None if again is None else (again, times),
            level=level,
            draws=draws,
            seed=seed * 100_003 + number,
        )
        if result is None:
            continue
        found.append((one, other, result))
        exact = noise is None and not times and alone and _whole(cells[one]) and _whole(cells[other])
        p_values.append(duel(cells[one][0], cells[other][0]).p if exact else result.p)
    adjusted = holm(p_values)
    return tuple(Pair(*pair, p) for pair, p in zip(found, adjusted, strict=True))


def _share(pools: Sequence[int]) -> float:
    """How much of one pool's variance is in a mean over runs, by the pool behind each."""
    return sum(count**2 for count in Counter(pools).values()) / len(pools) ** 2


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
