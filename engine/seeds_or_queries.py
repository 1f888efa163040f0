"""One budget of money: more human seeds, or more queries?

Seeds count for themselves (w) and give every strategy more to start from (reach), queries make examples.
"""

from __future__ import annotations

import numpy as np

from engine import offers
from engine.case import Case
from engine.domain import Interval, SeedsOrQueries, Strategy
from engine.law import Array

SHARES = np.concatenate([[0.0], np.geomspace(0.02, 1.0, 12)])
"""Shares of the budget that are tried for seeds."""
WORTH_SPLITTING = 0.1
"""Points that a split must gain in expectation on spending everything on queries."""
STEP = 0.05
"""Relative step of the slopes."""


def compare(case: Case, best: int) -> SeedsOrQueries:
    """The exchange rate at the margin for strategy `best`, and the best split where both prices are known."""
    thin = case.thinned().law_alone()
    s, each = case.situation, offers.query_price(case.situation)
    rate = _rate(thin, best)
    if s.seed_usd is None or not each:
        missing = "the price of one more seed" if s.seed_usd is None else "the teacher's price"
        return SeedsOrQueries(rate, None, None, None, None, None, f"For a split, {missing} is missing.")
    price = s.seed_usd / each
    more = np.floor(SHARES * s.queries / price + 1e-9)
    left = np.floor(s.queries - more * price + 1e-9)
    right = [_right(thin, s.seeds + m, q) for m, q in zip(more, left, strict=True)]
    means = np.array([r.mean(axis=0) for r in right])  # (splits, M)
    if case.measured:  # the user's own points chose the strategy; the law alone does not know them
        means = np.where(np.arange(means.shape[1]) == best, means, -np.inf)
    at, strategy = (int(i) for i in np.unravel_index(int(means.argmax()), means.shape))
    if 100 * (means[at, strategy] - means[0].max()) < WORTH_SPLITTING:
        at, strategy = 0, int(means[0].argmax())
    gain = 100 * (right[at][:, strategy] - right[0][:, int(means[0].argmax())])
    low, high = np.quantile(gain, [0.1, 0.9])
    spend_on: Strategy | None = case.strategies[strategy] if left[at] >= 1 else None
    return SeedsOrQueries(
        queries_per_seed=rate,
        seed_price_in_queries=price,
        more_seeds=int(more[at]),
        queries=int(left[at]),
        best=spend_on,
        gain_points=Interval(float(gain.mean()), float(low), float(high)),
    )


def _right(case: Case, seeds: float, queries: float) -> Array:
    """(K, M) accuracies of every strategy alone."""
    return case.fitted.accuracies(seeds, case.examples(queries)[None])[:, 0]


def _rate(case: Case, best: int) -> Interval | None:
    """Queries that gain as much as one more seed: ratio of expected slopes, 80 % of the draws' own ratios."""
    s = case.situation
    here = _right(case, s.seeds, s.queries)[:, best]
    by_seed = (_right(case, s.seeds * (1 + STEP), s.queries)[:, best] - here) / (STEP * s.seeds)
    by_query = (_right(case, s.seeds, s.queries * (1 + STEP))[:, best] - here) / (STEP * s.queries)
    if not by_query.mean() > 1e-12:
        return None
    rate = float(by_seed.mean() / by_query.mean())
    low, high = np.quantile(by_seed / np.maximum(by_query, 1e-15), [0.1, 0.9])
    return Interval(rate, min(rate, float(low)), max(rate, float(high)))
