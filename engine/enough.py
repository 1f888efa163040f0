"""How much is enough: what half of the budget gives up, and what twice the budget brings, with the same strategy.

Points are differences between two places of one curve, draw by draw, so that what is not known of its height takes no
part. Margins of measured advice are learned for one place or for two strategies, and none is added here.
"""

from __future__ import annotations

import numpy as np

from engine.case import REFUSE_STRETCH, Case, interval
from engine.domain import Enough, Interval

FACTORS = (0.5, 1.0, 2.0)


def enough(case: Case, strategy: int) -> Enough | None:
    """Points of accuracy below and above the budget, all of it spent on that strategy; None where no accuracy is told
    there."""
    s = case.situation
    queries = s.queries * np.array(FACTORS)
    if queries[0] < case.calls.max():
        return None
    thin = case.thinned()
    half, here, twice = thin.accuracies(s.seeds, queries)[:, :, strategy].T
    far = thin.fitted.stretches(s.seeds, thin.examples(queries[:, None])) > REFUSE_STRETCH
    if far[1]:
        return None
    return Enough(interval(100 * (here - half)), None if far[2] else interval(100 * (twice - here)))


def told(found: Enough) -> str:
    """In a sentence, with 80 % intervals."""
    said = f"How much is enough? Half the budget for the same strategy would give up {_points(found.half_points)}"
    if found.double_points is not None:
        said += f", twice the budget would bring {_points(found.double_points)}"
    return f"{said}."


def _points(found: Interval) -> str:
    if found.high80 < 0.1:
        return "less than 0.1 points"
    return f"{found.mean:.1f} points ({found.low80:.1f} to {found.high80:.1f})"
