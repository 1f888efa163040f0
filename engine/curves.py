"""Draws of the law -> curves and crossovers. `engine.posterior` moves the draws by the user's own points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine import law
from engine.domain import Baseline, Measurement, Strategy
from engine.errors import InputError
from engine.fitting.calibration import quantiles
from engine.law import Array
from engine.misfit import Misfit, Places

MOST = 10**12
"""No count of a measurement is larger: a slip of the keyboard is."""
UNMEASURED = 0.25
"""Logit scale: a strategy that the user has not measured, next to ones that were. Not calibrated yet."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """Draws of the law for one task, and how far the user's points reach. Equal to itself alone: a key of caches."""

    draws: Array
    """(K, 11) or (K, 12), columns as in `engine.law`; M strategies by it."""
    floor: float
    largest: Array | None = None
    """(M,) largest measured effective examples by strategy; None where nothing was measured."""
    misfit: Misfit | None = None
    """How the user's task deviates from the law; None where nothing was measured."""
    unmeasured: NDArray[np.bool_] | None = None
    """(M,) strategies without a point of their own; None where nothing was measured."""
    effective_draws: float | None = None
    """Effective sample size of the draws; None on the prior. Below 100 the interval is unreliable."""

    def accuracies(self, seeds: float, examples: Array, worth: Array | None = None) -> Array:
        """Expected accuracy of every strategy alone. `examples` (B, M) -> (K, B, M), fractions.

        `worth` (M,) multiplies what an example of each strategy is worth: for what-if questions.
        """
        weight = np.exp(self.draws[:, law.SEED_WEIGHT])[:, None, None]
        useful = law.useful_per_seed(self.draws, seeds, examples / seeds)
        n = seeds * (weight + (useful if worth is None else useful * worth))
        right = law.accuracy(self.draws, n, self.floor)
        if self.misfit is None or self.unmeasured is None:
            return right
        deviation, doubt = np.zeros_like(right), np.zeros(examples.shape)
        for m in range(examples.shape[1]):
            places = Places(np.full(len(examples), m), np.full(len(examples), float(seeds)), examples[:, m])
            deviation[:, :, m], doubt[:, m] = self.misfit.at(places)
        if self.unmeasured.any():
            # seeds alone are the same for every strategy
            made = quantiles(1 - seeds * weight / n, [0.5])[0]
            doubt = np.hypot(doubt, np.where(self.unmeasured, UNMEASURED, 0.0) * made)
        # One draw of noise for a whole curve: a curve is uncertain as a whole, not jagged.
        noise = np.random.default_rng(7).standard_normal((len(n), 1, examples.shape[1]))
        return law.expit(law.logit(np.clip(right, 1e-6, 1 - 1e-6)) + deviation + noise * doubt)

    def stretch(self, seeds: float, examples: Array) -> float:
        """How many times more effective examples than the largest cell measured; 0 on the prior. `examples` (M,)."""
        return float(self.stretches(seeds, examples[None])[0])

    def stretches(self, seeds: float, examples: Array) -> Array:
        """The same for B budgets, the largest over strategies. `examples` (B, M) -> (B,)."""
        if self.largest is None:
            return np.zeros(len(examples))
        weight = np.exp(self.draws[:, law.SEED_WEIGHT])[:, None, None]
        n = seeds * (weight + law.useful_per_seed(self.draws, seeds, examples / seeds))
        return np.asarray((quantiles(n, [0.5])[0] / self.largest.max()).max(axis=1), dtype=np.float64)

    def without_real(self) -> Fitted:
        """The same without real questions, where they were measured but there are none to ask about."""
        count = len(law.STRATEGIES)
        return replace(
            self,
            draws=self.draws[:, : len(law.PARAMETERS)],
            largest=None if self.largest is None else self.largest[:count],
            unmeasured=None if self.unmeasured is None else self.unmeasured[:count],
        )

    def thinned(self, count: int) -> Fitted:
        """About `count` of the draws, evenly spaced: for questions that take many evaluations."""
        pick = slice(None, None, max(1, len(self.draws) // count))
        misfit = self.misfit and replace(self.misfit, residuals=self.misfit.residuals[pick])
        return replace(self, draws=self.draws[pick], misfit=misfit)


def crossings(draws: Array, seeds: float, calls: Array, ratios: Array, most: Array | float = np.inf) -> Array:
    """Queries per seed from which one strategy stays ahead of another by the law. (K, M, M), [start, end].

    NaN where `end` does not overtake `start` within `ratios` (B,), queries per seed, rising. `calls`
    (M,) is queries per example, `most` (M,) how many examples there can be at all. Only N decides: f
    rises, so it moves no crossing.
    """
    per_seed = law.useful_per_seed(draws, seeds, np.minimum(ratios[:, None] / calls, most / seeds))
    return overtakings(np.log(per_seed), ratios)


def overtakings(height: Array, ratios: Array, *, from_the_start: bool = False) -> Array:
    """The same from curves of any kind: `height` (K, B, M) at `ratios` (B,), on a scale of its own.

    `from_the_start` counts a lead at every ratio as an overtaking at the first: measured curves may show
    that the seeds alone are overtaken at once.
    """
    log_ratio = np.log(ratios)
    count = height.shape[2]
    out = np.full((len(height), count, count), np.nan)
    for start in range(count):
        for end in range(count):
            leads = np.flatnonzero(height[:, -1, end] > height[:, -1, start])
            if not len(leads):
                continue
            gap = height[leads, :, end] - height[leads, :, start]
            ahead = gap > 0
            after = len(ratios) - np.argmax(~ahead[:, ::-1], axis=1)  # first ratio of the lead that lasts
            always = ahead.all(axis=1)
            hi = np.clip(after, 1, len(ratios) - 1)
            rows = np.arange(len(leads))
            a, b = gap[rows, hi - 1], gap[rows, hi]
            share = np.divide(-a, b - a, out=np.zeros_like(a), where=b != a)
            at = np.exp(log_ratio[hi - 1] + (log_ratio[hi] - log_ratio[hi - 1]) * np.clip(share, 0, 1))
            out[leads, start, end] = np.where(always, ratios[0] if from_the_start else np.nan, at)
    return out


def check(measurements: Sequence[Measurement]) -> None:
    """Raises InputError with everything that is wrong with the user's points."""
    found = problems(measurements)
    if found:
        raise InputError(found)


def problems(measurements: Sequence[Measurement]) -> list[str]:
    """Everything that is wrong with the user's points, a sentence each; empty where nothing is."""
    found = []
    for m in measurements:
        name = f"{m.cell.arm.value} at {m.cell.budget} queries from {m.cell.seeds} seeds"
        counts = (m.correct, m.scored, m.not_scored, m.cell.seeds, m.cell.budget, m.examples)
        if any(n != n // 1 or abs(n) > MOST for n in counts):  # a number without a value is not equal to itself
            found.append(f"{name}: {m.correct} right of {m.scored}; expected whole numbers up to {MOST:,}.")
            continue
        if m.scored < 0 or m.correct < 0 or m.not_scored < 0:
            found.append(f"{name}: {m.correct} right of {m.scored}; expected counts of 0 or more.")
        elif m.correct > m.scored:
            found.append(f"{name}: {m.correct} right of {m.scored}; no more can be right than were scored.")
        if m.cell.seeds < 1 or m.cell.budget < 0 or m.examples < 0:
            found.append(f"{name}, {m.examples} examples: expected at least 1 seed, and counts of 0 or more.")
    return found


def usable(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The points that the law speaks about, in an order of their own: plain and scored, of one strategy or a student
    without one."""
    spoken_of = (*Strategy, Baseline.UNTUNED, Baseline.SEEDS_ONLY)
    plain = [m for m in measurements if m.scored and m.cell.variant == "plain" and m.cell.arm in spoken_of]
    return sorted(plain, key=lambda m: (m.cell.key, m.examples, m.correct, m.scored))
