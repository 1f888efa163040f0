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
from engine.law import STRATEGIES, Array

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


def plan(fitted: Fitted, seeds: int, queries: int, calls: Array, best: int) -> Plan:
    """The greedy plan, or everything to strategy `best` (an index) where mixing is not worth it."""
    draws = fitted.draws[:: max(1, len(fitted.draws) // 300)]
    single = ((STRATEGIES[best], queries),)
    chunk, spent, order = queries / CHUNKS, np.zeros(3), list[int]()
    size = np.full(3, float(seeds))
    for _ in range(CHUNKS):
        options = spent + chunk * np.eye(3)
        m = int(np.argmax(_expected(draws, fitted.floor, size, options / calls)))
        spent = options[m]
        if m not in order:
            order.append(m)
    kept = [m for m in order if spent[m] >= SMALLEST_SHARE * queries]
    if len(kept) < 2:
        return Plan(single, 0.0)
    share = spent[kept] / spent[kept].sum()
    bought = np.floor(share * queries / calls[kept]).astype(int) * calls[kept].astype(int)
    mixed = np.zeros(3)
    mixed[kept] = bought / calls[kept]
    alone = np.eye(3)[best] * queries / calls
    value = _expected(draws, fitted.floor, size[:2], np.stack([mixed, alone]))
    gain = 100 * float(value[0] - value[1])
    if gain < WORTH_MIXING:
        return Plan(single, 0.0)
    return Plan(tuple((STRATEGIES[m], int(q)) for m, q in zip(kept, bought, strict=True)), gain)


def _expected(draws: Array, floor: float, seeds: Array, examples: Array) -> Array:
    return np.asarray(law.accuracy(draws, law.effective(draws, seeds, examples), floor).mean(axis=0))
