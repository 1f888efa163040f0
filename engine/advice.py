"""Situation + curves + costs -> Recommendation. Pure; imports no model, no page, no network.

`recommend` answers one question: how should the next query be spent? Before the user has measured
anything it speaks from published studies (`basis` is `prior`) and puts no percentage in its headline;
with the user's own points the same draws are refitted and `basis` is `measured`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine import curves, prior, spending, wording
from engine.costs import CALLS, calls_per_example
from engine.curves import Fitted
from engine.domain import (
    Crossover,
    CurveBand,
    Interval,
    Measurement,
    Outlook,
    Recommendation,
    Situation,
)
from engine.errors import InputError
from engine.evidence import ACCURACY, published
from engine.law import STRATEGIES, Array

TOO_CLOSE_POINTS = 0.5
"""Strategies whose expected accuracies differ by less than this cannot be told apart."""
CAP_STRETCH, CAP = 8.0, 0.95
"""Beyond this many times the largest measured effective examples, P(best) is shown as at most CAP."""
REFUSE_STRETCH = 32.0
"""Beyond this many times, no accuracy is given."""
BUDGETS = 40
"""Points of a drawn curve."""
RATIOS = np.geomspace(0.1, 5000.0, 48)
"""Queries per seed in which crossovers are looked for."""


def recommend(situation: Situation, measurements: Sequence[Measurement] = ()) -> Recommendation:
    """The advice for a situation, from published studies and the user's own points.

    Raises InputError with everything that is wrong with the situation or the points. The order of the
    points does not matter. Points of a variant other than `plain`, and the teacher's own score, are
    left out of the fit and counted in a caveat.
    """
    check(situation)
    curves.check(measurements)
    floor = prior.floor(situation.task)
    fitted = curves.refit(prior.for_situation(situation), measurements, floor)
    measured = fitted.largest is not None

    calls = _calls(situation.calls)
    examples = np.floor(situation.queries / calls)
    right = fitted.accuracies(situation.seeds, examples[None])[:, 0, :]
    stretch = fitted.stretch(situation.seeds, examples)
    p_best = _p_best(right, stretch)
    expected = right.mean(axis=0)
    regret = 100 * (right.max(axis=1).mean() - expected)
    order = sorted(range(3), key=lambda m: (regret[m], m))
    best, runner_up = order[0], order[1]
    close = [m for m in range(3) if regret[m] - regret[best] < TOO_CLOSE_POINTS]
    cheapest = min(close, key=lambda m: (calls[m], m))

    crossings = _crossovers(fitted.draws, situation, calls)
    plan = spending.plan(fitted, situation.seeds, situation.queries, calls, best)
    other = "paper" if situation.calls == "all" else "all"
    other_best = int(
        fitted.accuracies(situation.seeds, np.floor(situation.queries / _calls(other))[None])[:, 0]
        .mean(axis=0)
        .argmax()
    )
    outlooks = tuple(_outlook(m, situation, measurements, examples, right, p_best, regret, stretch) for m in range(3))
    studies = published().studies(situation.task)
    confidence = _confidence(measured, p_best[best], len(close), len(studies), stretch, fitted, outlooks)
    said = wording.Findings(
        situation=situation,
        recommended=STRATEGIES[best] if len(close) == 1 else None,
        close=tuple(STRATEGIES[m] for m in close),
        cheapest=STRATEGIES[cheapest],
        confidence=confidence,
        studies=studies,
        outlooks=outlooks,
        crossovers=crossings,
        plan=plan,
        gain=_interval(right[:, best] - _seeds_only(fitted, situation)) if measured else None,
        other_calls_winner=STRATEGIES[other_best] if other_best != best else None,
        best=STRATEGIES[best],
        stretch=stretch,
        effective_draws=fitted.effective_draws,
        measurements=tuple(measurements),
    )
    return Recommendation(
        situation=situation,
        recommended=said.recommended,
        cheapest=said.cheapest,
        runner_up=STRATEGIES[runner_up],
        basis="measured" if measured else "prior",
        confidence=confidence,
        headline=wording.headline(said),
        outlooks=outlooks,
        crossovers=crossings,
        spending_plan=plan.parts,
        curves=_bands(fitted, situation, calls, crossings, outlooks),
        reasons=wording.reasons(said),
        caveats=wording.caveats(said),
        studies=len(studies),
    )


def check(situation: Situation) -> None:
    """Raises InputError with everything that is wrong with a situation."""
    problems = []
    if situation.seeds < 1:
        problems.append(f"Seeds: {situation.seeds}; expected at least 1 labelled example.")
    if situation.augmenter not in ("strong", "weak"):
        problems.append(f"Augmenter: {situation.augmenter!r}; expected strong or weak.")
    if situation.calls not in CALLS:
        problems.append(f"Calls are counted as {situation.calls!r}; expected {' or '.join(CALLS)}.")
    else:
        least = max(CALLS[situation.calls].values())
        if situation.queries < least:
            problems.append(
                f"Budget: {situation.queries} queries; one example takes up to {least}, so give at least {least}."
            )
    if problems:
        raise InputError(problems)


def as_json(recommendation: Recommendation) -> dict[str, Any]:
    """The object that `seedpilot recommend --json` prints: fractions, and ratios in queries per seed."""
    r, s = recommendation, recommendation.situation
    return {
        "recommended": r.recommended.value if r.recommended else "too_close_to_call",
        "basis": r.basis,
        "confidence": r.confidence,
        "headline": r.headline,
        "strategies": [
            {
                "strategy": o.strategy.value,
                "examples": o.examples,
                "accuracy": _interval_json(o.accuracy, "mean") if o.accuracy else None,
                "p_best": round(o.p_best, 4),
                "regret_points": round(o.regret_points, 3),
                "points": o.points,
                "assumed": o.assumed,
            }
            for o in r.outlooks
        ],
        "crossovers": [
            {
                "from": c.start.value,
                "to": c.end.value,
                "budget_ratio": _interval_json(c.budget_ratio, "median"),
                "probability": round(c.probability, 4),
            }
            for c in r.crossovers
        ],
        "spending_plan": [{"strategy": m.value, "queries": q} for m, q in r.spending_plan],
        "runner_up": r.runner_up.value,
        "cheapest": r.cheapest.value,
        "studies": r.studies,
        "reasons": [{"text": x.text, "sources": list(x.sources)} for x in r.reasons],
        "caveats": [{"text": x.text, "sources": list(x.sources)} for x in r.caveats],
        "situation": {
            "task": s.task.value,
            "seeds": s.seeds,
            "queries": s.queries,
            "budget_ratio": round(s.budget_ratio, 4),
            "augmenter": s.augmenter,
            "calls": s.calls,
        },
    }


def _interval_json(interval: Interval, centre: str) -> dict[str, float]:
    return {
        centre: round(interval.mean, 4),
        "low80": round(interval.low80, 4),
        "high80": round(interval.high80, 4),
    }


def _calls(convention: str) -> Array:
    return np.array([float(calls_per_example(m, convention)) for m in STRATEGIES])


def _p_best(right: Array, stretch: float) -> Array:
    """Share of draws that each strategy wins, capped where the points are far. (K, 3) -> (3,), sums to 1."""
    p = np.bincount(right.argmax(axis=1), minlength=3) / len(right)
    top = int(p.argmax())
    if stretch > CAP_STRETCH and p[top] > CAP:
        rest = np.delete(p, top)
        shared = rest / rest.sum() if rest.sum() else np.full(2, 0.5)
        p = np.insert((1 - CAP) * shared, top, CAP)
    return np.asarray(p, dtype=np.float64)


def _outlook(
    m: int,
    situation: Situation,
    measurements: Sequence[Measurement],
    examples: Array,
    right: Array,
    p_best: Array,
    regret: Array,
    stretch: float,
) -> Outlook:
    strategy = STRATEGIES[m]
    own = sum(x.cell.arm is strategy for x in curves.usable(measurements))
    # a gap recovered is not behind any curve: it ranks, and the caveats cite it
    points = own or sum(p.metric == ACCURACY for p in published().about(situation.task, strategy))
    return Outlook(
        strategy=strategy,
        examples=int(examples[m]),
        accuracy=None if stretch > REFUSE_STRETCH else _interval(right[:, m]),
        p_best=float(p_best[m]),
        regret_points=float(regret[m]),
        points=points,
        assumed=points == 0,
    )


def _interval(draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.1, 0.9])
    return Interval(float(draws.mean()), float(low), float(high))


def _seeds_only(fitted: Fitted, situation: Situation) -> Array:
    return fitted.accuracies(situation.seeds, np.zeros((1, 3)))[:, 0, 0]


def _crossovers(draws: Array, situation: Situation, calls: Array) -> tuple[Crossover, ...]:
    """Every overtaking that at least one draw in ten shows, likeliest first."""
    at = curves.crossings(draws, situation.seeds, calls, RATIOS)
    found = []
    for start in range(3):
        for end in range(3):
            ratios = at[:, start, end]
            ratios = ratios[~np.isnan(ratios)]
            if len(ratios) < 0.1 * len(draws):
                continue
            low, median, high = np.quantile(ratios, [0.1, 0.5, 0.9])
            interval = Interval(float(median), float(low), float(high))
            found.append(Crossover(STRATEGIES[start], STRATEGIES[end], interval, len(ratios) / len(draws)))
    return tuple(sorted(found, key=lambda c: -c.probability))


def _bands(
    fitted: Fitted,
    situation: Situation,
    calls: Array,
    crossovers: tuple[Crossover, ...],
    outlooks: tuple[Outlook, ...],
) -> tuple[CurveBand, ...]:
    """Curves over budgets around the user's own and the likeliest crossover of each kind."""
    marks = [situation.queries] + [c.budget_ratio.mean * situation.seeds for c in crossovers if c.probability >= 0.25]
    queries = np.geomspace(max(min(marks) / 10, calls.max()), max(marks) * 5, BUDGETS)
    queries[int(np.abs(np.log(queries / situation.queries)).argmin())] = situation.queries
    right = fitted.accuracies(situation.seeds, queries[:, None] / calls)
    mean = right.mean(axis=0)
    low, high = np.quantile(right[::2], [0.1, 0.9], axis=0)
    return tuple(
        CurveBand(
            strategy=strategy,
            queries=tuple(queries.tolist()),
            mean=tuple(mean[:, m].tolist()),
            low80=tuple(low[:, m].tolist()),
            high80=tuple(high[:, m].tolist()),
            assumed=outlooks[m].assumed,
        )
        for m, strategy in enumerate(STRATEGIES)
    )


def _confidence(
    measured: bool,
    p_best: float,
    close: int,
    studies: int,
    stretch: float,
    fitted: Fitted,
    outlooks: tuple[Outlook, ...],
) -> str:
    """`low`, `medium` or `high`: how far the choice, not the accuracy, can be relied on."""
    if measured:
        reliable = (fitted.effective_draws or 0) >= 100 and stretch <= CAP_STRETCH
        if close > 1 or p_best < 0.7 or not reliable:
            return "low"
        return "high" if p_best >= 0.9 and not any(o.assumed for o in outlooks) else "medium"
    if close > 1 or p_best < 0.6 or studies < 3:
        return "low"
    return "high" if p_best >= 0.9 and studies >= 5 else "medium"
