"""How often a pilot names a winner that is none, and how often it finds one that is: `seedpilot bench false_winners`.

Simulated pilots through the code that compares a real one's cells (`engine.run_pairs`): three strategies and the seeds
alone, two budgets, replicates, 300 test items of uneven difficulty, a second pool at the smaller budget, Holm over all
pairs. Noise is put in on the logit scale: what suits a cell on an item, the training seed, and the pool. In pilots
without a difference every named winner is a false one; beside them stand pilots in which new questions are truly
better at the larger budget.

numpy only; about 15 ms a pilot at 2,000 draws.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from engine.domain import Baseline, Cell, Measurement, Strategy
from engine.run_pairs import Contrast, run_pairs

STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
BUDGETS = (200, 1600)
SEEDS = 100


@dataclass(frozen=True, slots=True)
class World:
    """What simulated pilots are like."""

    name: str
    items: int = 300
    family: int = 1
    """Items a family."""
    replicates: int = 2
    hardness: float = 1.5
    """Spread of the items' difficulty, logit scale."""
    suits: float = 0.8
    """How much an item suits one cell more than another, logit scale."""
    seed: float = 0.06
    """Training seed, logit scale: 0.06 moves an accuracy of a half by a point or so."""
    pool: float = 0.05
    second_pool: bool = True


WORLDS = (
    World("items alone", seed=0.0, pool=0.0),
    World("a point of seed noise, no pool noise", pool=0.0),
    World("a point of seed noise and of pool noise"),
    World("as assumed at the start: seeds 0.12, pools 0.10", seed=0.12, pool=0.10),
    World("the same, one pool only", seed=0.12, pool=0.10, second_pool=False),
    World("the same, five items a family", seed=0.12, pool=0.10, family=5),
    World("the same, three replicates", seed=0.12, pool=0.10, replicates=3),
    World("a point of each, 1,000 items, three replicates", items=1000, replicates=3),
    World("pools twice as unlike as assumed", seed=0.12, pool=0.20),
)


def pilot(rng: np.random.Generator, world: World, lead: float) -> tuple[list[Measurement], list[str]]:
    """Measurements of one pilot, and the families of its items; `lead` is that of new questions at the larger budget,
    on the logit scale."""
    count = world.items // world.family
    hard = np.repeat(rng.normal(0, world.hardness, count), world.family)

    def level(of: float) -> NDArray[np.float64]:
        return np.asarray(of - hard + np.repeat(rng.normal(0, world.suits, count), world.family))

    found = []

    def measure(cell: Cell, base: NDArray[np.float64]) -> None:
        right = rng.random(world.items) < 1 / (1 + np.exp(-(base + rng.normal(0, world.seed))))
        outcomes = tuple(float(one) for one in right)
        found.append(Measurement(cell, int(right.sum()), world.items, 0, cell.budget, outcomes=outcomes))

    alone = level(0.0)
    for replicate in range(world.replicates):
        measure(Cell(Baseline.SEEDS_ONLY, SEEDS, 0, replicate), alone)
    for strategy in STRATEGIES:
        pool = rng.normal(0, world.pool)
        for budget in BUDGETS:
            led = lead if strategy is Strategy.NEW_QUESTION and budget == BUDGETS[-1] else 0.0
            base = level(led)
            for replicate in range(world.replicates):
                measure(Cell(strategy, SEEDS, budget, replicate), base + pool)
            if world.second_pool and budget == BUDGETS[0]:
                measure(Cell(strategy, SEEDS, budget, 0, pool=1), level(0.0) + rng.normal(0, world.pool))
    return found, [str(item // world.family) for item in range(world.items)]


def lead_of(points: float, world: World) -> float:
    """The lead on the logit scale that moves the mean accuracy from a half by so many points, by bisection."""
    grid = np.random.default_rng(0).normal(0, math.hypot(world.hardness, world.suits), 20_000)
    low, high = 0.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        gained = float((1 / (1 + np.exp(grid - middle))).mean()) - 0.5
        low, high = (middle, high) if gained < points / 100 else (low, middle)
    return low


def measured(world: World, pilots: int, points: float, seed: int) -> dict[str, Any]:
    """One row: false winners of so many pilots without a difference, and how often a true one is found."""
    rng = np.random.default_rng(seed)
    false_winners = wrong = found_any = found_alone = 0
    pairs = 0
    errors = []
    begun = time.perf_counter()
    for _ in range(pilots):
        cells, families = pilot(rng, world, 0.0)
        result = run_pairs(cells, families if world.family > 1 else None)
        pairs = len(result.pairs)
        false_winners += any(pair.winner is not None for pair in result.pairs)
        errors += [pair.standard_error for pair in result.pairs]
    took = time.perf_counter() - begun
    lead = lead_of(points, world)
    for _ in range(pilots):
        cells, families = pilot(rng, world, lead)
        result = run_pairs(cells, families if world.family > 1 else None)
        mine = [pair for pair in result.pairs if pair.budget == BUDGETS[-1] and Strategy.NEW_QUESTION in _two(pair)]
        wins = [pair.winner is Strategy.NEW_QUESTION for pair in mine]
        found_any += any(wins)
        found_alone += sum(wins) / len(wins)
        wrong += any(pair.winner not in (None, Strategy.NEW_QUESTION) for pair in mine)
    return {
        "world": world.name,
        "pilots": pilots,
        "pairs": pairs,
        "false_winners": false_winners,
        "at_most": round(0.075 * pilots),
        "true_points": points,
        "found_percent": round(100 * found_any / pilots, 1),
        "found_percent_a_pair": round(100 * found_alone / pilots, 1),
        "wrong_side": wrong,
        "standard_error_points": round(100 * float(np.mean(errors)), 2),
        "ms_a_pilot": round(1000 * took / pilots, 1),
    }


def _two(pair: Contrast) -> tuple[object, object]:
    return pair.one, pair.other


def main() -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilots", type=int, default=200)
    parser.add_argument("--points", type=float, default=6.0, help="the true difference that is looked for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="ten pilots of one world, to see that it runs")
    given = parser.parse_args()
    worlds = WORLDS[:1] if given.quick else WORLDS
    pilots = 10 if given.quick else given.pilots
    print(json.dumps([measured(world, pilots, given.points, given.seed) for world in worlds]))


if __name__ == "__main__":
    main()
