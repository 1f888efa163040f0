"""What would flip the advice, and what the data have not decided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine import law, prior
from engine.case import Case
from engine.costs import CALLS
from engine.domain import CurveBand, Flip, Strategy
from engine.law import Array

ASSUMED_WIDTH = 0.8
"""A parameter at least this wide against what was known before the data was not moved by them."""
LEVEL = 2e-4
"""Accuracies that differ by less are level: a fiftieth of a point."""
WORTH_TRIED = 30.0
"""No strategy's examples are asked to be worth more than this many times what they are thought to be."""


def winners_by_calls(case: Case, best: int) -> tuple[tuple[str, Strategy], ...]:
    """The strategy with the highest expected accuracy under each convention of counting calls."""
    found = []
    for calls in CALLS:
        if calls == case.situation.calls:
            found.append((calls, case.strategies[best]))
        else:
            found.append((calls, case.strategies[int(_expected(case.counted(calls)).argmax())]))
    return tuple(found)


def flips(
    case: Case, best: int, runner_up: int, bands: tuple[CurveBand, ...], winners: tuple[tuple[str, Strategy], ...]
) -> tuple[Flip, ...]:
    """Other budgets, another augmenter, another count of calls, a worthier runner-up: each by itself."""
    found = _budgets(case, best, bands)
    other = "weak" if case.situation.augmenter == "strong" else "strong"
    leader = case.strategies[int(_expected(case.augmented(other)).argmax())]
    if leader is not case.strategies[best]:
        found.append(Flip("augmenter", leader, other))
    found += [Flip("calls", winner, calls) for calls, winner in winners if winner is not case.strategies[best]]
    needed = worth_needed(case, best, runner_up)
    if needed is not None:
        found.append(Flip("quality", case.strategies[runner_up], needed))
    return tuple(found)


def _budgets(case: Case, best: int, bands: tuple[CurveBand, ...]) -> list[Flip]:
    """The nearest budget below and above from which another strategy has the highest expected accuracy."""
    queries = np.array(bands[0].queries)
    mean = np.array([band.mean for band in bands])
    here = int(np.abs(queries - case.situation.queries).argmin())
    found = []
    for step, end in ((-1, -1), (1, len(queries))):
        for at in range(here + step, end, step):
            leader = int(mean[:, at].argmax())
            if leader == best:
                continue
            gap = mean[leader] - mean[best]
            before, after = gap[at - step], gap[at]
            share = float(np.clip(-before / (after - before), 0, 1)) if after != before else 1.0
            log_at = np.log(queries[at - step]) + share * np.log(queries[at] / queries[at - step])
            found.append(Flip("budget", case.strategies[leader], float(round(np.exp(log_at)))))
            break
    return found


def worth_needed(case: Case, best: int, runner_up: int) -> float | None:
    """How many times as much an example of the runner-up would have to be worth to draw level; None beyond reach."""
    thin = case.thinned()
    s = case.situation
    examples = thin.whole_examples(s.queries)[None]

    def lead(worth: float) -> float:
        factor = np.where(np.arange(len(case.calls)) == runner_up, worth, 1.0)
        mean = thin.fitted.accuracies(s.seeds, examples, factor)[:, 0].mean(axis=0)
        return float(mean[runner_up] - mean[best])

    return crossing(lead, 1.0, WORTH_TRIED)


def crossing(lead: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a rising lead, a fraction of accuracy, becomes 0 as far as one can see it; None if it does not.

    False position on the logarithm with the Illinois rule: an end that stays twice counts half.
    """
    below, above = lead(low), lead(high)
    if above < 0 or below > 0:
        return None
    log_low, log_high, log_at, stayed = np.log(low), np.log(high), np.log(low), 0
    for _ in range(30):
        log_at = log_low + (log_high - log_low) * (-below / (above - below) if above > below else 0.5)
        value = lead(float(np.exp(log_at)))
        if abs(value) < LEVEL:
            break
        if value < 0:
            log_low, below, above = log_at, value, above / (2 if stayed > 0 else 1)
            stayed = 1
        else:
            log_high, above, below = log_at, value, below / (2 if stayed < 0 else 1)
            stayed = -1
    return float(np.exp(log_at))


def assumed_parameters(case: Case) -> tuple[str, ...]:
    """Parameters of the law that the data did not move: names as in `engine.law`.

    On the prior the data are the published rows, and a task type that they do not speak about has nothing
    but assumptions. Where the user measured, the data are their points.
    """
    names = (*law.PARAMETERS, law.REAL_PARAMETER)
    real = Strategy.REAL_QUESTION in case.strategies
    width = prior.widths(case.situation, real)
    if case.measured:
        before = prior.for_situation(case.situation, real)
        width = case.fitted.draws.std(axis=0) / before.std(axis=0)
    return tuple(name for name, x in zip(names, width, strict=False) if x >= ASSUMED_WIDTH)


def _expected(case: Case) -> Array:
    s = case.situation
    right = case.fitted.accuracies(s.seeds, case.whole_examples(s.queries)[None])
    return np.asarray(right[:, 0].mean(axis=0), dtype=np.float64)
