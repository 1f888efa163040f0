"""Which cells to buy, replayed on recorded curves: `seedpilot bench next_pilot [--curves FILE] [--per-set N]`.

The full grid is three strategies at 64 to 512 examples with two replicates. Every design sees the same simulated
results, bought one set at a time, and chooses by the same forecast at eight times the largest size. Cost is counted
in training examples.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.fitting.archive import Archive
from engine.fitting.design import Candidate, best, worths
from engine.fitting.groups import Array
from engine.fitting.observations import ROUGH, SEED_SD, Observation, group_of
from engine.fitting.recorded import (
    ITEMS,
    PILOT,
    REPLICATES,
    SCALE,
    SEED_NOISE,
    STRATEGIES,
    Recorded,
    read_recorded,
    tasks,
)
from engine.settings import ROOT

SAMPLE = ROOT.parent / "shared" / "data" / "curves" / "lcdb11_sample.csv"
TARGET = 8 * PILOT[-1]
FULL = STRATEGIES * sum(PILOT) * REPLICATES
SHARE = 0.25
"""Of the full grid's cost that a design may spend."""
PRICE = 1e-7
"""Accuracy that one more example is taken to be worth elsewhere: 0.01 points a thousand."""

Cell = tuple[int, int, int]
"""Strategy, place in PILOT, replicate."""


@dataclass
class Grid:
    """One task's simulated results; a design opens cells of it."""

    names: list[str]
    correct: dict[Cell, float]
    truth: Array
    archive: Archive

    def forecast(self, opened: Sequence[Cell], at: Sequence[float]) -> Array:
        """Joint draws (K, M, A), natural scale, from the opened cells."""
        rows = [Observation(self.names[s], float(PILOT[p]), self.correct[s, p, r], float(ITEMS)) for s, p, r in opened]
        group = group_of("", rows, SCALE)
        return SCALE.to_natural(self.archive.forecast(group, np.array(at, dtype=np.float64)).draws)

    def choice(self, opened: Sequence[Cell]) -> int:
        """The strategy that the opened cells speak for."""
        return int(self.forecast(opened, [TARGET])[:, :, 0].mean(axis=0).argmax())

    def regret(self, chosen: int) -> float:
        """Points lost by a choice."""
        return float(100 * (self.truth.max() - self.truth[chosen]))


Design = Callable[[Grid, np.random.Generator], list[Cell]]


def cost(cells: Sequence[Cell]) -> int:
    """Training examples of the cells."""
    return sum(PILOT[p] for _, p, _ in cells)


EVERYTHING = [(s, p, r) for r in range(REPLICATES) for p in range(len(PILOT)) for s in range(STRATEGIES)]
ANCHORS: list[Cell] = [(s, 0, 0) for s in range(STRATEGIES)]


def largest_affordable(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """All strategies at the largest size that all can have, then the next largest, and so on."""
    opened: list[Cell] = []
    for place in reversed(range(len(PILOT))):
        for replicate in range(REPLICATES):
            row = [(s, place, replicate) for s in range(STRATEGIES)]
            if cost(opened) + cost(row) <= SHARE * FULL:
                opened += row
    return opened


def in_order(order: Sequence[Cell]) -> list[Cell]:
    """Cells in an order until the money is spent; every strategy has its anchor first."""
    opened = list(ANCHORS)
    for cell in order:
        if cell not in opened and cost([*opened, cell]) <= SHARE * FULL:
            opened.append(cell)
    return opened


def cheapest_first(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """Small cells before large ones."""
    return in_order(sorted(EVERYTHING, key=lambda c: (PILOT[c[1]], c[2], c[0])))


def random_order(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """Cells in any order."""
    return in_order([EVERYTHING[i] for i in rng.permutation(len(EVERYTHING))])


def full_grid(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """All of it."""
    return list(EVERYTHING)


def d_optimal(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """Each next cell the one that narrows the curves most per cost (log determinant of their covariance)."""
    opened = list(ANCHORS)
    while True:
        options = [c for c in _unopened(opened) if cost([*opened, c]) <= SHARE * FULL]
        if not options:
            return opened
        draws = grid.forecast(opened, PILOT)
        information = [
            np.log1p(draws[:, s, p].var() / float(_noise(draws[:, s, p].mean()))) / PILOT[p] for s, p, _ in options
        ]
        opened.append(options[int(np.argmax(information))])


def next_pilot(grid: Grid, rng: np.random.Generator) -> list[Cell]:
    """Each next set the one with the largest expected gain per cost; ends when none is worth its price."""
    opened = list(ANCHORS)
    while True:
        draws = grid.forecast(opened, [*PILOT, TARGET])
        ends = draws[:, :, -1]
        results = draws[:, :, :-1].reshape(len(draws), -1)
        noise = _noise(results.mean(axis=0))
        free = _unopened(opened)
        sets: list[tuple[Cell, ...]] = [(cell,) for cell in free]
        for place in range(len(PILOT)):
            for left_out in (None, *range(STRATEGIES)):
                row = tuple(
                    next(c for c in free if c[:2] == (s, place))
                    for s in range(STRATEGIES)
                    if s != left_out and any(c[:2] == (s, place) for c in free)
                )
                if len(row) > 1:
                    sets.append(row)
        sets = [row for row in sets if cost([*opened, *row]) <= SHARE * FULL]
        candidates = [Candidate(tuple(s * len(PILOT) + p for s, p, _ in row), cost(row)) for row in sets]
        found = best(worths(ends, results, noise, candidates), PRICE)
        if found is None:
            return opened
        opened += sets[candidates.index(found.candidate)]


def _unopened(opened: Sequence[Cell]) -> list[Cell]:
    """The next replicate of every cell."""
    return [c for c in EVERYTHING if c not in opened and (c[2] == 0 or (c[0], c[1], c[2] - 1) in opened)]


def _noise(share: Any) -> Any:
    """Variance of one run's share right: items, training seed, roughness."""
    return np.clip(share * (1 - share), 0.01, 0.25) / ITEMS + SEED_SD**2 + ROUGH**2


DESIGNS: dict[str, Design] = {
    "next pilot": next_pilot,
    "largest affordable": largest_affordable,
    "D-optimal": d_optimal,
    "cheapest first": cheapest_first,
    "random order": random_order,
    "full grid": full_grid,
    "full grid, repeated": full_grid,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description="Which cells to buy, beside rivals.")
    parser.add_argument("--curves", type=Path, default=SAMPLE)
    parser.add_argument("--per-set", type=int, default=8, help="tasks of each data set")
    parser.add_argument("--seed", type=int, default=0, help="names the random pilots")
    given = parser.parse_args(arguments)
    print(json.dumps(replay_rows(read_recorded(given.curves), given.per_set, given.seed)))


def replay_rows(recorded: Recorded, per_set: int, seed: int) -> list[dict[str, Any]]:
    """One row a design."""
    found = tasks(recorded, per_set, seed)
    past = recorded.archive()
    left_out = {dataset: past.without(dataset) for dataset in {task.dataset for task in found}}
    choices: dict[str, list[int]] = {name: [] for name in DESIGNS}
    spent: dict[str, list[int]] = {name: [] for name in DESIGNS}
    regrets: dict[str, list[float]] = {name: [] for name in DESIGNS}
    begun = time.perf_counter()
    for place, task in enumerate(found):
        names = list(task.group.strategies)
        curves = [recorded.curves[task.dataset][name] for name in names]
        for name, design in DESIGNS.items():
            # all designs open cells of one simulated grid; the repeat has results of its own
            rng = np.random.default_rng([seed, place, name == "full grid, repeated"])
            correct: dict[Cell, float] = {}
            for s, p, r in EVERYTHING:
                share = float(np.clip(curves[s][PILOT[p]] + SEED_NOISE * rng.standard_normal(), 0, 1))
                correct[s, p, r] = float(rng.binomial(ITEMS, share))
            grid = Grid(names, correct, task.truth[8], left_out[task.dataset])
            opened = design(grid, rng)
            chosen = grid.choice(opened)
            choices[name].append(chosen)
            spent[name].append(cost(opened))
            regrets[name].append(grid.regret(chosen))
    print(f"replay: {len(found)} tasks, {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    rows = []
    for name in DESIGNS:
        rows.append(
            {
                "design": name,
                "tasks": len(found),
                "cost_of_full_grid": round(float(np.mean(spent[name])) / FULL, 3),
                "regret_points": round(float(np.mean(regrets[name])), 3),
                "regret_minus_full_grid": _gap(np.array(regrets[name]) - np.array(regrets["full grid"])),
                "agrees_with_full_grid": round(float(np.mean(np.equal(choices[name], choices["full grid"]))), 3),
            }
        )
    return rows


def _gap(gaps: Array) -> dict[str, float]:
    error = float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else float("nan")
    return {"mean": round(float(gaps.mean()), 3), "standard_error": round(error, 3)}


if __name__ == "__main__":
    main()
