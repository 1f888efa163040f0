"""Whether a teacher is worth paying: is it right more often than the student that saw the seeds alone?

A student learns from a teacher what the teacher can do. One that is no better than the seeds-only student stops a
plan before its strategies are paid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from engine.comparison import wilson

LEVEL = 0.1
"""One-sided: a teacher is above the student where the 80 % interval of the difference lies above zero."""

FEWEST_ITEMS = 20
"""With fewer scored answers not even a good teacher could be told from the student: nothing is stopped."""

FIX = (
    "Fix the teacher's instruction (the answers that it got wrong show what it misses) or take another teacher, "
    "before any strategy is paid."
)


@dataclass(frozen=True, slots=True)
class Lead:
    """How far a teacher's share of right answers lies above the seeds-only student's; fractions."""

    difference: float
    low80: float
    high80: float
    items: int
    """Scored answers of the teacher that stand behind it."""
    paired: bool
    """Whether both answered the same items."""

    @property
    def above(self) -> bool:
        """Whether the teacher is shown to be better, at LEVEL."""
        return self.low80 > 0

    @property
    def stops(self) -> bool:
        """Whether a plan should end here: no better on so many items. A lead that is only not shown goes on."""
        return self.difference <= 0 and self.items >= FEWEST_ITEMS


def paired_lead(teacher: Sequence[float | None], student: Sequence[float | None]) -> Lead | None:
    """The lead on shared items (1 right, 0 wrong, None not scored), as far as both lists reach; None where no
    item was scored for both.

    Exact and conditional: given the items on which they differ, the teacher's share of those is binomial
    (McNemar 1947), with a Clopper-Pearson interval.
    """
    pairs = [(t, s) for t, s in zip(teacher, student, strict=False) if t is not None and s is not None]
    if not pairs:
        return None
    won, lost = sum(t > s for t, s in pairs), sum(t < s for t, s in pairs)
    low, high = 0.0, 0.0
    if differ := won + lost:
        share = binomtest(won, differ).proportion_ci(1 - 2 * LEVEL, "exact")
        low, high = ((2 * float(bound) - 1) * differ / len(pairs) for bound in (share.low, share.high))
    return Lead((won - lost) / len(pairs), low, high, len(pairs), paired=True)


def separate_lead(teacher: tuple[int, int], student: tuple[int, int]) -> Lead | None:
    """The lead where they answered different items, each as (right, scored): Newcombe's hybrid score interval
    (1998, method 10). None where either has no scored answer."""
    one, two = wilson(*teacher), wilson(*student)
    if one is None or two is None:
        return None
    difference = one.mean - two.mean
    low = difference - math.hypot(one.mean - one.low80, two.high80 - two.mean)
    high = difference + math.hypot(one.high80 - one.mean, two.mean - two.low80)
    return Lead(difference, low, high, teacher[1], paired=False)


def not_above(lead: Lead) -> str:
    """What the user reads where a lead stops the plan."""
    where = "on the same items" if lead.paired else "on other items"
    return (
        f"The teacher is no better than the student that was trained on the seeds alone: "
        f"{100 * lead.difference:+.1f} points over {lead.items} answers, {where} "
        f"(80 % interval {100 * lead.low80:+.1f} to {100 * lead.high80:+.1f}; one-sided level {LEVEL:.0%}). {FIX}"
    )
