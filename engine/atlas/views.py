"""What one sees of an atlas from one place: curves of one world and number of seeds, and who wins at each place.

Who wins is asked of the strategies that anybody with seeds and a teacher can choose (`competing`), and only where all
of them were measured: who is best of those that happen to be there is no winner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.atlas.design import (
    BUDGETS,
    FIRST,
    MIXED,
    NEW,
    PLAIN,
    REAL,
    REPHRASE,
    SEEDS,
    SEEDS_ONLY,
    STRONG,
    UNTUNED,
    USUAL,
    Place,
    arms,
)
from engine.atlas.resampled import Array, Resampled
from engine.atlas.table import AtlasCell

WRITTEN = frozenset({REPHRASE, NEW, MIXED})
"""Arms whose questions somebody writes: others are the same with any augmenter."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured place; accuracies as fractions."""

    arm: str
    seeds: int
    budget: int
    """Examples asked for; 0 for baselines."""
    mean: float
    low80: float
    """Test items drawn again, replicates drawn again; for one replicate the usual noise of a pool and a training."""
    high80: float
    replicates: int


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one strategy is ahead; fractions."""

    arm: str
    p_best: float
    """Share of the draws in which it is."""
    mean: float
    low80: float
    high80: float


@dataclass(frozen=True, slots=True)
class Winner:
    """Who is likely best at one number of seeds and one budget."""

    seeds: int
    budget: int
    lead: Lead
    """Over the next best."""
    compared: tuple[str, ...]
    real: Lead | None
    """Of real questions over the winner; None where they were not measured."""

    @property
    def ratio(self) -> float:
        """Examples a seed."""
        return self.budget / self.seeds


@dataclass(frozen=True, slots=True)
class Missing:
    """A place that has no winner, since strategies that compete were not measured there."""

    seeds: int
    budget: int
    arms: tuple[str, ...]


def competing(world: str) -> tuple[str, ...]:
    """Real questions do not compete, since they take unlabelled inputs that not everybody has (and are measured at half
    of the budgets), nor do mixes, which are no single strategy."""
    return tuple(arm for arm in arms(world) if arm not in (REAL, MIXED))


class World:
    """The cells of one world on the first student, without slices of verification and settings, with one augmenter."""

    def __init__(self, cells: Sequence[AtlasCell], world: str, augmenter: str) -> None:
        self.name, self.augmenter = world, augmenter
        plain = (world, FIRST, PLAIN, USUAL)
        here = [one for one in cells if (one.world, one.student, one.check, one.setting) == plain]
        self.cells = tuple(here)
        self.known = Resampled(here) if here else None

    def _place(self, arm: str, seeds: int, budget: int) -> Place:
        return Place(self.name, arm, seeds, budget, 0, self.augmenter if arm in WRITTEN else STRONG)

    def _mean(self, place: Place) -> Array | None:
        return self.known.mean(place) if self.known is not None and place in self.known else None

    def curve(self, arm: str, seeds: int) -> tuple[Point, ...]:
        """What was measured of an arm with so many seeds, by budget; baselines have the one budget 0."""
        budgets = (0,) if arm in (SEEDS_ONLY, UNTUNED) else BUDGETS
        found = []
        for budget in budgets:
            place = self._place(arm, 0 if arm == UNTUNED else seeds, budget)
            if (drawn := self._mean(place)) is not None and self.known is not None:
                low, high = np.quantile(drawn[1:], (0.1, 0.9))
                count = self.known.replicates(place)
                found.append(Point(arm, seeds, budget, float(drawn[0]), float(low), float(high), count))
        return tuple(found)

    def winner(self, seeds: int, budget: int) -> Winner | None:
        """None where a strategy that competes was not measured."""
        drawn = self._drawn(seeds, budget)
        if len(drawn) < len(competing(self.name)):
            return None
        lead, names = _lead(drawn), tuple(drawn)
        real = self._mean(self._place(REAL, seeds, budget))
        return Winner(seeds, budget, lead, names, None if real is None else _ahead(REAL, real - drawn[lead.arm]))

    def winners(self) -> tuple[Winner, ...]:
        """At every place where all strategies that compete were measured."""
        found = (self.winner(seeds, budget) for seeds in SEEDS for budget in BUDGETS)
        return tuple(one for one in found if one is not None)

    def missing(self) -> tuple[Missing, ...]:
        """Every other place."""
        here = ((seeds, budget, self._drawn(seeds, budget)) for seeds in SEEDS for budget in BUDGETS)
        every = competing(self.name)
        return tuple(
            Missing(seeds, budget, tuple(arm for arm in every if arm not in drawn))
            for seeds, budget, drawn in here
            if len(drawn) < len(every)
        )

    def band(self, low: float, high: float) -> Lead | None:
        """Who is likely best in the mean of the places from `low` to `high` examples a seed; None where there is no
        place with all that compete."""
        places = [(seeds, budget) for seeds in SEEDS for budget in BUDGETS if low <= budget / seeds <= high]
        every = [self._drawn(*place) for place in places]
        whole = [drawn for drawn in every if len(drawn) == len(competing(self.name))]
        return _lead({arm: np.mean([one[arm] for one in whole], axis=0) for arm in whole[0]}) if whole else None

    def _drawn(self, seeds: int, budget: int) -> dict[str, Array]:
        """Of the strategies that compete, those that were measured at a place."""
        found = {arm: self._mean(self._place(arm, seeds, budget)) for arm in competing(self.name)}
        return {arm: mean for arm, mean in found.items() if mean is not None}


def opening(worlds: Sequence[World]) -> tuple[str, int, int] | None:
    """World, seeds and budget that say most of the trade-off: where a winner's lead is largest for sure, first of all
    among the worlds where most strategies compete. None where nothing has a winner."""
    found = [(world.name, one) for world in worlds for one in world.winners()]
    if not found:
        return None
    name, best = max(found, key=lambda place: (len(place[1].compared), place[1].lead.low80))
    return name, best.seeds, best.budget


def _lead(drawn: dict[str, Array]) -> Lead:
    """Of the likely best over the next best."""
    names, every = tuple(drawn), np.array(list(drawn.values()))
    first = int(every[:, 0].argmax())
    others = np.delete(every, first, axis=0)
    lead = _ahead(names[first], every[first] - others[int(others[:, 0].argmax())])
    return replace(lead, p_best=float((every[:, 1:].argmax(axis=0) == first).mean()))


def _ahead(arm: str, difference: Array) -> Lead:
    low, high = np.quantile(difference[1:], (0.1, 0.9))
    return Lead(arm, float((difference[1:] > 0).mean()), float(difference[0]), float(low), float(high))
