"""The curves as they would be with another question writer, teacher or student, or with checked answers.

For the same money: what a change costs is in the curve, so that the old one and the new one stand on one axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine import calibrated, prior, student_size
from engine.case import REFUSE_STRETCH, Case, interval
from engine.domain import CurveBand, Interval, Measurement, Situation, Strategy
from engine.errors import InputError
from engine.evidence import parameters_named
from engine.law import Array

DRAWS = 500
"""Draws that the curves are made from: every other one, as the advice's own bands are."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would be otherwise. The defaults change nothing."""

    augmenter: str = "strong"
    """`strong` or `weak`."""
    price: float = 1.0
    """What a query of the other teacher costs, as a share of what one costs now."""
    worth: float = 1.0
    """What one of its examples is worth, as a share of what one is worth now."""
    rejected: float | None = None
    """Share of examples that a check throws out (0 up to 1); None where nothing is checked.

    What is left is worth more in proportion: wrong answers are taken to teach nothing.
    """
    check_queries: float = 1.0
    """Queries that checking one example takes; 0 where the user can check without the teacher."""
    student: float | None = None
    """Parameters of the other student; None leaves it."""

    def problems(self) -> list[str]:
        """Everything that is wrong with it."""
        found = []
        if self.augmenter not in ("strong", "weak"):
            found.append(f"Augmenter: {self.augmenter!r}; expected strong or weak.")
        if not self.price > 0:
            found.append(f"Price of the other teacher: {self.price} of the present one; expected more than 0.")
        if not self.worth > 0:
            found.append(f"Worth of its examples: {self.worth}; expected more than 0.")
        if self.rejected is not None and not 0 <= self.rejected < 1:
            found.append(f"Share that a check throws out: {self.rejected}; expected 0 up to 1.")
        if self.student is not None and not self.student > 0:
            found.append(f"Student: {self.student} parameters; expected more than 0.")
        return found


@dataclass(frozen=True, slots=True)
class Side:
    """Before the change, or after it, at the user's budget."""

    bands: tuple[CurveBand, ...]
    accuracy: tuple[Interval | None, ...]
    """One for each strategy, in the order of `bands`; None where it is refused."""
    p_best: tuple[float, ...]
    best: Strategy
    """The highest expected accuracy."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The best strategy before against the best one after."""

    before: Side
    after: Side
    gain_points: Interval
    """Expected accuracy of the best after the change over that of the best before it, in points."""


def compare(
    situation: Situation, change: Change, bands: Sequence[CurveBand], measurements: Sequence[Measurement] = ()
) -> Compared:
    """Both sides at the budgets of `bands`, the advice's own curves, counted in queries of the present teacher.

    Raises InputError where the change is none that can be.
    """
    if found := change.problems():
        raise InputError(found)
    whole = Case.of(situation, measurements)
    base, other = whole.thinned(DRAWS), _changed(whole, change).thinned(DRAWS)
    spent = np.array([*bands[0].queries, situation.queries], dtype=np.float64)
    right = base.accuracies(situation.seeds, spent)
    worth = np.full(len(base.calls), change.worth / (1 - (change.rejected or 0.0)))
    moved = other.accuracies(situation.seeds, spent, worth)
    if change.student is not None:
        start = situation.student_parameters or parameters_named(situation.student or "") or student_size.USUAL
        moved = student_size.shifted(moved, start, change.student, prior.floor(situation.task))
    stretch = base.fitted.stretches(situation.seeds, base.examples(spent[:, None]))
    # Whatever draws a curve farther out than the points also makes it as wide as one that far out.
    further = np.maximum(stretch, base.fitted.stretches(situation.seeds, other.examples(spent[:, None])))
    before, after = _side(base, right, stretch, bands), _side(other, moved, further, bands)
    best = [list(whole.strategies).index(side.best) for side in (before, after)]
    gain = 100 * (moved[:, -1, best[1]] - right[:, -1, best[0]])
    return Compared(before, after, interval(gain))


def _changed(case: Case, change: Change) -> Case:
    """With another price and strength of everybody who is asked. A check is paid for every example that is made."""
    calls = case.calls
    if change.rejected is not None:
        kept = np.array([case.kept.get(m, 1.0) for m in case.strategies])
        calls = (calls + change.check_queries / kept) / (1 - change.rejected)
    return replace(case.augmented(change.augmenter), calls=calls * change.price)


def _side(case: Case, right: Array, stretch: Array, bands: Sequence[CurveBand]) -> Side:
    """`right` (K, B + 1, M) and `stretch` (B + 1,): the user's own budget stands last."""
    mean = right.mean(axis=0)
    found = []
    for m, band in enumerate(bands):
        low, high = calibrated.bounds(right[:, :-1, m], stretch[:-1])
        found.append(
            replace(band, mean=tuple(mean[:-1, m].tolist()), low80=tuple(low.tolist()), high80=tuple(high.tolist()))
        )
    here = float(stretch[-1])
    refused = here > REFUSE_STRETCH
    return Side(
        bands=tuple(found),
        accuracy=tuple(None if refused else calibrated.level(right[:, -1, m], here) for m in range(len(bands))),
        p_best=tuple(calibrated.p_best(right[:, -1], here).tolist()),
        best=case.strategies[int(mean[-1].argmax())],
    )
