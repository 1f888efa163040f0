"""What a pilot's cells say about its strategies: each against the seeds alone and against each other, pair by pair.

Cells of one seed count and one budget are compared on the same test items (`engine.paired`), Holm over all pairs of the
pilot. Variants stand beside their plain cell instead (`engine.variant_effects`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from engine.comparison import Duel, duel
from engine.domain import Arm, Baseline, Measurement, Strategy
from engine.paired import Difference, compare_all
from engine.plan import PLAIN
from engine.run_noise import noises

LEVEL = 0.95
LEAST_ITEMS = 10
"""Fewer shared items than this are no comparison."""
Place = tuple[Arm, int, int]
"""Arm, seeds and budget: what a pilot's cells of one expected accuracy have in common."""
DETECTABLE = 2.8
"""Standard errors that a true difference must have to be found in four of five pilots at 5 %, two-sided."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two strategies, or a strategy and the seeds alone, at one seed count and budget."""

    one: Arm
    other: Arm
    seeds: int
    budget: int
    runs: tuple[int, int]
    """Adapters behind each."""
    found: Difference
    """Fractions, with the central 95 % interval."""
    adjusted_p: float
    """Holm's, over all pairs of the pilot."""
    first: Duel
    """McNemar's test on the first adapter of each: it speaks of these two adapters."""

    @property
    def winner(self) -> Arm | None:
        """The better one, where the two differ at 5 % over all pairs."""
        if self.adjusted_p >= 1 - LEVEL or self.found.difference == 0:
            return None
        return self.one if self.found.difference > 0 else self.other

    @property
    def standard_error(self) -> float:
        """Of the difference, all parts of noise together; fraction."""
        parts = self.found.item_error, self.found.seed_error or 0.0, self.found.pool_error or 0.0
        return float(np.sqrt(sum(part**2 for part in parts)))

    @property
    def detectable(self) -> float:
        """The smallest true difference that four of five such comparisons find, before Holm; fraction."""
        return DETECTABLE * self.standard_error


@dataclass(frozen=True, slots=True)
class RunPairs:
    """All comparisons of a pilot, and the noise that they count with."""

    pairs: tuple[Contrast, ...]
    seed_sd: float | None
    """Standard deviation of a cell's accuracy over training seeds; fraction. None without replicates."""
    pool_sd: float | None
    """That over pools; None where nothing generated was measured."""
    pool_gaps: int
    """Gaps between independent pools that were measured; 0: `pool_sd` is assumed."""


def run_pairs(measurements: Sequence[Measurement], families: Sequence[str | None] | None = None) -> RunPairs:
    """Compares what has been measured so far; no pair where nothing can be compared yet.

    `families` names each test item's family (None: its own). The first pool of a cell and further ones are one cell of
    several runs.
    """
    width = max((len(m.outcomes) for m in measurements if m.cell.arm != Baseline.TEACHER), default=0)
    cells: dict[Place, list[Measurement]] = {}
    for m in measurements:
        takes_part = isinstance(m.cell.arm, Strategy) or m.cell.arm is Baseline.SEEDS_ONLY
        if takes_part and m.cell.variant == PLAIN and len(m.outcomes) == width >= LEAST_ITEMS:
            cells.setdefault((m.cell.arm, m.cell.seeds, m.cell.budget), []).append(m)
    names = {place: "/".join(map(str, place)) for place in cells}
    outcomes = {names[place]: [m.outcomes for m in found] for place, found in cells.items()}
    made = {
        names[place]: [m.cell.pool for m in found] for place, found in cells.items() if isinstance(place[0], Strategy)
    }
    wanted = _wanted(list(cells))
    if families is not None and len(families) != width:
        families = None
    compared = compare_all(outcomes, families, wanted=[(names[a], names[b]) for a, b in wanted], made=made, level=LEVEL)
    places = {name: place for place, name in names.items()}
    found = []
    for pair in compared:
        (one, seeds, budget), (other, _, low) = places[pair.one], places[pair.other]
        mine, theirs = cells[places[pair.one]], cells[places[pair.other]]
        if pair.found.items < LEAST_ITEMS:
            continue
        found.append(
            Contrast(
                one,
                other,
                seeds,
                max(budget, low),
                (len(mine), len(theirs)),
                pair.found,
                pair.adjusted_p,
                duel(mine[0].outcomes, theirs[0].outcomes),
            )
        )
    noise, again = noises(outcomes, made)
    return RunPairs(
        tuple(found),
        None if noise is None else noise.sd,
        None if again is None else again.sd,
        0 if again is None else again.gaps,
    )


def _wanted(cells: Sequence[Place]) -> list[tuple[Place, Place]]:
    """The largest budgets first; at each, every strategy against the seeds alone, then against each other."""
    order = list(Strategy)
    found: list[tuple[Place, Place]] = []
    for seeds, budget in sorted({(seeds, budget) for _, seeds, budget in cells if budget}, reverse=True):
        here: list[Place] = sorted(
            (place for place in cells if place[1:] == (seeds, budget)),
            key=lambda place: order.index(Strategy(place[0])),
        )
        alone: Place = (Baseline.SEEDS_ONLY, seeds, 0)
        found += [(place, alone) for place in here if alone in cells]
        found += combinations(here, 2)
    return found
