"""How sure a measured accuracy is."""

from __future__ import annotations

import math

from engine.domain import Interval

Z80 = 1.2815515655446004
"""Standard normal quantile of 0.9: the half width of a central 80 % interval."""


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


def detectable_difference(items: int, discordance: float = 0.2) -> float:
    """The smallest true difference that a paired test on so many items finds in four of five pilots.

    Fraction; 2.8 standard errors (5 % two-sided, 80 % power) of the paired difference, with the share
    of items on which two adapters disagree. Training-seed noise comes on top of it.
    """
    return 2.8 * math.sqrt(discordance / items)
