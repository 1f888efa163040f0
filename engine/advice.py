"""Situation + curves + costs -> Recommendation. Pure; imports no model, no page, no network.

`recommend` answers one question: how should the next query be spent? Before the user has measured
anything it speaks from published studies (`basis` is `prior`) and puts no percentage in its headline;
with the user's own points the same draws are refitted and `basis` is `measured`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from engine import (
    alternatives,
    calibrated,
    curves,
    law,
    offers,
    prior_worlds,
    seeds_or_queries,
    situations,
    spending,
    what_if,
    wording,
    wording_choices,
    wording_headline,
)
from engine.advice_json import as_json
from engine.case import REFUSE_STRETCH, THINNED, Case, interval
from engine.comparison import detectable_difference
from engine.domain import (
    ATLAS,
    Crossover,
    CurveBand,
    Interval,
    Measurement,
    Outlook,
    Recommendation,
    Situation,
)
from engine.enough import enough
from engine.errors import InputError
from engine.evidence import ACCURACY, parameters_named, published
from engine.fitting import calibration
from engine.law import Array
from engine.next_pilot import next_pilot

__all__ = ["as_json", "next_pilot", "recommend"]

TOO_CLOSE_POINTS = 0.5
"""Strategies whose expected accuracies differ by less than this cannot be told apart."""
BUDGETS = 40
"""Points of a drawn curve."""
RATIOS = np.geomspace(0.1, 5000.0, 48)
"""Queries per seed in which crossovers are looked for."""


def recommend(situation: Situation, measurements: Sequence[Measurement] = ()) -> Recommendation:
    """The advice for a situation, from what is known before (`Situation.known`) and the user's own points.

    Raises InputError with everything that is wrong with the situation or the points. The order of the
    points does not matter. Points of a variant other than `plain`, and the teacher's own score, are
    left out of the fit and counted in a caveat.
    """
    problems = situations.problems(situation) + curves.problems(measurements)
    if problems:
        raise InputError(problems)
    case = Case.of(situation, measurements)
    names, fitted = case.strategies, case.fitted
    examples = case.whole_examples(situation.queries)
    right = fitted.accuracies(situation.seeds, examples[None])[:, 0, :]
    stretch = fitted.stretch(situation.seeds, examples)
    p_best = calibrated.p_best(right, stretch)
    expected = right.mean(axis=0)
    regret = 100 * (right.max(axis=1).mean() - expected)
    order = sorted(range(len(names)), key=lambda m: (regret[m], m))
    best, runner_up, worst = order[0], order[1], order[-1]
    threshold = threshold_points(situation.test_items)
    close = [m for m in range(len(names)) if regret[m] - regret[best] < threshold]
    # at one price, real questions that end before the budget does leave the rest of it
    cheapest = min(close, key=lambda m: (case.calls[m], case.calls[m] * examples[m], m))

    crossings = _crossovers(case)
    plan = _plan(case, best)
    winners = what_if.winners_by_calls(case, best)
    outlooks = tuple(_outlook(m, case, measurements, right, p_best, regret, stretch) for m in range(len(names)))
    here = [m.cell.budget for m in curves.usable(measurements) if m.cell.budget and m.cell.seeds == situation.seeds]
    bands, told = _bands(case, crossings, outlooks, here)
    size = situation.student_parameters or parameters_named(situation.student or "")
    atlas = situation.known == ATLAS  # its worlds are no studies of the task, of no student's size
    studies = () if atlas else published().studies(situation.task)
    of_size = None if size is None or atlas else published().studies(situation.task, parameters=size)
    matching = len(studies if of_size is None else of_size)
    confidence = _confidence(case, p_best[best], len(close), matching, stretch, outlooks)
    said = wording.Findings(
        situation=situation,
        recommended=names[best] if len(close) == 1 else None,
        close=tuple(names[m] for m in close),
        cheapest=names[cheapest],
        confidence=confidence,
        studies=studies,
        studies_of_size=of_size,
        outlooks=outlooks,
        crossovers=crossings,
        plan=plan,
        threshold=threshold,
        gain=calibrated.difference(right[:, best] - _seeds_only(case), stretch) if case.measured else None,
        other_calls_winner=next((m for _, m in winners if m is not names[best]), None),
        best=names[best],
        stretch=stretch,
        effective_draws=fitted.effective_draws,
        measurements=tuple(measurements),
    )
    found = Recommendation(
        situation=situation,
        recommended=said.recommended,
        cheapest=said.cheapest,
        runner_up=names[runner_up],
        basis="measured" if case.measured else "prior",
        confidence=confidence,
        headline=wording_headline.headline(said),
        outlooks=outlooks,
        crossovers=crossings,
        spending_plan=plan.parts,
        curves=tuple(_first(band, told) for band in bands),
        reasons=wording.reasons(said),
        caveats=wording.caveats(said),
        studies=len(studies),
        studies_of_size=None if of_size is None else len(of_size),
        threshold_points=threshold,
        at_stake=None if stretch > REFUSE_STRETCH else interval(100 * (right[:, best] - right[:, worst])),
        enough=enough(case, best),
        winners_by_calls=winners,
        flips=what_if.flips(case, best, runner_up, bands, winners),
        plan_gain_points=plan.gain_points,
        assumed_parameters=what_if.assumed_parameters(case),
        teachers=alternatives.teachers(case),
        augmenters=alternatives.augmenters(case),
        seeds_or_queries=seeds_or_queries.compare(case, best),
        verification=alternatives.verification(case, best),
        calibrated_on=calibrated.margins().domain if case.measured else None,
    )
    return replace(
        found,
        reasons=found.reasons + wording_choices.reasons(found),
        caveats=found.caveats + wording_choices.caveats(found, [m.cell.arm for m in measurements]),
    )


def threshold_points(test_items: int | None) -> float:
    """Expected differences below this many points are too close to call: ours, or what the test can see."""
    return TOO_CLOSE_POINTS if test_items is None else max(TOO_CLOSE_POINTS, 100 * detectable_difference(test_items))


def _plan(case: Case, best: int) -> spending.Plan:
    s = case.situation
    return spending.plan(case.fitted, s.seeds, s.queries, case.calls, best, case.most)


def _outlook(
    m: int,
    case: Case,
    measurements: Sequence[Measurement],
    right: Array,
    p_best: Array,
    regret: Array,
    stretch: float,
) -> Outlook:
    strategy, situation = case.strategies[m], case.situation
    own = sum(x.cell.arm is strategy for x in curves.usable(measurements))
    # a gap recovered is not behind any curve: it ranks, and the caveats cite it
    points = own or (
        prior_worlds.cells(situation.task, strategy)
        if situation.known == ATLAS
        else sum(p.metric == ACCURACY for p in published().about(situation.task, strategy))
    )
    kept = case.kept.get(strategy)
    each = offers.query_price(situation)
    made = case.calls[m] * (1.0 if kept is None else kept)
    return Outlook(
        strategy=strategy,
        examples=int(min(situation.queries / made + 1e-9, case.most[m])),
        accuracy=None if stretch > REFUSE_STRETCH else calibrated.level(right[:, m], stretch),
        p_best=float(p_best[m]),
        regret_points=float(regret[m]),
        points=points,
        assumed=points == 0,
        queries_per_kept=float(case.calls[m]),
        kept_share=kept,
        usd_per_kept=None if each is None else float(case.calls[m] * each),
    )


def _seeds_only(case: Case) -> Array:
    return case.fitted.accuracies(case.situation.seeds, np.zeros((1, len(case.calls))))[:, 0, 0]


def _crossovers(case: Case) -> tuple[Crossover, ...]:
    """Every overtaking that at least one draw in ten shows, likeliest first."""
    return _overtakings(case.fitted, case.situation.seeds, tuple(case.calls.tolist()), tuple(case.most.tolist()))


@lru_cache(maxsize=64)
def _overtakings(
    fitted: curves.Fitted, seeds: int, calls: tuple[float, ...], most: tuple[float, ...]
) -> tuple[Crossover, ...]:
    """They do not depend on the budget, which is what somebody moves."""
    if fitted.largest is not None:  # the curves then leave the law where the user's points do
        examples = np.minimum((RATIOS * seeds)[:, None] / np.array(calls), np.array(most))
        height = fitted.thinned(THINNED).accuracies(seeds, examples)
        at = curves.overtakings(height, RATIOS, from_the_start=True)
    else:
        at = curves.crossings(fitted.draws, seeds, np.array(calls), RATIOS, np.array(most))
    names, found = law.strategies(fitted.draws), []
    for i, start in enumerate(names):
        for j, end in enumerate(names):
            ratios = at[:, i, j]
            ratios = ratios[~np.isnan(ratios)]
            if len(ratios) < 0.1 * len(at):
                continue
            low, median, high = calibration.quantiles(ratios, [0.1, 0.5, 0.9])
            place = Interval(float(median), float(low), float(high))
            found.append(Crossover(start, end, place, len(ratios) / len(at), median <= 1.01 * RATIOS[0]))
    return tuple(sorted(found, key=lambda c: -c.probability))


def _bands(
    case: Case, crossovers: tuple[Crossover, ...], outlooks: tuple[Outlook, ...], measured: Sequence[int]
) -> tuple[tuple[CurveBand, ...], int]:
    """Curves over budgets around the user's own, the likeliest crossover of each kind, and all that was measured; and
    how many of their points, from the first, lie near enough to what was measured to be told."""
    s = case.situation
    marks = [s.queries] + [
        c.budget_ratio.mean * s.seeds for c in crossovers if c.probability >= 0.25 and not c.from_the_start
    ]
    nearest = min([min(marks) / 10, *(queries / 2 for queries in measured)])
    farthest = max([max(marks) * 5, *(queries * 2 for queries in measured)])
    queries = np.geomspace(max(nearest, case.calls.max()), farthest, BUDGETS)
    queries[int(np.abs(np.log(queries / s.queries)).argmin())] = s.queries
    case = case.thinned(500)  # they draw the same curves as twice as many
    right = case.accuracies(s.seeds, queries)
    mean = right.mean(axis=0)
    stretch = case.fitted.stretches(s.seeds, case.examples(queries[:, None]))
    low, high = (side.T for side in calibrated.bounds(right, stretch))
    bands = tuple(
        CurveBand(
            strategy=strategy,
            queries=tuple(queries.tolist()),
            mean=tuple(mean[:, m].tolist()),
            low80=tuple(low[m].tolist()),
            high80=tuple(high[m].tolist()),
            assumed=outlooks[m].assumed,
        )
        for m, strategy in enumerate(case.strategies)
    )
    return bands, int((stretch <= REFUSE_STRETCH).sum())  # with the budget the stretch grows


def _first(band: CurveBand, count: int) -> CurveBand:
    """Its first points."""
    sides = {name: getattr(band, name)[:count] for name in ("queries", "mean", "low80", "high80")}
    return replace(band, **sides)


def _confidence(
    case: Case, p_best: float, close: int, studies: int, stretch: float, outlooks: tuple[Outlook, ...]
) -> str:
    """`low`, `medium` or `high`: how far the choice, not the accuracy, can be relied on.

    `studies` match the task, and the student's size where it is known.
    """
    if case.measured:
        reliable = (case.fitted.effective_draws or 0) >= 100 and stretch <= calibration.CAP_STRETCH
        if close > 1 or p_best < 0.7 or not reliable:
            return "low"
        return "high" if p_best >= 0.9 and not any(o.assumed for o in outlooks) else "medium"
    if close > 1 or p_best < 0.6 or studies < 3:
        return "low"
    return "high" if p_best >= 0.9 and studies >= 5 else "medium"
