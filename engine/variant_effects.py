"""What each variant did: its cell less the plain cell beside it, on the same items at the same seeds and budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain import Measurement, Strategy
from engine.paired import Difference, difference
from engine.plan import PLAIN
from engine.run_noise import seed_noise

LEVEL = 0.8


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one variant on one strategy."""

    strategy: Strategy
    variant: str
    seeds: int
    budget: int
    examples: tuple[float, float]
    """Mean number of generated examples, of the plain cell and of the variant's: a vote or a gate makes them fewer."""
    found: Difference
    """Fractions, with the central 80 % interval."""


def effects(measurements: Sequence[Measurement]) -> tuple[Effect, ...]:
    """Every variant whose plain cell is measured too, in the order of the cells. Training seeds' noise is pooled over
    all cells of the run that have replicates."""
    cells: dict[tuple[Strategy, str, int, int], list[Measurement]] = {}
    runs: dict[tuple[str, str, int, int], list[Measurement]] = {}
    for m in measurements:
        if not m.outcomes:
            continue
        runs.setdefault((m.cell.arm.value, m.cell.variant, m.cell.seeds, m.cell.budget), []).append(m)
        if isinstance(m.cell.arm, Strategy):
            cells.setdefault((m.cell.arm, m.cell.variant, m.cell.seeds, m.cell.budget), []).append(m)
    if all(variant == PLAIN for _, variant, _, _ in cells):
        return ()
    noise = seed_noise([[m.outcomes for m in of_cell] for of_cell in runs.values()])
    found = []
    for (strategy, variant, seeds, budget), own in cells.items():
        plain = cells.get((strategy, PLAIN, seeds, budget), [])
        if variant == PLAIN or not plain:
            continue
        gap = difference([m.outcomes for m in own], [m.outcomes for m in plain], noise=noise, level=LEVEL)
        if gap is not None:
            examples = _mean(plain), _mean(own)
            found.append(Effect(strategy, variant, seeds, budget, examples, gap))
    return tuple(found)


def _mean(measurements: Sequence[Measurement]) -> float:
    return sum(m.examples for m in measurements) / len(measurements)
