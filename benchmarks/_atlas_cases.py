"""Cases of decisions on the atlas: what was true at the full budget, what a pilot gets, how a choice is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from benchmarks._atlas_methods import Bounds, Said
from engine.atlas.design import BUDGETS, REPLICATES, SEEDS, Place
from engine.atlas.prior import STRATEGIES, TASKS
from engine.atlas.table import AtlasCell, by_place
from engine.domain import Measurement, Situation

FULL = (800, 3200)
"""Full budgets, in examples."""
Known = Mapping[Place, AtlasCell]


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


@dataclass(frozen=True)
class Case:
    """A world, number of seeds, full budget and replicate."""

    known: Known
    place: Place
    """Of no strategy."""
    truth: Mapping[str, float]
    """Share right at the full budget by strategy; two at least."""
    noise: Mapping[str, float] | None
    """Standard deviation of that truth by strategy; None where replicates do not tell."""

    @property
    def situation(self) -> Situation:
        """As the advice is asked."""
        return Situation(TASKS[self.place.world], self.place.seeds, self.place.budget, calls="paper")

    def judged(self, method: str, chosen: str, pilot: Sequence[Measurement] = (), said: Said | None = None) -> Decision:
        """What a method chose, beside what was true."""
        at, regret = self.place, 100 * (max(self.truth.values()) - self.truth[chosen])
        found = Decision(method, at.world, at.seeds, at.budget, at.replicate, regret, charged(pilot))
        if said is None:
            return found
        sure = replace(found, said=said.p_best, covered=_covered(said.bounds, self.truth) or None)
        if self.noise is None:
            return sure
        wide = {
            level: {name: widened(*ends, level, self.noise[name]) for name, ends in of.items()}
            for level, of in said.bounds.items()
        }
        return replace(sure, allowed=_covered(wide, self.truth) or None)


def cases(cells: Sequence[AtlasCell], worlds: Sequence[str] = ()) -> Iterator[Case]:
    """Every case (of those worlds that are named) whose full budget was measured for two strategies."""
    known = {cell.place: cell for cell in cells}
    noise = replicate_noise(cells)
    for world in worlds or dict.fromkeys(cell.world for cell in cells):
        replicates = sorted({cell.replicate for cell in cells if cell.world == world})
        for seeds in SEEDS:
            for full in FULL:
                for replicate in replicates:
                    place = Place(world, "", seeds, full, replicate)
                    seen = measured(known, place)
                    if len(seen) < 2:
                        continue
                    one = noise.get((world, seeds))
                    apart = None if one is None else {name: one / np.sqrt(len(of)) for name, of in seen.items()}
                    yield Case(known, place, means(seen), apart)


def means(seen: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: float(np.mean(shares)) for name, shares in seen.items()}


def measured(known: Known, case: Place) -> dict[str, list[float]]:
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


def replicate_noise(cells: Sequence[AtlasCell]) -> dict[tuple[str, int], float]:
    """By world and number of seeds, the standard deviation of one cell's accuracy over replicates (other seeds, pools
    and training; the same test items), a fraction. Of single strategies that have replicates; not there without."""
    apart: dict[tuple[str, int], list[tuple[float, int]]] = {}
    for place, same in by_place(cell for cell in cells if cell.arm in STRATEGIES).items():
        shares = [cell.accuracy for cell in same]
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


def _covered(bounds: Mapping[int, Bounds], truth: Mapping[str, float]) -> dict[int, float]:
    """By level, the share of the strategies of which a value is given whose truth lies in its interval."""
    return {
        level: float(np.mean([low <= truth[name] <= high for name, (low, high) in of.items()]))
        for level, of in bounds.items()
        if of
    }


def charged(pilot: Sequence[Measurement]) -> int:
    """Queries of a pilot of plain cells: each pool's largest budget."""
    pools: dict[tuple[str, int, int], int] = {}
    for one in pilot:
        pool = one.cell.arm.value, one.cell.seeds, one.cell.replicate
        pools[pool] = max(pools.get(pool, 0), one.cell.budget)
    return sum(pools.values())


def bought(known: Known, case: Place, wanted: Sequence[tuple[str, int, int]]) -> list[Measurement] | None:
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
