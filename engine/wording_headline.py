"""The advice in one sentence, in its three forms: prior, measured, too close to call.

Plain sentences for somebody who has never read a paper about it. Nothing is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine import prior_worlds
from engine.domain import ATLAS, Interval, Outlook, Situation, Strategy
from engine.evidence import published
from engine.wording import NAMES, TASKS, Findings, counted, listed

MOSTLY = 0.6
"""Share of the budget from which a strategy gives the headline its name."""


def headline(f: Findings) -> str:
    """One sentence or two; a percentage only where the user's own points anchor it."""
    if f.recommended is None:
        return _tie(f)
    if f.gain is not None:
        return _measured(f, f.recommended, f.gain)
    confidence = f"Confidence {f.confidence}: {_basis(f)}."
    if len(f.plan.parts) > 1:
        most, share = max(f.plan.parts, key=lambda part: part[1])
        (first, _), *later = f.plan.parts
        if most is not first and share >= MOSTLY * sum(part[1] for part in f.plan.parts):
            others = [NAMES[m] for m, _ in f.plan.parts if m is not most]
            return f"Mostly {NAMES[most]}, after a start with {listed(others)}. {confidence}"
        rest = [("mostly " if m is most and len(later) > 1 else "") + NAMES[m] for m, _ in later]
        return f"Start with {NAMES[first]}, then {listed(rest)}. {confidence}"
    return f"Spend it on {NAMES[f.recommended]}. {confidence}"


def _tie(f: Findings) -> str:
    """How close, what the test items could tell apart, and what the cheapest way costs."""
    close = [o for o in f.outlooks if o.strategy in f.close]
    regrets = [o.regret_points for o in close]
    seen = (
        f"less than {figure(f.threshold)} is a tie"
        if f.situation.test_items is None
        else f"your {f.situation.test_items:,} test items show {figure(f.threshold)} or more"
    )
    price = price_of_as_many(f.situation, close, f.cheapest)
    return (
        f"Too close to call: within {figure(max(regrets) - min(regrets))} points; {seen}. "
        f"Cheapest: {NAMES[f.cheapest]}, {price}."
    )


def price_of_as_many(situation: Situation, close: Sequence[Outlook], cheapest: Strategy) -> str:
    """What the cheapest of a tie takes for as many examples as the dearest of it gives for the whole budget.

    In dollars where a price is known; at most all there are of it.
    """
    one = next(o for o in close if o.strategy is cheapest)
    examples = min(o.examples for o in close)
    if one.usd_per_kept is not None:
        return f"${money(examples * one.usd_per_kept)}"
    queries = math.ceil(examples * (one.queries_per_kept or 1.0) - 1e-9)
    return f"{min(queries, situation.queries):,} of {situation.queries:,} queries"


def money(usd: float) -> str:
    """Dollars with the figures that matter: `38`, `4.50`, `0.004`."""
    return f"{usd:,.0f}" if usd >= 10 else f"{usd:.2f}" if usd >= 1 else f"{usd:.2g}"


def figure(points: float) -> str:
    """Points without decimals that nobody can see: `9`, `2.1`, `0.5`."""
    return f"{points:.0f}" if points >= 5 else f"{points:.1f}"


def _measured(f: Findings, strategy: Strategy, gain: Interval) -> str:
    outlook = next(o for o in f.outlooks if o.strategy is strategy)
    # 100 % would be a certainty that no pilot gives.
    chance = "over 99 %" if outlook.p_best > 0.99 else f"{100 * outlook.p_best:.0f} %"
    start = f"{NAMES[strategy].capitalize()}, {chance} likely best"
    if outlook.accuracy is None:
        return f"{start}. No accuracy is given: your budget is too far beyond your points."
    a = outlook.accuracy
    return (
        f"{start}: {100 * a.mean:.0f} % right ({100 * a.low80:.0f}-{100 * a.high80:.0f}), "
        f"{100 * gain.mean:+.0f} points ({100 * gain.low80:.0f} to {100 * gain.high80:.0f}) over your seeds alone."
    )


def _basis(f: Findings) -> str:
    if f.gain is not None:
        return f"{counted(len(f.measurements), 'cell', 'cells')} of your own"
    if f.situation.known == ATLAS:
        worlds = len(prior_worlds.others(f.situation.task))
        return f"{counted(worlds, 'world', 'worlds')} of the sandbox's atlas, no study of a real student"
    known = len(published().studies())
    here = "all" if len(f.studies) == known else len(f.studies) or "none"
    of_size = "" if f.studies_of_size is None else f", {len(f.studies_of_size) or 'none'} with a student of that size"
    return f"{known} studies, {here} on {TASKS[f.situation.task]}{of_size}"
