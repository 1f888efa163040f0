"""The spending plan: each next part of the budget to the strategy with the highest marginal gain.

Mixed training sets add up in the law (N is a sum), so mixing is expected to pay once the first
strategy saturates. Where the user's points leave the law, a mixture is taken to deviate from it as its
parts do, each by its share of the examples. Both are hypotheses for a user's task; on the worlds of the
sandbox they hold on average (docs/atlas.md, `benchmarks/_mixes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import law
from engine.curves import Fitted
from engine.domain import Strategy
from engine.law import Array
from engine.misfit import Places

CHUNKS = 20
"""Parts that the budget is dealt out in."""
DRAWS, GRID = 300, 24
"""Draws of the law, and numbers of examples, that mixtures are judged on."""
SMALLEST_SHARE = 0.08
"""A strategy with less of the budget than this is left out: it is not worth a prompt of its own."""
WORTH_MIXING = 0.2
"""Points of expected accuracy that a mixture must gain on the best single strategy to be planned."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to buy, in order, and what it gains."""

    parts: tuple[tuple[Strategy, int], ...]
    """Queries by strategy, in order of spending."""
    gain_points: float
    """Expected accuracy over the best single strategy, in points; 0 for a single strategy."""


def plan(fitted: Fitted, seeds: int, queries: int, calls: Array, best: int, most: Array) -> Plan:
    """The greedy plan, or everything to strategy `best` (an index) where mixing is not worth it.

    `calls` (M,) is queries per example and `most` (M,) how many examples there can be of a strategy: what
    is left of a budget once the unlabelled inputs are answered goes to the others.
    """
    names, room = law.strategies(fitted.draws), np.minimum(most * calls, queries)
    mixtures = _Mixtures.of(fitted.thinned(DRAWS), seeds, float((room / calls).sum()))
    spent, order = _dealt(mixtures, queries, calls, room)
    kept = [m for m in order if spent[m] >= SMALLEST_SHARE * queries]
    single = Plan(((names[best], int(room[best])),), 0.0)
    if len(kept) < 2:
        return single
    amount = spent[kept] / spent[kept].sum() * queries
    excess = np.maximum(amount - room[kept], 0.0)
    free = excess == 0
    amount = amount - excess + free * amount * excess.sum() / max(float(amount[free].sum()), 1.0)
    bought = np.floor(np.minimum(amount, room[kept]) / calls[kept] + 1e-9)
    mixed, alone = np.zeros(len(calls)), np.eye(len(calls))[best] * room[best] / calls
    mixed[kept] = bought
    value = mixtures.of_sets(np.stack([mixed, alone]))
    gain = 100 * float(value[0] - value[1])
    if gain < WORTH_MIXING:
        return single
    paid = np.floor(bought * calls[kept] + 1e-9).astype(int)
    return Plan(tuple((names[m], int(q)) for m, q in zip(kept, paid, strict=True)), gain)


def expected(fitted: Fitted, seeds: int, sets: Array) -> Array:
    """Expected accuracy, fractions (C,), of mixed training sets: so many examples of each strategy (C, M)."""
    return _Mixtures.of(fitted.thinned(DRAWS), seeds, float(sets.sum(axis=1).max())).of_sets(sets)


def _dealt(mixtures: _Mixtures, queries: int, calls: Array, room: Array) -> tuple[Array, list[int]]:
    """Queries by strategy (M,), dealt out to the highest gain per query, and the strategies in that order."""
    chunk, spent, order = queries / CHUNKS, np.zeros(len(calls)), list[int]()
    useful = mixtures.useful(spent)
    now = mixtures.expected(mixtures.effective(useful)[:, None], spent[None])[0]
    for _ in range(CHUNKS + len(calls)):  # the last part of a strategy that ends may be less than a chunk
        step = np.minimum(np.minimum(chunk, room - spent), queries - spent.sum())
        if step.max() < chunk / 1000:
            break
        # a step moves one strategy, and of the others only the sum counts
        more = mixtures.useful((spent + step) / calls)
        effective = mixtures.effective(useful)[:, None] + (more - useful)
        value = mixtures.expected(effective, (spent + np.diag(step)) / calls)
        gain = np.where(step > 0, (value - now) / np.maximum(step, 1e-9), -np.inf)
        m = int(np.argmax(gain))
        spent[m], now, useful[:, m] = spent[m] + step[m], value[m], more[:, m]
        if m not in order:
            order.append(m)
    return spent, order


@dataclass(frozen=True)
class _Mixtures:
    """Mixed training sets from so many seeds; K draws, M strategies."""

    fitted: Fitted
    seeds: int
    alone: Array
    """(K,) effective examples of the seeds."""
    room: Array
    """(K, M) examples that a strategy's reach holds."""
    worth: Array
    """(K, M) what they would be worth, all of them."""
    grid: Array
    """(G,) log examples per seed, rising from 0, at which deviations from the law are known."""
    deviation: Array | None
    """(K, G, M) of every strategy alone, logit scale; None on the prior."""

    @classmethod
    def of(cls, fitted: Fitted, seeds: int, most: float) -> _Mixtures:
        """`most` is the largest number of examples that a mixture can hold."""
        alone = seeds * np.exp(fitted.draws[:, law.SEED_WEIGHT])
        room = seeds * law.reach(fitted.draws, seeds)
        worth = law.quality(fitted.draws) * room
        grid = np.linspace(0.0, np.log1p(most / seeds), GRID)
        if fitted.misfit is None:
            return cls(fitted, seeds, alone, room, worth, grid, None)
        places = [
            Places(np.full(GRID, m), np.full(GRID, float(seeds)), seeds * np.expm1(grid))
            for m in range(len(law.strategies(fitted.draws)))
        ]
        deviation = np.stack([fitted.misfit.at(p)[0] for p in places], axis=2)
        return cls(fitted, seeds, alone, room, worth, grid, deviation)

    def useful(self, examples: Array) -> Array:
        """Examples worth counting of each strategy. (M,) -> (K, M)."""
        return np.asarray(self.worth * -np.expm1(-examples / self.room), dtype=np.float64)

    def effective(self, useful: Array) -> Array:
        """Effective examples of a mixture of such parts, seeds included. (K, M) -> (K,)."""
        return np.asarray(self.alone + useful.sum(axis=1), dtype=np.float64)

    def of_sets(self, sets: Array) -> Array:
        """Expected accuracy of C mixtures of so many examples (C, M). -> (C,)."""
        return self.expected(np.stack([self.effective(self.useful(one)) for one in sets], axis=1), sets)

    def expected(self, effective: Array, examples: Array) -> Array:
        """Expected accuracy of C mixtures of so many effective (K, C) examples (C, M). -> (C,)."""
        right = law.accuracy(self.fitted.draws, effective, self.fitted.floor)
        if self.deviation is None:
            return np.asarray(right.mean(axis=0))
        total = examples.sum(axis=1)
        share = examples / np.maximum(total, 1e-9)[:, None]
        place = np.log1p(total / self.seeds) / max(self.grid[1], 1e-9)
        low = np.minimum(place.astype(int), GRID - 2)
        part = (place - low)[:, None]
        alone = (1 - part) * self.deviation[:, low] + part * self.deviation[:, low + 1]
        moved = law.logit(np.clip(right, 1e-6, 1 - 1e-6)) + (alone * share).sum(axis=2)
        return np.asarray(law.expit(moved).mean(axis=0))
