"""Whether an evaluation may stop early, looked at as often as one likes.

A usual test that is looked at again and again finds a difference in the end, where there is none. These hold at every
look together (anytime-valid): an e-process is a wager against "the one is no better than the other" that is worth
1 / level, ever, in at most a share `level` of evaluations where that is so (Ville 1939; Waudby-Smith and Ramdas 2024
for bounded outcomes). Items must come in an order drawn at random, the same for all adapters; items of a family come
together and have one vote.

At the gaps of 2 to 5 points that are usual between strategies this saves little; it is there for clear losers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincc, betaln, logsumexp

DROP_LEVEL = 0.02
"""Share of evaluations in which the true best may be dropped."""
FUTILE_LEVEL = 0.05
"""Share of evaluations in which a difference beyond the margin may be called none."""
MARGIN = 0.02
"""Differences below it do not matter; fraction."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may end before the last item."""

    losers: bool
    futile: bool

    @property
    def told(self) -> str:
        """The rules with their error rates, for people; empty where there is none."""
        said = []
        if self.losers:
            said.append(
                "An adapter that another one clearly beats is asked no more; in at most "
                f"{100 * DROP_LEVEL:.0f} % of such races the truly best is stopped."
            )
        if self.futile:
            said.append(
                f"A race ends once all are within {100 * MARGIN:.0f} points of each other; in at most "
                f"{100 * FUTILE_LEVEL:.0f} % of the pairs a larger difference is overlooked."
            )
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class Votes:
    """Two adapters on the same items, family by family."""

    won: int
    """Families in which the one got more right than the other."""
    lost: int
    families: int
    """All of them, those without a difference too."""


def votes(
    one: Sequence[float | None], other: Sequence[float | None], families: Sequence[str | None] | None = None
) -> Votes:
    """Counts families (an item without one is its own) in which the one scored more, or less, than the other.

    One vote a family, since items of a family are right or wrong together. Items that were not scored for both are
    left out. ValueError where the lists differ in length.
    """
    leads: dict[str | int, float] = {}
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        if a is None or b is None:
            continue
        name = None if families is None else families[number]
        key = number if name is None else name
        leads[key] = leads.get(key, 0.0) + a - b
    return Votes(sum(lead > 0 for lead in leads.values()), sum(lead < 0 for lead in leads.values()), len(leads))


def evidence(found: Votes) -> float:
    """Natural logarithm of the wager against "the one is no better than the other".

    Of the families that differ the one wins a share of at most a half then; the wager is on all larger shares alike
    (a uniform mixture). It loses on average, whatever share below a half is true.
    """
    won, lost = found.won, found.lost
    upper = float(betaincc(won + 1, lost + 1, 0.5))
    if upper <= 0:
        return -math.inf
    return float(betaln(won + 1, lost + 1)) + math.log(upper) + (won + lost + 1) * math.log(2)


def clear_losers(
    outcomes: Mapping[str, Sequence[float | None]],
    families: Sequence[str | None] | None = None,
    *,
    level: float = DROP_LEVEL,
) -> dict[str, str]:
    """Adapters that may be dropped now, each with one that beats it, on the items that all have answered so far.

    In at most a share `level` of evaluations the best adapter is ever dropped, at whichever looks: it has as many
    wagers against it as there are others, and each may be right by chance in its part of the level only. So `outcomes`
    must hold all adapters that the evaluation began with; of one that was dropped, what it has answered until then.
    """
    if len(outcomes) < 2:
        return {}
    threshold = math.log((len(outcomes) - 1) / level)
    found: dict[str, str] = {}
    for loser, its in outcomes.items():
        for winner, theirs in outcomes.items():
            if winner == loser:
                continue
            shared = min(len(its), len(theirs))
            named = None if families is None else families[:shared]
            if evidence(votes(theirs[:shared], its[:shared], named)) >= threshold:
                found[loser] = winner
                break
    return found


def below(found: Votes, margin: float) -> float:
    """Natural logarithm of the wager against "the one is ahead by the margin or more" (as a share of all families).

    Each family stakes a part of what is held on a lead below the margin; the wager is on many parts alike (a mixture),
    since the best one depends on how often the two differ. It loses on average wherever the lead reaches the margin.
    """
    parts = np.geomspace(0.005, 0.99, 60)
    same = found.families - found.won - found.lost
    each = (
        found.won * np.log1p(parts * (margin - 1))
        + found.lost * np.log1p(parts * (margin + 1))
        + same * np.log1p(parts * margin)
    )
    return float(logsumexp(each)) - math.log(len(parts))


def is_futile(found: Votes, *, margin: float = MARGIN, level: float = FUTILE_LEVEL) -> bool:
    """Whether more items need not be asked: the two differ by less than the margin, whichever is ahead.

    A true difference of `margin` or more is called none, at whichever looks, in at most a share `level` of
    evaluations. It takes many items: of equal pairs seven in ten are ended, at two points, after 1,000 items where they
    differ on 2 % of the items, and after 12,000 where they differ on 25 %.
    """
    mirrored = Votes(found.lost, found.won, found.families)
    threshold = math.log(1 / level)
    return below(found, margin) >= threshold and below(mirrored, margin) >= threshold
