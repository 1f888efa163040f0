"""Decisions on the atlas: from the pilot that the advice would buy, recommend at the full budget, world by world.

For every world, number of seeds, full budget and replicate that the atlas has: `engine.next_pilot` names the cells that
it would buy (none, where no pilot is worth its price), each becomes the nearest measured cell (seeds and budget), and
the advice sees those results and nothing else. Beside it a pilot of fixed size, of which rivals see the same. What was
measured at the full budget in the other replicates is the truth (in all of them where there is one). How much regret
is the truth's own noise, which no pilot can avoid, shows in who measures the full budget itself, once, and is judged by
the other replicates. Of the other worlds nothing is known but to one rival, who takes what lost least there. Intervals
are of what a strategy has on average, and a truth of one or two replicates is not that: so they are judged as they
stand, and widened by the noise that replicates show.

A pilot is charged what was delivered, in examples, one query each: a pool (strategy, seeds, replicate) costs its
largest budget, since smaller ones are cut from it. What a pilot spent does not come off the full budget: measured
budgets are doublings, and no cell lies at 3,200 less 800. So every pilot is judged as if it were free, which flatters
it beside who buys none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from benchmarks._atlas_methods import CURVES, Bounds, Said, advised, fitted, last_point, pow3
from engine.atlas.design import ANSWERS, BUDGETS, NEW, REPHRASE, REPLICATES, SEEDS, Place
from engine.atlas.table import AtlasCell
from engine.domain import Measurement, Situation, TaskType
from engine.next_pilot import ProposedCell, next_pilot

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
ALWAYS_NEW = "always new questions"
OWN, EIGHTH = "advice with its own pilot", "advice with a pilot of an eighth"
POW3 = "pow3 on a pilot of an eighth"
ELSEWHERE = "what lost least in the other worlds"
WHOLE = "the full budget measured once"


@dataclass(frozen=True)
class Decision:
    """One decision by one method."""

    method: str
    world: str
    seeds: int
    full: int
    """Examples."""
    replicate: int
    regret: float
    """Points."""
    spent: int
    """Queries of the pilot that it took."""
    covered: Mapping[int, float] | None = None
    """By level (80, 90) the share of the strategies whose truth lies in their interval; None without intervals."""
    said: float | None = None
    """P(best) of what was chosen; None for methods that say none."""
    allowed: Mapping[int, float] | None = None
    """As `covered`, of intervals that are widened by the noise of the truth itself (`replicate_noise`)."""

    @property
    def best(self) -> bool:
        """Whether no strategy did better."""
        return self.regret == 0

    @property
    def case(self) -> Place:
        """What was decided on: its full budget, whichever the strategy."""
        return Place(self.world, "", self.seeds, self.full, self.replicate)


def decisions(cells: Sequence[AtlasCell], worlds: Sequence[str] = ()) -> list[Decision]:
    """Every method on every world (of those that are named), number of seeds, full budget and replicate."""
    known = {cell.place: cell for cell in cells}
    noise = replicate_noise(cells)
    made: list[Decision] = []
    for world in worlds or dict.fromkeys(cell.world for cell in cells):
        replicates = sorted({cell.replicate for cell in cells if cell.world == world})
        for seeds in SEEDS:
            for full in FULL:
                situation = Situation(TASKS[world], seeds, full, calls="paper")
                proposed = next_pilot(situation).cells
                for replicate in replicates:
                    case = Place(world, "", seeds, full, replicate)
                    made += _decided(known, case, situation, proposed, noise.get((world, seeds)))
    return made


def replicate_noise(cells: Sequence[AtlasCell]) -> dict[tuple[str, int], float]:
    """By world and number of seeds, the standard deviation of one cell's accuracy over replicates (other seeds, pools
    and training; the same test items), a fraction. Of single strategies that have replicates; not there without."""
    seen: dict[Place, list[float]] = {}
    for cell in cells:
        if cell.arm in STRATEGIES:
            seen.setdefault(cell.place.of_replicates, []).append(cell.accuracy)
    apart: dict[tuple[str, int], list[tuple[float, int]]] = {}
    for place, shares in seen.items():
        if len(shares) > 1:
            apart.setdefault((place.world, place.seeds), []).append((float(np.var(shares, ddof=1)), len(shares) - 1))
    return {
        where: float(np.sqrt(np.average([one for one, _ in found], weights=[free for _, free in found])))
        for where, found in apart.items()
    }


def widened(low: float, high: float, level: int, noise: float) -> tuple[float, float]:
    """An interval of that level for what is measured with so much noise (a standard deviation)."""
    half = float(np.hypot((high - low) / 2, noise * NormalDist().inv_cdf(0.5 + level / 200)))
    return (low + high) / 2 - half, (low + high) / 2 + half


def _decided(
    known: Mapping[Place, AtlasCell],
    case: Place,
    situation: Situation,
    proposed: Sequence[ProposedCell],
    noise: float | None,
) -> Iterator[Decision]:
    seen = _seen(known, case)
    truth = _means(seen)
    if len(truth) < 2:
        return
    apart = {} if noise is None else {name: noise / np.sqrt(len(shares)) for name, shares in seen.items()}

    def judged(method: str, chosen: str, pilot: Sequence[Measurement] = (), said: Said | None = None) -> Decision:
        regret = 100 * (max(truth.values()) - truth[chosen])
        found = Decision(method, case.world, case.seeds, case.budget, case.replicate, regret, charged(pilot))
        if said is None:
            return found
        sure = replace(found, said=said.p_best, covered=_covered(said.bounds, truth) or None)
        if noise is None:
            return sure
        wide = {
            level: {name: widened(*ends, level, apart[name]) for name, ends in of.items()}
            for level, of in said.bounds.items()
        }
        return replace(sure, allowed=_covered(wide, truth) or None)

    first = next(name for name in STRATEGIES if name in truth)
    new = NEW if NEW in truth else first
    yield judged("always answers", first)
    yield judged(ALWAYS_NEW, new)
    yield judged("threshold 17", new if case.budget / case.seeds > RULE else first)
    elsewhere = _elsewhere(known, case, truth)
    if elsewhere is not None:
        yield judged(ELSEWHERE, elsewhere)
    whole = [replace(case, arm=name) for name in truth]
    if all(place in known and _again(known, place) for place in whole):
        best = max(whole, key=lambda place: known[place].accuracy).arm
        yield judged(WHOLE, best, [known[place].measurement() for place in whole])
    own = bought(known, case, [(one.strategy.value, one.seeds, one.queries) for one in proposed])
    if own is not None:
        said = advised(situation, own, truth)
        yield judged(OWN, said.chosen, own, said)
    common = bought(known, case, [(name, case.seeds, case.budget // part) for name in STRATEGIES for part in PARTS])
    if common:
        said = advised(situation, common, truth)
        yield judged(EIGHTH, said.chosen, common, said)
        yield judged("last point of a pilot of an eighth", last_point(common, truth), common)
        yield judged(POW3, pow3(common, case.budget, truth), common)
        for method in CURVES:
            said = fitted(method, common, case.budget, truth)
            yield judged(f"{method.name} on a pilot of an eighth", said.chosen, common, said)


def _elsewhere(known: Mapping[Place, AtlasCell], case: Place, among: Collection[str]) -> str | None:
    """The strategy that lost least in the other worlds, with as many seeds and at that full budget; None where one of
    them was measured in none. Losses and not accuracies: worlds are not equally hard, and not all have every strategy.
    """
    lost: dict[str, list[float]] = {name: [] for name in among}
    for world in TASKS:
        seen = _seen(known, replace(case, world=world, replicate=REPLICATES)) if world != case.world else {}
        there = _means(seen)
        if len(there) > 1:
            for name in lost.keys() & there.keys():
                lost[name].append(max(there.values()) - there[name])
    if not all(lost.values()):
        return None
    return min(lost, key=lambda name: float(np.mean(lost[name])))


def charged(pilot: Sequence[Measurement]) -> int:
    """Queries of a pilot of plain cells: each pool's largest budget."""
    pools: dict[tuple[str, int, int], int] = {}
    for one in pilot:
        pool = one.cell.arm.value, one.cell.seeds, one.cell.replicate
        pools[pool] = max(pools.get(pool, 0), one.cell.budget)
    return sum(pools.values())


def _again(known: Mapping[Place, AtlasCell], place: Place) -> bool:
    """Whether another replicate has it, too."""
    return any(replace(place, replicate=r) in known for r in range(REPLICATES) if r != place.replicate)


def _covered(bounds: Mapping[int, Bounds], truth: Mapping[str, float]) -> dict[int, float]:
    """By level, the share of the strategies of which a value is given whose truth lies in its interval."""
    return {
        level: float(np.mean([low <= truth[name] <= high for name, (low, high) in of.items()]))
        for level, of in bounds.items()
        if of
    }


def _means(seen: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: float(np.mean(shares)) for name, shares in seen.items()}


def _seen(known: Mapping[Place, AtlasCell], case: Place) -> dict[str, list[float]]:
    """By strategy what it had at the full budget (shares right): in the other replicates where there are any. Not there
    where it was never measured."""
    found: dict[str, list[float]] = {}
    for name in STRATEGIES:
        places = [replace(case, arm=name, replicate=r) for r in range(REPLICATES)]
        measured = {place.replicate: known[place].accuracy for place in places if place in known}
        if measured:
            others = [share for r, share in measured.items() if r != case.replicate]
            found[name] = others or list(measured.values())
    return found


def bought(
    known: Mapping[Place, AtlasCell], case: Place, wanted: Sequence[tuple[str, int, int]]
) -> list[Measurement] | None:
    """Results of the cells nearest to those wanted (strategy, seeds, queries), each once; None where one of them was
    not measured yet. Strategies that the world has not (other answers to determined questions) are not bought, and
    neither is a cell at the full budget."""
    chosen: dict[Place, AtlasCell] = {}
    has = {place.arm for place in known if place.world == case.world}
    for name, seeds, queries in wanted:
        if name not in has or name not in STRATEGIES:
            continue
        of_seeds = min(SEEDS, key=lambda size: abs(np.log(size / seeds)))
        smaller = [budget for budget in BUDGETS if budget < case.budget]
        budget = min(smaller, key=lambda size: abs(np.log(size / of_seeds * seeds / max(1, queries))))
        place = replace(case, arm=name, seeds=of_seeds, budget=budget)
        if place not in known:
            return None
        chosen[place] = known[place]
    return [cell.measurement() for cell in chosen.values()]
