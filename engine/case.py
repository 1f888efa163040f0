"""A situation with its fit and its prices: what every part of the advice is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from engine import law, offers, posterior, prior
from engine.curves import Fitted
from engine.domain import Interval, Measurement, Situation, Strategy, TaskType
from engine.fitting.calibration import quantiles
from engine.law import Array

REFUSE_STRETCH = 32.0
"""Beyond this many times the largest measured effective examples, no accuracy is given."""
THINNED = 250
"""Draws that questions with many evaluations are answered from."""


@dataclass(frozen=True)
class Case:
    """M strategies compete; K draws."""

    situation: Situation
    fitted: Fitted
    strategies: tuple[Strategy, ...]
    kept: dict[Strategy, float]
    """Share kept in the user's own pools, where it is known."""
    calls: Array
    """(M,) queries per kept example."""
    most: Array
    """(M,) how many examples there can be."""

    @classmethod
    def of(cls, situation: Situation, measurements: Sequence[Measurement]) -> Case:
        """Fits the user's points. Real questions compete where there are unlabelled inputs."""
        compete = bool(situation.unlabelled)
        real = compete or any(m.cell.arm is Strategy.REAL_QUESTION for m in measurements)
        fitted = _refitted(situation.task, situation.augmenter, real, situation.known, tuple(measurements))
        if real and not compete:
            fitted = fitted.without_real()
        strategies = law.strategies(fitted.draws)
        kept = offers.kept_shares(measurements, situation.none_kept)
        calls = offers.per_example(strategies, situation, situation.calls, kept)
        return cls(situation, fitted, strategies, kept, calls, offers.most_examples(strategies, situation))

    @property
    def measured(self) -> bool:
        """Whether the user's own points moved the curves."""
        return self.fitted.largest is not None

    def examples(self, queries: Array | float) -> Array:
        """Kept examples that queries buy, fractions allowed. A number -> (M,), (B, 1) -> (B, M)."""
        return np.asarray(np.minimum(queries / self.calls, self.most), dtype=np.float64)

    def whole_examples(self, queries: float) -> Array:
        """The same in whole examples. (M,)."""
        return np.floor(self.examples(queries) + 1e-9)

    def accuracies(self, seeds: float, queries: Array, worth: Array | None = None) -> Array:
        """Accuracy of every strategy alone for budgets `queries` (B,). (K, B, M), fractions."""
        return self.fitted.accuracies(seeds, self.examples(queries[:, None]), worth)

    def counted(self, calls: str) -> Case:
        """The same case where calls are counted in that way."""
        return replace(self, calls=offers.per_example(self.strategies, self.situation, calls, self.kept))

    def augmented(self, augmenter: str) -> Case:
        """The same case with another strength of the model that writes questions."""
        if augmenter == self.situation.augmenter:
            return self
        draws = prior.with_augmenter(self.fitted.draws, augmenter)
        situation = replace(self.situation, augmenter=augmenter)
        return replace(self, situation=situation, fitted=replace(self.fitted, draws=draws))

    def law_alone(self) -> Case:
        """The same without deviations from the law: for slopes, and for seed counts at which nothing was measured."""
        return replace(self, fitted=replace(self.fitted, misfit=None))

    def thinned(self, count: int = THINNED) -> Case:
        """The same case on about `count` draws."""
        return replace(self, fitted=self.fitted.thinned(count))


@lru_cache(maxsize=32)
def _refitted(task: TaskType, augmenter: str, real: bool, known: str, measurements: tuple[Measurement, ...]) -> Fitted:
    """The fit does not depend on the budget, which is what somebody moves."""
    return posterior.refit(prior.for_task(task, augmenter, real, known), measurements, prior.floor(task))


def interval(draws: Array) -> Interval:
    """Mean and central 80 % interval of draws (K,)."""
    low, high = quantiles(draws, [0.1, 0.9])
    return Interval(float(draws.mean()), float(low), float(high))
