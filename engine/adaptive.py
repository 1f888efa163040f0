"""Which cells of a pilot's grid are worth measuring next, or none: the grid is the menu, the results choose from it.

A cell is paid out of the budget that the pilot is for. What it generates for the strategy that is chosen in the end is
reused, what it generates for the others is gone, so a step is worth its price when

    E max over strategies of (accuracy with the target less what was spent on the others, given the step's results)

is above the best accuracy that the target buys with what is known now (`engine.next_pilot`, design.md section 6). Where
one strategy leads beyond doubt, or all reach the same, no result changes what is chosen, and the pilot ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from engine.advice import recommend
from engine.case import Case
from engine.costs import calls_per_example
from engine.domain import Cell, Measurement, Situation, Strategy
from engine.foreseen import foreseen
from engine.law import Array
from engine.next_pilot import DRAWS, ends
from engine.plan import PLAIN, PilotPlan

TRAINING = 0.02
"""Queries that training on one example counts as, when sets of cells are compared: the machine's time is not money, but
of two sets that tell as much the quicker one is taken."""
CELL = 50.0
"""Queries that a cell counts as beside, however few its examples: it takes the recipe's fewest steps and answers every
test item, about a minute, and a minute of a rented GPU (some three cents) buys ten to a hundred queries."""
STEP_POINTS = 0.2
"""A step that is expected to gain less ends the pilot: nobody could tell such a difference."""
OF_THE_BEST = 0.5
"""A step gains at least this share of what the best set would; the cheapest for its gain among those is taken."""
STEPS_FILE = "steps.jsonl"


@dataclass(frozen=True, slots=True)
class Step:
    """Cells that are measured together, or the end."""

    cells: tuple[str, ...]
    """Keys of `engine.domain.Cell`; empty where no cell left is worth its price."""
    queries: int
    """Teacher queries that they take beyond those already paid, if none has to be asked twice."""
    spent: int
    """Teacher queries for examples before this step."""
    gain_points: float
    """Expected final accuracy with the step less that without it, in points."""
    p_best: Mapping[str, float]
    """By strategy, before this step."""
    why: str
    """One sentence."""
    beside: tuple[str, ...] = ()
    """Keys of cells that are measured in any case, and with this step, where cores would wait (`engine.beside`)."""


def next_step(
    situation: Situation, measured: Sequence[Measurement], waiting: Sequence[Cell], bought: Mapping[Strategy, int]
) -> Step:
    """The cells among `waiting` (strategies without a variant) that are worth most per unit of cost.

    `situation.queries` is the whole budget, the pilot's share in it; `bought` what each strategy's pools have cost so
    far. While no strategy is measured the best set is taken whatever it is worth: whoever starts a pilot wants to know.
    """
    case = Case.of(situation, measured).thinned(DRAWS)
    p_best = {found.strategy.value: found.p_best for found in recommend(situation, measured).outlooks}
    spent = sum(bought.values())
    first = not any(isinstance(m.cell.arm, Strategy) for m in measured)
    cells = _next_replicates([cell for cell in waiting if cell.arm in case.strategies])
    if not cells:
        return Step((), 0, spent, 0.0, p_best, "Every cell of the grid is measured.")
    ahead = foreseen(case, cells)
    sunk = np.array([float(bought.get(strategy, 0)) for strategy in case.strategies])
    now = float(ends(case, situation.queries - (sunk.sum() - sunk)).mean(axis=0).max())
    looked_at: list[tuple[float, float, int, tuple[int, ...]]] = []
    for chosen in _sets(cells, fewest=2 if first else 1):
        new = _new_queries([cells[i] for i in chosen], measured, case.strategies)
        others = (sunk + new).sum() - (sunk + new)
        if (others > situation.queries).any():
            continue
        reached = ends(case, situation.queries - others).mean(axis=0)
        trained = sum(cells[i].budget / calls_per_example(Strategy(cells[i].arm)) for i in chosen)
        cost = float(new.sum()) + TRAINING * trained + CELL * len(chosen)
        gain = 100 * (float(reached.max()) + ahead.gain(reached, chosen) - now)
        looked_at.append((gain / cost if gain > 0 else gain, gain, int(new.sum()), chosen))
    if not looked_at:
        return Step((), 0, spent, 0.0, p_best, "The budget that this pilot is for has no room for another cell.")
    # Cheap cells gain most per query and may still gain next to nothing; and a step takes its time however small.
    most = max(gain for _, gain, _, _ in looked_at)
    worth_it = [found for found in looked_at if found[1] >= max(STEP_POINTS, OF_THE_BEST * most)]
    if not worth_it and not first:
        return Step((), 0, spent, most, p_best, _ended(most, len(waiting)))
    _, gain, queries, chosen = max(worth_it or looked_at, key=lambda found: (found[0], -found[2]))
    keys = tuple(cells[i].key for i in chosen)
    return Step(keys, queries, spent, gain, p_best, _chosen(gain, queries, len(keys), first))


def _chosen(gain: float, queries: int, cells: int, first: bool) -> str:
    said = f"{cells} cells for {queries:,} queries" if cells > 1 else f"One cell for {queries:,} queries"
    if first and gain < STEP_POINTS:
        return f"{said}, the first look: nothing of yours is measured yet."
    return f"{said}: expected to end {gain:.1f} points higher than spending the budget on what is known now."


def _ended(gain: float, waiting: int) -> str:
    return (
        f"Stopped early: none of the {waiting} cells left is worth its price. Even the best set of them is expected to "
        f"change the final accuracy by {gain:+.2f} points."
    )


def _next_replicates(waiting: Sequence[Cell]) -> list[Cell]:
    """Of each strategy, seed count and budget the first cell that is left."""
    found: dict[tuple[object, int, int], Cell] = {}
    for cell in sorted(waiting, key=lambda cell: cell.replicate):
        found.setdefault((cell.arm, cell.seeds, cell.budget), cell)
    return list(found.values())


def _sets(cells: Sequence[Cell], fewest: int) -> list[tuple[int, ...]]:
    """`fewest` to all strategies at one or two places (seeds and budget), where they have a cell left."""
    budgets = sorted({(cell.seeds, cell.budget) for cell in cells}, reverse=True)
    places = [chosen for size in (1, 2) for chosen in combinations(budgets, size)]
    arms = sorted({Strategy(cell.arm) for cell in cells})
    sides = [side for size in range(min(fewest, len(arms)), len(arms) + 1) for side in combinations(arms, size)]
    found = {
        tuple(i for i, cell in enumerate(cells) if cell.arm in side and (cell.seeds, cell.budget) in place)
        for side in sides
        for place in places
    }
    return sorted(found - {()})


def _new_queries(chosen: Sequence[Cell], measured: Sequence[Measurement], strategies: Sequence[Strategy]) -> Array:
    """Queries by strategy beyond what is paid: a pool for each seed count, as large as its largest cell. (M,)."""
    largest: dict[tuple[object, int], int] = {}
    for cell in (m.cell for m in measured):
        if isinstance(cell.arm, Strategy):
            largest[cell.arm, cell.seeds] = max(largest.get((cell.arm, cell.seeds), 0), cell.budget)
    new = dict.fromkeys(strategies, 0.0)
    for cell in sorted(chosen, key=lambda cell: cell.budget):
        have = largest.get((cell.arm, cell.seeds), 0)
        new[Strategy(cell.arm)] += max(0, cell.budget - have)
        largest[cell.arm, cell.seeds] = max(have, cell.budget)
    return np.array([new[strategy] for strategy in strategies])


def weighed(plan: PilotPlan, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells that are bought step by step: those of strategies as they are, where the plan says what it is for.

    The law knows nothing of variants: whoever asks for one gets it measured.
    """
    if plan.target.queries is None or not plan.grid.adaptive:
        return ()
    return tuple(cell for cell in cells if isinstance(cell.arm, Strategy) and cell.variant == PLAIN and not cell.pool)


def walk(
    folder: Path,
    menu: Sequence[Cell],
    decide: Callable[[Sequence[Cell]], Step],
    measure: Callable[[Step, Sequence[Cell], Sequence[Cell]], str],
) -> tuple[str, tuple[Cell, ...]]:
    """Takes the steps that are on the disk, then those that `decide` finds among the cells that no step has taken.

    `measure` gets a step, its cells and all those so far, and says what ended the money, if anything did. Returns why
    the walk ended before the menu did (empty: it did not), and the cells that were never taken.
    """
    cells = {cell.key: cell for cell in menu}
    taken: list[Cell] = []
    steps = read_steps(folder)
    place = 0
    while len(taken) < len(cells):
        if place == len(steps):
            steps.append(decide([cell for cell in menu if cell not in taken]))
            write_steps(folder, steps)
        step = steps[place]
        place += 1
        if not step.cells:
            return step.why, tuple(cell for cell in menu if cell not in taken)
        chosen = [cells[key] for key in step.cells]
        taken += chosen
        if why := measure(step, chosen, taken):
            return why, tuple(cell for cell in menu if cell not in taken)
    return "", ()


def read_steps(folder: Path) -> list[Step]:
    """The steps that a run took so far; a line that a kill cut off was never acted upon."""
    path = folder / STEPS_FILE
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        row: dict[str, Any] = json.loads(line)
        found.append(Step(**row | {"cells": tuple(row["cells"]), "beside": tuple(row.get("beside", ()))}))
    return found


def write_steps(folder: Path, steps: Sequence[Step]) -> None:
    """All steps with the newest, on the disk before anything of it is bought: a resumed run repeats them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{STEPS_FILE}.new").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(step)) + "\n" for step in steps)
        file.flush()
        os.fsync(file.fileno())
    (folder / f"{STEPS_FILE}.new").replace(folder / STEPS_FILE)
