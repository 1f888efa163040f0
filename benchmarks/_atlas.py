"""Decisions on the atlas: from the pilot that the advice would buy, recommend at the full budget, world by world.

For every world, number of seeds, full budget and replicate that the atlas has: `engine.next_pilot` names the cells that
it would buy (none, where no pilot is worth its price), each becomes the nearest measured cell (seeds and budget), and
the advice sees those results and nothing else. Beside it a pilot of fixed size, of which rivals see the same. What was
measured at the full budget in the other replicates is the truth (in all of them where there is one). How much regret
is the truth's own noise, which no pilot can avoid, shows in who measures the full budget itself, once, and is judged by
the other replicates. Nothing is learned from the atlas, so that each world is left out by itself; budgets are examples,
one query each. Intervals are bootstrapped over worlds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks._decided import most_likely
from engine.advice import as_json, recommend
from engine.atlas.design import ANSWERS, BUDGETS, NEW, REPHRASE, REPLICATES, SEEDS, Place
from engine.atlas.table import AtlasCell
from engine.domain import Measurement, Situation, TaskType
from engine.fitting.groups import LogitScale
from engine.fitting.observations import Observation, group_of
from engine.fitting.rivals import LeastSquares
from engine.next_pilot import next_pilot

TASKS = {
    "maths": TaskType.MATH,
    "sql": TaskType.TEXT_TO_SQL,
    "facts": TaskType.MULTIPLE_CHOICE,
    "tickets": TaskType.STRUCTURED,
    "open": TaskType.OPEN_ENDED,
}
STRATEGIES = (ANSWERS, REPHRASE, NEW)
FULL = (800, 3200)
"""Full budgets, in examples."""
PARTS = (16, 8)
"""Parts of the full budget that a fixed pilot buys of each strategy, nearest to what was measured."""
RULE = 17.0
"""Published: answers below so many queries a seed, new questions above."""
BOOTSTRAPS = 1000
WHOLE = "the full budget measured once"


@dataclass(frozen=True)
class Decision:
    """One decision by one method."""

    method: str
    world: str
    regret: float
    """Points."""
    best: bool
    covered: float | None
    """Share of the strategies whose truth lies in their 80 % interval; None for methods without one."""
    said: float | None
    """P(best) of what was chosen; None for methods that say none."""
    spent: int
    """Queries of the pilot that it took."""


def atlas_rows(made: Sequence[Decision]) -> list[dict[str, Any]]:
    """One row a method; none where no full budget was measured for two strategies."""
    found: dict[str, list[Decision]] = defaultdict(list)
    for decision in made:
        found[decision.method].append(decision)
    return [_row(method, of_method) for method, of_method in found.items()]


def decisions(cells: Sequence[AtlasCell], worlds: Sequence[str] = ()) -> list[Decision]:
    """Every method on every world (of those that are named), number of seeds, full budget and replicate."""
    known = {cell.place: cell for cell in cells}
    made = []
    for world in worlds or dict.fromkeys(cell.world for cell in cells):
        for seeds in SEEDS:
            for full in FULL:
                for replicate in sorted({cell.replicate for cell in cells if cell.world == world}):
                    made += _decided(known, world, seeds, full, replicate)
    return made


def _decided(known: Mapping[Place, AtlasCell], world: str, seeds: int, full: int, replicate: int) -> list[Decision]:
    truth = _truth(known, world, seeds, full, replicate)
    if len(truth) < 2:
        return []
    situation = Situation(TASKS[world], seeds, full, calls="paper")
    proposed = next_pilot(situation)
    own = _bought(known, world, replicate, full, [(c.strategy.value, c.seeds, c.queries) for c in proposed.cells])
    fixed = [(name, seeds, full // part) for name in STRATEGIES for part in PARTS]
    common = _bought(known, world, replicate, full, fixed)

    def judged(method: str, chosen: str, spent: int, told: Mapping[str, Any] | None = None) -> Decision:
        regret = 100 * (max(truth.values()) - truth[chosen])
        if told is None:
            return Decision(method, world, regret, regret == 0, None, None, spent)
        shown = {name: told[name]["accuracy"] for name in truth if told[name]["accuracy"] is not None}
        inside = [one["low80"] <= truth[name] <= one["high80"] for name, one in shown.items()]
        sure = told[chosen]["p_best"] / sum(told[name]["p_best"] for name in truth)
        return Decision(method, world, regret, regret == 0, float(np.mean(inside)) if inside else None, sure, spent)

    def advised(method: str, pilot: Sequence[Measurement], spent: int) -> Decision:
        told = {one["strategy"]: one for one in as_json(recommend(situation, pilot))["strategies"]}
        return judged(method, most_likely({name: told[name] for name in truth}), spent, told)

    first = next(name for name in STRATEGIES if name in truth)
    new = NEW if NEW in truth else first
    made = [
        judged("always answers", first, 0),
        judged("always new questions", new, 0),
        judged("threshold 17", new if full / seeds > RULE else first, 0),
    ]
    whole = [Place(world, name, seeds, full, replicate) for name in truth]
    if all(place in known and _again(known, place) for place in whole):
        made.append(judged(WHOLE, max(whole, key=lambda place: known[place].accuracy).arm, full * len(whole)))
    if own is not None:
        made.append(advised("advice with its own pilot", own, proposed.queries))
    if common:
        spent = len({one.cell.arm for one in common}) * max(one.cell.budget for one in common)
        made.append(advised("advice with a pilot of an eighth", common, spent))
        made.append(judged("last point of a pilot of an eighth", _last_point(common), spent))
        made.append(judged("pow3 on a pilot of an eighth", _pow3(common, truth, full, first), spent))
    return made


def _again(known: Mapping[Place, AtlasCell], place: Place) -> bool:
    """Whether another replicate has it, too."""
    return any(replace(place, replicate=r) in known for r in range(REPLICATES) if r != place.replicate)


def _truth(known: Mapping[Place, AtlasCell], world: str, seeds: int, full: int, replicate: int) -> dict[str, float]:
    """Share right at the full budget by strategy: of the other replicates where there are any."""
    found = {}
    for name in STRATEGIES:
        place = Place(world, name, seeds, full, 0)
        measured = {r: known[at].accuracy for r in range(9) if (at := replace(place, replicate=r)) in known}
        others = [share for r, share in measured.items() if r != replicate] or list(measured.values())
        if others:
            found[name] = float(np.mean(others))
    return found


def _bought(
    known: Mapping[Place, AtlasCell], world: str, replicate: int, full: int, wanted: Sequence[tuple[str, int, int]]
) -> list[Measurement] | None:
    """Results of the nearest cells, each once; None where one of them was not measured yet. Strategies that the world
    has not (other answers to determined questions) are not bought, and the cell at the full budget never is."""
    chosen: dict[Place, AtlasCell] = {}
    has = {place.arm for place in known if place.world == world}
    for name, seeds, queries in wanted:
        if name not in has or name not in STRATEGIES:
            continue
        of_seeds = min(SEEDS, key=lambda size: abs(np.log(size / seeds)))
        smaller = [budget for budget in BUDGETS if budget < full]
        budget = min(smaller, key=lambda size: abs(np.log(size / of_seeds * seeds / max(1, queries))))
        place = Place(world, name, of_seeds, budget, replicate)
        if place not in known:
            return None
        chosen[place] = known[place]
    return [cell.measurement() for cell in chosen.values()]


def _last_point(pilot: Sequence[Measurement]) -> str:
    """The winner at the pilot's largest budget."""
    seeds, budget = max((one.cell.seeds, one.cell.budget) for one in pilot)
    there = [one for one in pilot if (one.cell.seeds, one.cell.budget) == (seeds, budget)]
    return max(there, key=lambda one: one.accuracy or 0.0).cell.arm.value


def _pow3(pilot: Sequence[Measurement], truth: Mapping[str, float], full: int, otherwise: str) -> str:
    """A power law through each strategy's points at the most seeds, read at the full budget."""
    seeds = max((one.cell.seeds for one in pilot), default=0)
    rows = [
        Observation(one.cell.arm.value, float(one.cell.budget), float(one.correct), float(one.scored))
        for one in pilot
        if one.cell.seeds == seeds and one.cell.arm.value in truth
    ]
    if not rows:
        return otherwise
    group = group_of("pilot", rows, LogitScale())
    ends = LeastSquares("pow3").forecast(group, np.array([float(full)])).draws.mean(axis=0)[:, 0]
    return group.series[int(ends.argmax())].strategy


def _row(method: str, made: Sequence[Decision]) -> dict[str, Any]:
    worlds = np.array([one.world for one in made])
    row: dict[str, Any] = {
        "method": method,
        "on": "atlas",
        "decisions": len(made),
        "worlds": len(set(worlds)),
        "regret_points": _estimate([one.regret for one in made], worlds),
        "top1": _estimate([one.best for one in made], worlds),
        "pilot_queries": round(float(np.mean([one.spent for one in made]))),
        "regret_by_world": {
            world: round(float(np.mean([one.regret for one in made if one.world == world])), 2)
            for world in dict.fromkeys(worlds.tolist())
        },
    }
    covered = [one.covered for one in made if one.covered is not None]
    if covered:
        row["coverage80"] = round(float(np.mean(covered)), 3)
    said = [one.said for one in made if one.said is not None]
    if said:
        row["p_best"] = {"said": round(float(np.mean(said)), 3), "came_true": row["top1"]["mean"]}
    return row


def _estimate(values: Sequence[float], worlds: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Mean with a 90 % interval from a bootstrap over worlds; no interval where there is one."""
    mean = round(float(np.mean(values)), 3)
    names, index = np.unique(worlds, return_inverse=True)
    if len(names) < 2:
        return {"mean": mean, "interval90": None}
    total, count = np.bincount(index, weights=np.array(values, dtype=np.float64)), np.bincount(index)
    picks = np.random.default_rng(5).integers(0, len(names), (BOOTSTRAPS, len(names)))
    means = total[picks].sum(axis=1) / count[picks].sum(axis=1)
    return {"mean": mean, "interval90": [round(float(q), 3) for q in np.quantile(means, [0.05, 0.95])]}
