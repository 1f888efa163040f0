"""What the user's teachers charge, and what an example costs in queries. Pure; an unknown price stays unknown.

Queries are counted in those of one teacher: the first of the situation's with a known price, or the only
one that there is. A question that a cheaper augmenter writes is a part of such a query.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from engine import costs
from engine.costs import Price
from engine.domain import Measurement, Situation, Strategy, TeacherOffer
from engine.law import Array


def usd_per_query(offer: TeacherOffer) -> float | None:
    """US dollars for one query; None where the price or a token count that matters is unknown."""
    if offer.usd_per_query is not None:
        return offer.usd_per_query
    return costs.usd_per_query(Price(offer.input_usd, offer.output_usd), offer.input_tokens, offer.output_tokens)


def counted(situation: Situation) -> TeacherOffer | None:
    """The teacher whose queries are counted: the first with a known price, or else the first; None without any.

    Where the budget is money a free teacher is none: no number of its queries follows from a sum.
    """
    prices = {offer: usd_per_query(offer) for offer in situation.teachers}
    known = [o for o, usd in prices.items() if usd is not None and (usd > 0 or situation.budget_usd is None)]
    return next(iter(known or situation.teachers), None)


def query_price(situation: Situation) -> float | None:
    """US dollars for one query of the teacher whose queries are counted; None where it is unknown."""
    offer = counted(situation)
    return None if offer is None else usd_per_query(offer)


def money(situation: Situation) -> float | None:
    """The budget in US dollars: as given, or the queries at their price; None where that is unknown."""
    return situation.budget_usd or costs.usd_for(situation.queries, query_price(situation))


def affordable(usd: float, each: float | None) -> int | None:
    """Whole queries that so much money buys; None where the price is unknown, or 0 and sets no limit."""
    # a budget of exactly n queries must buy n, whatever binary fractions say
    return None if not each else math.floor(usd / each + 1e-9)


def question_price(situation: Situation) -> float:
    """What writing one question costs, in queries of the teacher: 1, or less with a cheaper augmenter."""
    teacher = query_price(situation)
    if situation.augmenter_offer is None or not teacher:
        return 1.0
    augmenter = usd_per_query(situation.augmenter_offer)
    return 1.0 if augmenter is None else augmenter / teacher


def kept_shares(
    measurements: Sequence[Measurement], none_kept: Sequence[tuple[Strategy, int]] = ()
) -> dict[Strategy, float]:
    """Share of generated examples that the user's own pools kept, by strategy, at each one's largest budget; of those
    in `none_kept` the share that none of so many made leaves likely.

    A strategy is missing where every cell holds as many examples as its queries buy: then nothing says
    whether examples were rejected at all. A cell with more examples than every call counted would buy was
    counted as one query per example, as published shifts are.
    """
    found = {strategy: _of_none(made) for strategy, made in none_kept}
    for strategy in Strategy:
        own = [m for m in measurements if m.cell.arm is strategy and m.cell.variant == "plain" and m.cell.budget]
        largest = max((m.cell.budget for m in own), default=0)
        own = [m for m in own if m.cell.budget == largest]
        kept = sum(m.examples for m in own)
        made = [sum(costs.examples_for(m.cell.budget, strategy, calls) for m in own) for calls in ("all", "paper")]
        share = next((kept / n for n in made if n and kept <= n), 1.0) or _of_none(made[0])
        if share < 1:
            found[strategy] = share
    return found


def _of_none(made: int) -> float:
    """The share kept where none of so many was: Jeffreys' estimate, as that is no proof that none ever would be."""
    return 0.5 / (made + 1)


def per_example(
    strategies: Sequence[Strategy], situation: Situation, calls: str, kept: Mapping[Strategy, float]
) -> Array:
    """Queries that one kept example of each strategy takes. (M,)."""
    question = question_price(situation) if calls == "all" else 1.0
    made = [1 + question * (n - 1) for n in (costs.calls_per_example(m, calls) for m in strategies)]
    return np.array([n / kept.get(m, 1.0) for m, n in zip(strategies, made, strict=True)])


def most_examples(strategies: Sequence[Strategy], situation: Situation) -> Array:
    """How many examples there can be of each strategy: real questions end with the unlabelled inputs. (M,)."""
    inputs = float(situation.unlabelled or 0)
    return np.array([inputs if m is Strategy.REAL_QUESTION else np.inf for m in strategies])
