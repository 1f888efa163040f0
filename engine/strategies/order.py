"""Which seed each visit goes to, and as its how-manieth.

Round-robin, so that a smaller budget's visits are the first of a larger one's. Visits that share a call follow each
other, so that a budget pays for whole calls; seeds that weigh more are visited more often within a round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.domain import Item


@dataclass(frozen=True, slots=True)
class Making:
    """How a variant makes its examples; the default is the plain way."""

    together: int = 1
    """New questions that are asked for in one call."""
    votes: int = 1
    """Answers to one question; of several the majority's is kept, if there is one."""
    gold: bool = False
    """Whether another answer to a seed's own question must agree with the seed's."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """Visits to a seed in one round, by its id; 1 where it is not named."""
    shares: tuple[tuple[str, float], ...] = ()
    """Teachers by name, and the share of visits that each of them answers; none: the one teacher answers all."""

    def order(self, seeds: Sequence[Item], *, together: bool) -> Order:
        """The order of visits; `together` says whether the strategy can have several questions from one call."""
        round_ = [
            (place, nth)
            for nth in range(max((self.weights.get(seed.id, 1) for seed in seeds), default=1))
            for place, seed in enumerate(seeds)
            if nth < self.weights.get(seed.id, 1)
        ]
        times = [self.weights.get(seed.id, 1) for seed in seeds]
        return Order(tuple(seeds), tuple(round_), tuple(times), self.together if together else 1)


PLAIN = Making()


@dataclass(frozen=True, slots=True)
class Order:
    """Visits to seeds, without end."""

    seeds: tuple[Item, ...]
    round_: tuple[tuple[int, int], ...]
    """One round: (place of the seed, its how-manieth visit in the round)."""
    times: tuple[int, ...]
    """Visits to each seed in a round."""
    together: int = 1
    """Visits that follow each other at one seed, and share a call."""

    def at(self, visit: int) -> tuple[Item, int]:
        """Seed and sample index of a visit, both counted from 0. Visits `together` to one seed have the sample
        indices of one call: `sample // together` names the call."""
        block, within = divmod(visit, self.together)
        rounds, place = divmod(block, len(self.round_))
        seed, nth = self.round_[place]
        return self.seeds[seed], (rounds * self.times[seed] + nth) * self.together + within


def dealt(shares: Sequence[tuple[str, float]], visit: int, seeds: int) -> str:
    """Who answers a visit: names by their shares (above 0, of any sum), as even as can be over every prefix.

    The deal is moved by one with each round over the seeds, so that no seed always goes to the same teacher.
    """
    total = sum(share for _, share in shares)
    at = visit + visit // max(1, seeds)
    # The golden ratio's multiples are even over [0, 1) for every prefix, and need no memory of earlier visits.
    point = (at * 0.6180339887498949) % 1.0 * total
    for name, share in shares:
        if point < share:
            return name
        point -= share
    return shares[-1][0]
