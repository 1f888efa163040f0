"""The same money spent on another teacher, another augmenter, or on checking answers.

What a weaker teacher's answers are worth to a student is unknown. So every teacher is compared as if its
examples were worth what any other's are, and beside it stands the worth down to which that comparison holds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine import offers
from engine.case import REFUSE_STRETCH, Case, interval
from engine.domain import (
    AugmenterOutlook,
    Interval,
    Situation,
    Strategy,
    TeacherOffer,
    TeacherOutlook,
    Verification,
)
from engine.law import Array
from engine.what_if import WORTH_TRIED, crossing

ASKED_IN_TURN = (Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
"""Strategies whose questions an augmenter writes."""

VERIFIED = {
    "verify-xwin-7500": (0.8,),
    "verify-xwin-30000": (1.0,),
    "verify-mathscale": (-0.4,),
    "verify-openmath2": (-0.6, 0.2),
    "verify-skywork": (2.4, -1.4),
}
"""Accuracy with verified or corrected data over as much raw data, in points: differences of the figures in each claim.

Two more speak about it without such a difference: `chan-verification` (nothing significant), and
`verify-metamath`, where nothing but wrong answers costs 8.6 points.
"""


def teachers(case: Case) -> tuple[TeacherOutlook, ...]:
    """Every named teacher for the same money, in the order in which they were named."""
    first, usd = offers.counted(case.situation), offers.money(case.situation)
    if first is None:
        return ()
    usd_first = offers.usd_per_query(first)
    if not usd or not usd_first:
        free = usd_first == 0
        why = f"{first.name} is free, so money sets no limit." if free else "No price is known: no money is compared."
        return tuple(_unknown(offer, why) for offer in case.situation.teachers)
    right = _right(case, first, usd)
    reference = right[:, int(right.mean(axis=0).argmax())]
    found = []
    for offer in case.situation.teachers:
        each = offers.usd_per_query(offer)
        queries = offers.affordable(usd, each)
        if each is None:
            found.append(_unknown(offer, "Its price is unknown: it cannot be compared for money."))
        elif queries is None:
            found.append(_unknown(offer, "It is free: money sets no limit."))
        elif queries < 1:
            found.append(_unknown(offer, f"One query costs more than ${usd:,.2f}."))
        else:
            its = right if offer == first else _right(case, offer, usd)
            found.append(_outlook(case, offer, each, queries, usd, its, reference))
    return tuple(found)


def _unknown(offer: TeacherOffer, why: str) -> TeacherOutlook:
    each = offers.usd_per_query(offer)
    return TeacherOutlook(offer.name, each, None, None, None, None, None, None, offer.wrong_share, why)


def _outlook(
    case: Case, offer: TeacherOffer, each: float, queries: int, usd: float, right: Array, reference: Array
) -> TeacherOutlook:
    s = case.situation
    best = int(right.mean(axis=0).argmax())
    itself = offer == offers.counted(s)
    stretch = case.fitted.stretch(s.seeds, _examples(case, offer, usd))
    refused = stretch > REFUSE_STRETCH
    why = f"Its budget reaches {stretch:.0f} times past your largest cell: no accuracy is given." if refused else ""
    return TeacherOutlook(
        name=offer.name,
        usd_per_query=each,
        queries=queries,
        budget_ratio=queries / s.seeds,
        best=case.strategies[best],
        accuracy=None if refused else interval(right[:, best]),
        lead_points=None if refused else interval(100 * (right[:, best] - reference)),
        worth_needed=None if refused else 1.0 if itself else _worth_needed(case, offer, usd),
        wrong_share=offer.wrong_share,
        reason=why,
    )


def _right(case: Case, offer: TeacherOffer, usd: float, worth: float | None = None) -> Array:
    """Accuracy of every strategy with that teacher for the money, (K, M); wrong answers count as nothing."""
    each = (1 - (offer.wrong_share or 0.0)) if worth is None else worth
    factor = np.full(len(case.calls), each)
    return case.fitted.accuracies(case.situation.seeds, _examples(case, offer, usd)[None], factor)[:, 0]


def _examples(case: Case, offer: TeacherOffer, usd: float) -> Array:
    s = replace(case.situation, teachers=(offer,))
    calls = offers.per_example(case.strategies, s, s.calls, case.kept)
    return replace(case, calls=calls).whole_examples(usd / (offers.usd_per_query(offer) or np.inf) + 1e-9)


def _worth_needed(case: Case, offer: TeacherOffer, usd: float) -> float | None:
    """Down to which worth of its examples a teacher does as well as the first; 0 where none is needed."""
    first = offers.counted(case.situation)
    thin = case.thinned(500) if case.measured else case  # with deviations every draw costs more
    reference = 0.0 if first is None else float(_right(thin, first, usd).mean(axis=0).max())

    def lead(worth: float) -> float:
        return float(_right(thin, offer, usd, worth).mean(axis=0).max()) - reference

    return 0.0 if lead(1e-3) >= 0 else crossing(lead, 1e-3, WORTH_TRIED)


def augmenters(case: Case) -> tuple[AugmenterOutlook, ...]:
    """The teacher writes the questions, or the model that was named does: for the same money, every call counted."""
    s = case.situation
    if s.augmenter_offer is None:
        return ()
    teacher = offers.counted(s)
    alone = replace(case, situation=replace(s, augmenter_offer=None)).augmented("strong")
    return (
        _augmenter(alone, teacher.name if teacher else "the teacher", "strong"),
        _augmenter(case, s.augmenter_offer.name, s.augmenter),
    )


def _augmenter(case: Case, name: str, strength: str) -> AugmenterOutlook:
    s = case.situation
    each = offers.query_price(s)
    known = s.augmenter_offer is None or offers.usd_per_query(s.augmenter_offer) is not None
    if not each or not known:
        return AugmenterOutlook(name, strength, None, None, None, None)
    case = case.counted("all")
    examples = case.whole_examples(s.queries)
    right = case.fitted.accuracies(s.seeds, examples[None])[:, 0]
    best = max((case.strategies.index(m) for m in ASKED_IN_TURN), key=lambda m: right[:, m].mean())
    refused = case.fitted.stretch(s.seeds, examples) > REFUSE_STRETCH
    return AugmenterOutlook(
        name=name,
        augmenter=strength,
        usd_per_example=float(case.calls[best] * each),
        best=case.strategies[best],
        examples=int(examples[best]),
        accuracy=None if refused else interval(right[:, best]),
    )


def verification(case: Case, best: int) -> Verification:
    """Checking every answer of strategy `best` with one more query each, against what papers gained by checking."""
    published = tuple(sorted(gain for gains in VERIFIED.values() for gain in gains))
    cost = None if case.situation.verifiable else _check_price(case, best, case.situation)
    low, high = (0.0, 0.0) if cost is None else (cost.low80, cost.high80)
    sources = ("chan-verification", *VERIFIED, "verify-metamath")
    return Verification(cost, published, (published[0] - high, published[-1] - low), sources)


def _check_price(case: Case, best: int, s: Situation) -> Interval:
    """Points lost by the examples that the checks' queries would have bought."""
    thin = case.thinned().law_alone()
    made = case.calls * np.array([case.kept.get(m, 1.0) for m in case.strategies])
    checked = replace(thin, calls=case.calls * (made + 1) / made)
    right = [thin.fitted.accuracies(s.seeds, c.whole_examples(s.queries)[None])[:, 0, best] for c in (thin, checked)]
    return interval(100 * (right[0] - right[1]))
