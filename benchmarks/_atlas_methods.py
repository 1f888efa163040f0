"""Who decides on the atlas: the advice, the bare curve engines on the same pilot, and the pilot's last point.

Curve engines see each strategy's points at the pilot's number of seeds, with their counts, as `seedpilot fit` would be
given them; strategies are read at the full budget, and the highest expectation is chosen. Margins of intervals and of
P(best) are those that ship: the saturating curve has some, learned on tabular curves, and the other engines none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks._decided import most_likely
from engine import calibrated
from engine.advice import as_json, recommend
from engine.case import Case
from engine.domain import Measurement, Situation
from engine.fitting.calibration import TAILS
from engine.fitting.fit import shipped, summarise
from engine.fitting.groups import Group, LogitScale, Method
from engine.fitting.observations import Observation, group_of
from engine.fitting.pooling import PooledCurves, QualityReach
from engine.fitting.rivals import GaussianProcess, LeastSquares
from engine.fitting.saturating import SaturatingCurves

CURVES: tuple[Method, ...] = (SaturatingCurves(), QualityReach(), PooledCurves(), GaussianProcess())
"""Engines with draws of their own. `quality x reach` is the law without published studies and without seeds."""

Bounds = Mapping[str, tuple[float, float]]
"""Low and high end of the accuracy by strategy, fractions."""


@dataclass(frozen=True)
class Said:
    """What a method says about the strategies that it decides between."""

    chosen: str
    p_best: float
    """Of what was chosen, among those strategies."""
    bounds: Mapping[int, Bounds]
    """By level, 80 and 90 (per cent); strategies of which no value is given are left out."""


def advised(situation: Situation, pilot: Sequence[Measurement], among: Collection[str]) -> Said:
    """The advice, told the pilot; chosen is the likeliest to be best."""
    told = {one["strategy"]: one for one in as_json(recommend(situation, pilot))["strategies"]}
    there = {name: told[name] for name in among}
    chosen = most_likely(there)
    shown = {name for name, one in there.items() if one["accuracy"] is not None}
    every = {level: advised_bounds(situation, pilot, level) for level in TAILS}
    return Said(
        chosen,
        there[chosen]["p_best"] / sum(one["p_best"] for one in there.values()),
        {level: {name: of_level[name] for name in shown} for level, of_level in every.items()},
    )


def advised_bounds(situation: Situation, pilot: Sequence[Measurement], level: int) -> Bounds:
    """The advice's intervals at the situation's budget, of 80 % (as it prints them) or of 90 %."""
    case = Case.of(situation, pilot)
    examples = case.whole_examples(situation.queries)
    right = case.fitted.accuracies(situation.seeds, examples[None])
    stretch = case.fitted.stretches(situation.seeds, examples[None])
    low, high = calibrated.bounds(right, stretch, level)
    ends = zip(case.strategies, low[0], high[0], strict=True)
    return {strategy.value: (float(least), float(most)) for strategy, least, most in ends}


def fitted(method: Method, pilot: Sequence[Measurement], full: int, among: Collection[str]) -> Said:
    """A curve engine, told the same pilot."""
    group = _group(pilot, among)
    draws = method.forecast(group, np.array([float(full), min(float(one.n.max()) for one in group.series)])).draws
    known = shipped(loss=False).get(method.name)
    found = summarise(group, draws, group.stretch(float(full)), known, (), raw=True).reached
    best = max(found, key=lambda one: one.mean or 0.0)
    return Said(
        best.strategy,
        best.p_best,
        {
            80: {one.strategy: one.interval80 for one in found if one.interval80 is not None},
            90: {one.strategy: one.interval90 for one in found if one.interval90 is not None},
        },
    )


def last_point(pilot: Sequence[Measurement], among: Collection[str]) -> str:
    """The winner at the pilot's largest budget."""
    largest = max(one.cell.budget for one in pilot)
    there = [one for one in pilot if one.cell.budget == largest and one.cell.arm.value in among]
    return max(there, key=lambda one: one.accuracy or 0.0).cell.arm.value


def pow3(pilot: Sequence[Measurement], full: int, among: Collection[str]) -> str:
    """A power law through each strategy's points, read at the full budget."""
    group = _group(pilot, among)
    ends = LeastSquares("pow3").forecast(group, np.array([float(full)])).draws[0, :, 0]
    return group.strategies[int(ends.argmax())]


def _group(pilot: Sequence[Measurement], among: Collection[str]) -> Group:
    """A pilot of one number of seeds: a strategy's points are cut from one pool."""
    rows = [
        Observation(
            one.cell.arm.value, float(one.cell.budget), float(one.correct), float(one.scored), pool=str(one.cell.pool)
        )
        for one in pilot
        if one.cell.arm.value in among
    ]
    return group_of("pilot", rows, LogitScale())
