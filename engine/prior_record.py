"""How the published prior did on papers that it had not seen: data/evidence/prior_validation.json, row by row.

The file is written by `engine.prior_validation`, which tells the same in docs/prior-validation.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from engine.evidence import FOLDER, Point, published


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One published accuracy, and what was expected of it without its paper. Percent."""

    point: Point
    expected: float
    low80: float
    high80: float

    @property
    def held(self) -> bool:
        """Whether it lies inside the 80 % interval."""
        return self.low80 <= self.point.value <= self.high80


@lru_cache(maxsize=1)
def left_out() -> tuple[LeftOut, ...]:
    """Every published accuracy that was predicted, in the order of the papers."""
    points = {point.id: point for point in published().points}
    papers = json.loads((FOLDER / "prior_validation.json").read_text())["papers"]
    found = []
    for paper in papers.values():
        for row in paper["rows"]:
            # Quantiles at 5, 10, 50, 90 and 95 percent; rows of one situation share a prediction.
            found += [
                LeftOut(points[name], row["mean"], row["quantiles"][1], row["quantiles"][3])
                for name in row["ids"]
                if name in points
            ]
    return tuple(found)
