"""The spending plan: each next part of the budget to the strategy with the highest marginal gain.

Mixed training sets add up in the law (N is a sum), so mixing is expected to pay once the first
strategy saturates. That is a hypothesis until somebody has measured a mixed cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import law
from engine.curves import Fitted
from engine.domain import Strategy
from engine.law import Array

CHUNKS = 20
"""Parts that the budget is dealt out in."""
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
    fitted = fitted.thinned(300)
    names, room = law.strategies(fitted.draws), np.minimum(most * calls, queries)
    spent, order = _dealt(fitted, seeds, queries, calls, room)
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
    value = _expected(fitted, seeds, np.stack([mixed, alone]))
    gain = 100 * float(value[0] - value[1])
    if gain < WORTH_MIXING:
        return single
    paid = np.floor(bought * calls[kept] + 1e-9).astype(int)
    return Plan(tuple((names[m], int(q)) for m, q in zip(kept, paid, strict=True)), gain)


def _dealt(fitted: Fitted, seeds: int, queries: int, calls: Array, room: Array) -> tuple[Array, list[int]]:
    """Queries by strategy (M,), dealt out to the highest gain per query, and the strategies in that order."""
    chunk, spent, order = queries / CHUNKS, np.zeros(len(calls)), list[int]()
    now = _expected(fitted, seeds, np.zeros((1, len(calls))))[0]
    for _ in range(CHUNKS + len(calls)):  # the last part of a strategy that ends may be less than a chunk
        step = np.minimum(np.minimum(chunk, room - spent), queries - spent.sum())
        if step.max() < chunk / 1000:
            break
        value = _expected(fitted, seeds, (spent + np.diag(step)) / calls)
        gain = np.where(step > 0, (value - now) / np.maximum(step, 1e-9), -np.inf)
        m = int(np.argmax(gain))
        spent[m], now = spent[m] + step[m], value[m]
        if m not in order:
            order.append(m)
    return spent, order


def _expected(fitted: Fitted, seeds: int, examples: Array) -> Array:
    """Expected accuracy of mixed sets by the law alone: how a mixture deviates is unknown. (C, M) -> (C,)."""
    n = law.effective(fitted.draws, np.full(len(examples), float(seeds)), examples)
    return np.asarray(law.accuracy(fitted.draws, n, fitted.floor).mean(axis=0))
