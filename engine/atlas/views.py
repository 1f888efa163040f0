"""What one sees of an atlas from one place: curves of one world and number of seeds, and who wins at each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.atlas.design import (
    BUDGETS,
    FIRST,
    MIXED,
    NEW,
    PLAIN,
    REPHRASE,
    SEEDS,
    SEEDS_ONLY,
    STRONG,
    UNTUNED,
    USUAL,
    Place,
    arms,
)
from engine.atlas.resampled import Resampled
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
class Winner:
    """Who is likely best at one number of seeds and one budget, of the strategies that were measured there."""

    seeds: int
    budget: int
    arm: str
    p_best: float
    lead: float
    """Over the next best, fraction."""
    low80: float
    high80: float
    compared: tuple[str, ...]


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

    def _mean(self, place: Place) -> np.ndarray | None:
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
        """None where fewer than two strategies were measured; a mix is no single strategy, so it does not compete."""
        drawn = {
            arm: found
            for arm in arms(self.name)
            if arm != MIXED and (found := self._mean(self._place(arm, seeds, budget))) is not None
        }
        if len(drawn) < 2:
            return None
        names, every = tuple(drawn), np.array(list(drawn.values()))
        best = np.bincount(every[:, 1:].argmax(axis=0), minlength=len(names)) / (every.shape[1] - 1)
        first = int(every[:, 0].argmax())
        second = int(np.delete(every[:, 0], first).argmax())
        lead = every[first] - np.delete(every, first, axis=0)[second]
        low, high = np.quantile(lead[1:], (0.1, 0.9))
        return Winner(seeds, budget, names[first], float(best[first]), float(lead[0]), float(low), float(high), names)

    def winners(self) -> tuple[Winner, ...]:
        """At every place where two strategies or more were measured."""
        found = (self.winner(seeds, budget) for seeds in SEEDS for budget in BUDGETS)
        return tuple(one for one in found if one is not None)
