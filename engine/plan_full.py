"""The table of a plan that is generated whole: queries by strategy, and where the data set is written."""

from __future__ import annotations

from pydantic import Field

from engine.domain import Strategy
from engine.plan_parts import Part


class ForecastPlan(Part):
    """What the advice expected before the full run. Fractions of test items."""

    mean: float = Field(ge=0, le=1)
    low80: float = Field(ge=0, le=1)
    high80: float = Field(ge=0, le=1)
    pilot: str = ""
    """The run whose measurements it rests on."""


class FullPlan(Part):
    """The full run: what a spending plan comes to, and nothing that is measured."""

    spending: dict[Strategy, int]
    """Teacher queries by strategy, in the order in which they are spent."""
    folder: str = Field(min_length=1)
    """The data set folder."""
    with_seeds: bool = True
    """Whether the seeds stand in the data set too, marked as such: a student is trained on both."""
    held_out: bool = False
    """Whether test items are split off from the seeds as the plan's pilot does; otherwise every row is a seed."""
    train: bool = False
    """Whether the student is trained on the data set, and measured on the test items."""
    forecast: ForecastPlan | None = None
    """What is expected of that student; kept to be held against what is measured."""

    def problems(self) -> list[str]:
        """What does not fit together."""
        found = [
            f"full.spending.{strategy.value}: found {queries}, expected at least 2 (one example costs up to 2 queries)"
            for strategy, queries in self.spending.items()
            if queries < 2
        ]
        return found if self.spending else ["full.spending: is empty; give queries to at least one strategy"]
