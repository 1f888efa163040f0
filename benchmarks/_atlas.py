"""Decisions on the atlas: from the pilot that the advice would buy, recommend at the full budget, world by world.

For every world, number of seeds, full budget and replicate that the atlas has: `engine.next_pilot` names the cells that
it would buy (none, where no pilot is worth its price), each becomes the nearest measured cell (seeds and budget), and
the advice sees those results and nothing else. Beside it pilots of fixed sizes, of which rivals see the same. What was
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

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from benchmarks._atlas_cases import Case, Decision, Known, bought, cases, means, measured
from benchmarks._atlas_methods import CURVES, advised, fitted, last_point, pow3
from engine.atlas.design import NEW, REPLICATES, Place
from engine.atlas.prior import STRATEGIES, TASKS
from engine.atlas.table import AtlasCell
from engine.domain import Measurement
from engine.next_pilot import ProposedCell, next_pilot

PILOTS = {"an eighth": (16, 8), "a quarter": (16, 8, 4), "a half": (16, 8, 4, 2)}
"""Fixed pilots: the parts of the full budget that are bought of each strategy, nearest to what was measured."""
RULE = 17.0
"""Published: answers below so many queries a seed, new questions above."""
ALWAYS_NEW = "always new questions"
ELSEWHERE = "what lost least in the other worlds"
WHOLE = "the full budget measured once"
OWN, WITHOUT = "advice with its own pilot", "advice without a pilot"


def advice_with(size: str) -> str:
    """What the advice is called that sees a pilot of that size."""
    return f"advice with a pilot of {size}"


def last_of(size: str) -> str:
    """The same for who takes the pilot's last point."""
    return f"last point of a pilot of {size}"


def curve_on(name: str, size: str) -> str:
    """The same for a curve engine."""
    return f"{name} on a pilot of {size}"


EIGHTH, POW3 = advice_with("an eighth"), curve_on("pow3", "an eighth")


def decisions(cells: Sequence[AtlasCell], worlds: Sequence[str] = ()) -> list[Decision]:
    """Every method on every case (of those worlds that are named)."""
    made: list[Decision] = []
    for case in cases(cells, worlds):
        made += [*_without_curves(case), *_on_pilots(case)]
    return made + advice_decisions(cells, worlds)


def advice_decisions(cells: Sequence[AtlasCell], worlds: Sequence[str] = ()) -> list[Decision]:
    """The advice alone on the same cases."""
    made: list[Decision] = []
    for situation, replicates in groupby(cases(cells, worlds), key=lambda case: case.situation):
        proposed = next_pilot(situation).cells
        for case in replicates:
            made += _advice(case, proposed)
    return made


def _without_curves(case: Case) -> Iterator[Decision]:
    """Rules that look at nothing of this world, and who measures the whole of it."""
    known, at, truth = case.known, case.place, case.truth
    first = next(name for name in STRATEGIES if name in truth)
    new = NEW if NEW in truth else first
    yield case.judged("always answers", first)
    yield case.judged(ALWAYS_NEW, new)
    yield case.judged("threshold 17", new if at.budget / at.seeds > RULE else first)
    elsewhere = _elsewhere(known, at, truth)
    if elsewhere is not None:
        yield case.judged(ELSEWHERE, elsewhere)
    whole = [replace(at, arm=name) for name in truth]
    if all(place in known and _again(known, place) for place in whole):
        best = max(whole, key=lambda place: known[place].accuracy).arm
        yield case.judged(WHOLE, best, [known[place].measurement() for place in whole])


def _on_pilots(case: Case) -> Iterator[Decision]:
    """What rivals make of each pilot of a fixed size."""
    truth, full = case.truth, case.place.budget
    for size in PILOTS:
        pilot = _pilot(case, size)
        if pilot:
            yield case.judged(last_of(size), last_point(pilot, truth), pilot)
            yield case.judged(curve_on("pow3", size), pow3(pilot, full, truth), pilot)
            for method in CURVES:
                said = fitted(method, pilot, full, truth)
                yield case.judged(curve_on(method.name, size), said.chosen, pilot, said)


def _advice(case: Case, proposed: Sequence[ProposedCell]) -> Iterator[Decision]:
    """What the advice says without a pilot, after the one that it proposes, and after each of a fixed size."""
    own = [(one.strategy.value, one.seeds, one.queries) for one in proposed]
    pilots: dict[str, list[Measurement] | None] = {WITHOUT: [], OWN: bought(case.known, case.place, own)}
    for size in PILOTS:
        pilots[advice_with(size)] = _pilot(case, size) or None
    for method, pilot in pilots.items():
        if pilot is not None:
            said = advised(case.situation, pilot, case.truth)
            yield case.judged(method, said.chosen, pilot, said)


def _pilot(case: Case, size: str) -> list[Measurement] | None:
    at = case.place
    return bought(case.known, at, [(name, at.seeds, at.budget // part) for name in STRATEGIES for part in PILOTS[size]])


def _elsewhere(known: Known, case: Place, among: Collection[str]) -> str | None:
    """The strategy that lost least in the other worlds, with as many seeds and at that full budget; None where one of
    them was measured in none. Losses and not accuracies: worlds are not equally hard, and not all have every strategy.
    """
    lost: dict[str, list[float]] = {name: [] for name in among}
    for world in TASKS:
        there = means(measured(known, replace(case, world=world, replicate=REPLICATES))) if world != case.world else {}
        if len(there) > 1:
            for name in lost.keys() & there.keys():
                lost[name].append(max(there.values()) - there[name])
    if not all(lost.values()):
        return None
    return min(lost, key=lambda name: float(np.mean(lost[name])))


def _again(known: Known, place: Place) -> bool:
    """Whether another replicate has it, too."""
    return any(replace(place, replicate=r) in known for r in range(REPLICATES) if r != place.replicate)
