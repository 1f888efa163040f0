"""How sure a measured accuracy is, and whether two adapters differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.domain import Interval

Z80 = 1.2815515655446004
"""Standard normal quantile of 0.9: the half width of a central 80 % interval."""
Z95 = 1.959963984540054
"""That of 0.975."""


def wilson(correct: int, scored: int, z: float = Z80) -> Interval | None:
    """Wilson's score interval of a binomial share (Wilson 1927), with the plain share as `mean`.

    Fractions. None where nothing was scored: there is no share then, and no interval.
    """
    if scored == 0:
        return None
    p, zz = correct / scored, z * z
    centre = (p + zz / (2 * scored)) / (1 + zz / scored)
    half = z * math.sqrt(p * (1 - p) / scored + zz / (4 * scored * scored)) / (1 + zz / scored)
    # Rounding can put a bound a hair past the share itself at 0 and at 1.
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def detectable_difference(
    items: int, discordance: float = 0.2, *, runs: int = 1, seed_sd: float = 0.0, pool_sd: float = 0.0
) -> float:
    """The smallest true difference that a paired test on so many items finds in four of five pilots.

    Fraction; 2.8 standard errors (5 % two-sided, 80 % power) of the paired difference, with the share of items on
    which two adapters disagree. `seed_sd` is the standard deviation of a cell's accuracy over training seeds (a
    fraction), of which each cell has `runs`; `pool_sd` that over pools, of which each cell has one. With the defaults
    of 0 these parts come on top.
    """
    return 2.8 * math.sqrt(discordance / items + 2 * seed_sd * seed_sd / runs + 2 * pool_sd * pool_sd)


@dataclass(frozen=True, slots=True)
class Duel:
    """Two adapters on the same items, each right or wrong."""

    won: int
    """Items that only the one got right."""
    lost: int
    """Items that only the other got right."""
    items: int
    """Items scored for both."""
    p: float
    """Two-sided, exact: how often equal adapters would differ at least so far."""

    @property
    def difference(self) -> float | None:
        """Of the accuracies, the one's less the other's; None without items."""
        return (self.won - self.lost) / self.items if self.items else None


def duel(one: Sequence[float | None], other: Sequence[float | None]) -> Duel:
    """McNemar's test (1947), exact: of the items on which two adapters differ each has half, where they are equal.

    Outcomes are 1 right, 0 wrong, None not scored, item by item in one order; ValueError where the lists differ in
    length. It speaks of these two adapters, not of what other training seeds would have given.
    """
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    won, lost = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    return Duel(won, lost, len(pairs), _sign_test(won, lost))


def _sign_test(won: int, lost: int) -> float:
    """Two-sided and exact: both tails of n fair coins from the rarer side on; 1 without a toss."""
    tail = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1))
    # Whole numbers until the last step: no float holds 2**1100.
    return 1.0 if won == lost else min(1.0, 2 * float(Fraction(tail, 2 ** (won + lost))))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values (Holm 1979), in the same order: calling those below 5 % different errs, in all of the
    comparisons together, in at most 5 % of pilots."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    so_far = 0.0
    for rank, i in enumerate(order):
        so_far = max(so_far, min(1.0, (len(order) - rank) * p_values[i]))
        adjusted[i] = so_far
    return tuple(adjusted)
