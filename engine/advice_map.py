"""The advice for many situations at once: which strategy is likely best over numbers of seeds and sums spent. Pure.

What `advice.recommend` says of one situation before anything is measured, cell by cell, by the same draws, prices and
threshold; the sentences, intervals and plans around it are left out, so that a thousand cells take a fraction of a
second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine import costs, offers, situations
from engine.advice import threshold_points
from engine.case import Case
from engine.domain import Situation, Strategy
from engine.errors import InputError
from engine.law import Array

SEEDS = (10.0, 10_000.0)
"""Seeds that a map shows at least."""
RATIOS = (0.3, 3000.0)
"""Queries per seed that a map shows at least."""
ROWS, COLUMNS = 25, 41


@dataclass(frozen=True)
class AdviceMap:
    """Y numbers of seeds by X sums spent; M strategies. NaN where the sum buys no example of some strategy."""

    situation: Situation
    strategies: tuple[Strategy, ...]
    seeds: NDArray[np.int64]
    """(Y,) labelled examples, rising."""
    spent: Array
    """(X,) queries per seed, or US dollars where `usd`, rising."""
    usd: bool
    queries: NDArray[np.int64]
    """(Y, X)."""
    p_best: Array
    """(Y, X, M) chance that no other strategy does better; adds up to 1."""
    regret_points: Array
    """(Y, X, M) expected accuracy given up against the best in each draw, percentage points."""
    threshold_points: float
    """Expected accuracies that differ by less are too close to call."""

    @cached_property
    def likeliest(self) -> NDArray[np.intp]:
        """(Y, X) index of the strategy that is most likely best; -1 where nothing is known."""
        known = ~np.isnan(self.p_best[..., 0])
        return np.where(known, np.nan_to_num(self.p_best, nan=-1.0).argmax(axis=2), -1)

    @cached_property
    def advised(self) -> NDArray[np.intp]:
        """(Y, X) index of the strategy that the advice names; -1 where it is too close to call, or nothing is known."""
        regret = np.nan_to_num(self.regret_points, nan=0.0)  # no lead where nothing is known
        lead = np.sort(regret, axis=2)[..., 1] - regret.min(axis=2)
        return np.where(lead >= self.threshold_points, regret.argmin(axis=2), -1)

    @cached_property
    def at_stake(self) -> Array:
        """(Y, X) expected accuracy between the best and the worst strategy, percentage points."""
        return np.asarray(self.regret_points.max(axis=2) - self.regret_points.min(axis=2), dtype=np.float64)


def axes(situation: Situation) -> tuple[Array, Array, bool]:
    """Seeds (Y,), sums spent (X,), and whether those are dollars: they are where the budget is a sum at a known price.

    The axes hold the situation and move by whole decades, so that a map stays where it is while one types.
    """
    usd = situation.budget_usd if offers.query_price(situation) else None
    if usd:
        least = (10.0 ** np.floor(np.log10(usd) - 1.5), 10.0 ** np.ceil(np.log10(usd) + 1.5))
        spent = np.geomspace(*_decades(least, usd), COLUMNS)
    else:
        spent = np.geomspace(*_decades(RATIOS, situation.budget_ratio), COLUMNS)
    return np.geomspace(*_decades(SEEDS, situation.seeds), ROWS), spent, bool(usd)


def _decades(least: tuple[float, float], here: float) -> tuple[float, float]:
    """The range, wider by whole decades until it holds `here`."""
    low, high = least
    while here < low:
        low /= 10
    while here > high:
        high *= 10
    return low, high


def over(situation: Situation, seeds: Sequence[int] | Array, spent: Array, *, usd: bool = False) -> AdviceMap:
    """The advice at every number of `seeds` (Y,) and sum `spent` (X,): queries per seed, or dollars where `usd`.

    Real questions compete where the situation has unlabelled inputs, of which there are as many at every cell. Raises
    InputError for a situation that cannot be, and where `usd` is asked for without a price of a query.
    """
    situations.check(situation)
    each = offers.query_price(situation)
    if usd and not each:
        raise InputError("A map in money needs the price of one query; found none. Give it, or take queries per seed.")
    rows = np.unique(np.round(np.asarray(seeds, dtype=np.float64)).astype(np.int64))
    case = Case.of(situation, ())
    least = max(costs.CALLS[situation.calls].values())
    bought = spent[None] / each if usd and each else spent[None] * rows[:, None]
    queries = np.floor(np.repeat(bought, len(rows) // len(bought), axis=0) * (1 + 1e-12) + 1e-9).astype(np.int64)
    shape = (len(rows), len(spent), len(case.strategies))
    p_best, regret = np.full(shape, np.nan), np.full(shape, np.nan)
    for y, count in enumerate(rows):
        enough = queries[y] >= least
        if not enough.any():
            continue
        examples = np.floor(case.examples(queries[y, enough, None].astype(np.float64)) + 1e-9)
        right = case.fitted.accuracies(float(count), examples)  # (K, X, M)
        leads = right.argmax(axis=2)
        p_best[y, enough] = (leads[:, :, None] == np.arange(shape[2])).mean(axis=0)
        regret[y, enough] = 100 * (right.max(axis=2).mean(axis=0)[:, None] - right.mean(axis=0))
    return AdviceMap(
        situation=situation,
        strategies=case.strategies,
        seeds=rows,
        spent=np.asarray(spent, dtype=np.float64),
        usd=usd,
        queries=queries,
        p_best=p_best,
        regret_points=regret,
        threshold_points=threshold_points(situation.test_items),
    )
