"""Adaptive pilots on made-up tasks: `seedpilot bench adaptive [--truths N] [--equal]`.

A truth is a draw of the law from the prior, a walk away from it for each strategy, pools, training seeds and test items
of uneven difficulty, with the sizes that the fit assumes. On it an adaptive pilot is walked by the engine's own rule
(`engine.adaptive.next_step`), and the whole grid is measured too. Both end by spending what is left of the budget on
the strategy that is expected to be best; the regret is what the truly best one would have reached more, in points,
without any pilot.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np

from engine import law, prior
from engine.adaptive import next_step
from engine.case import Case
from engine.costs import calls_per_example
from engine.domain import Baseline, Cell, Measurement, Situation, Strategy, TaskType
from engine.law import Array
from engine.misfit import LENGTH, SCALE_PRIOR
from engine.next_pilot import ends
from engine.posterior import POOL_SD, SEED_SD

BUDGETS = (100, 200, 400, 800, 1600)
ITEM_SD = 2.0
"""Of an item's difficulty, on the logit scale."""


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truths", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first truth")
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--target", type=int, default=20_000)
    parser.add_argument("--equal", action="store_true", help="all strategies are the same one")
    given = parser.parse_args()
    situation = Situation(TaskType.MATH, 100, given.target, test_items=given.items)
    rows = [
        {"truth": number, **_pilots(_Truth(number, situation, equal=given.equal), situation)}
        for number in range(given.first, given.first + given.truths)
    ]
    print(json.dumps([*rows, _means(rows)]))


class _Truth:
    """One made-up task."""

    def __init__(self, number: int, situation: Situation, *, equal: bool) -> None:
        rng = np.random.default_rng([number, 5])
        draws = prior.for_task(situation.task, situation.augmenter, real=False)
        self.draw, self.floor = draws[rng.integers(len(draws))][None], prior.floor(situation.task)
        self.situation = situation
        self.steps = np.log1p(np.geomspace(1, 4 * situation.queries, 60) / situation.seeds)
        scale = abs(rng.normal(0, SCALE_PRIOR))
        moves = rng.standard_normal((len(law.STRATEGIES), len(self.steps)))
        self.walks = np.cumsum(scale * moves * np.sqrt(np.diff(self.steps, prepend=0.0) / LENGTH), axis=1)
        self.pools = POOL_SD * rng.standard_normal(len(law.STRATEGIES))
        self.difficulty = ITEM_SD * rng.standard_normal(situation.test_items or 0)
        self.equal, self.number = equal, number

    def logit(self, strategy: int, queries: float) -> float:
        """Expected accuracy of a strategy alone, pools and seeds aside; strategy -1: the seeds alone."""
        kind = 0 if self.equal else max(strategy, 0)
        examples = queries / calls_per_example(law.STRATEGIES[kind]) if strategy >= 0 else 0.0
        seeds = np.array([float(self.situation.seeds)])
        n = law.effective_alone(self.draw, seeds, np.array([kind]), np.array([examples]))
        right = float(law.accuracy(self.draw, n, self.floor)[0, 0])
        walked = 0.0 if strategy < 0 else np.interp(np.log1p(examples / seeds[0]), self.steps, self.walks[kind])
        return float(law.logit(np.clip(right, 1e-3, 1 - 1e-3))) + float(walked)

    def reached(self, strategy: int, queries: float) -> float:
        """The same as a fraction."""
        return float(law.expit(np.array(self.logit(strategy, queries))))

    def measure(self, cell: Cell) -> Measurement:
        """One training of it on the test items, the same however often it is asked for."""
        rng = random.Random(f"{self.number} {cell.key}")
        strategy = law.STRATEGIES.index(Strategy(cell.arm)) if isinstance(cell.arm, Strategy) else -1
        pool = self.pools[strategy] if strategy >= 0 else 0.0
        wanted = law.expit(np.array(self.logit(strategy, cell.budget) + pool + SEED_SD * rng.gauss(0, 1)))
        chances = law.expit(self.difficulty + self._shift(float(wanted)))
        outcomes = tuple(float(rng.random() < chance) for chance in chances)
        examples = int(cell.budget / calls_per_example(law.STRATEGIES[strategy])) if strategy >= 0 else 0
        return Measurement(cell, int(sum(outcomes)), len(outcomes), 0, examples, outcomes=outcomes)

    def _shift(self, wanted: float) -> float:
        """What to add to the difficulties, so that the mean chance is the wanted one."""
        low, high = -20.0, 20.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if law.expit(self.difficulty + middle).mean() < wanted else (low, middle)
        return low


def _pilots(truth: _Truth, situation: Situation) -> dict[str, Any]:
    grid = [Cell(s, situation.seeds, b, r) for r in (0, 1) for b in BUDGETS for s in law.STRATEGIES]
    alone = [truth.measure(Cell(Baseline.SEEDS_ONLY, situation.seeds, 0, r)) for r in (0, 1)]
    measured, waiting, steps = list(alone), list(grid), 0
    while waiting:
        step = next_step(situation, measured, waiting, _bought(measured))
        if not step.cells:
            break
        steps += 1
        measured += [truth.measure(cell) for cell in waiting if cell.key in step.cells]
        waiting = [cell for cell in waiting if cell.key not in step.cells]
    whole = alone + [truth.measure(cell) for cell in grid]
    return {
        "steps": steps,
        "cells": len(measured) - len(alone),
        "examples": sum(m.examples for m in measured),
        "queries": sum(_bought(measured).values()),
        "regret": _regret(truth, situation, measured),
        "regret_of_the_grid": _regret(truth, situation, whole),
        "examples_of_the_grid": sum(m.examples for m in whole),
        "regret_without_a_pilot": _regret(truth, situation, []),
    }


def _bought(measured: Sequence[Measurement]) -> dict[Strategy, int]:
    return {s: max((m.cell.budget for m in measured if m.cell.arm is s), default=0) for s in law.STRATEGIES}


def _regret(truth: _Truth, situation: Situation, measured: Sequence[Measurement]) -> float:
    """Points below the best strategy with the whole budget."""
    bought = np.array([float(queries) for queries in _bought(measured).values()])
    left = situation.queries - (bought.sum() - bought)
    expected: Array = ends(Case.of(replace(situation, test_items=None), measured), left).mean(axis=0)
    chosen = int(expected.argmax())
    best = max(truth.reached(m, situation.queries) for m in range(len(bought)))
    return 100 * (best - truth.reached(chosen, float(left[chosen])))


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"truths": len(rows)}
    for name in rows[0]:
        if name != "truth":
            values = [row[name] for row in rows]
            found[name] = round(mean(values), 2)
            if name.startswith("regret") and len(values) > 1:
                found[f"{name}_se"] = round(stdev(values) / len(values) ** 0.5, 2)
    over = [row["regret"] - row["regret_of_the_grid"] for row in rows]
    found["regret_above_the_grid_s"] = round(mean(over), 2)
    found["regret_above_the_grid_s_se"] = round(stdev(over) / len(over) ** 0.5, 2) if len(over) > 1 else None
    return found


if __name__ == "__main__":
    main()
