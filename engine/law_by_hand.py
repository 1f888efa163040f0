"""The law with parameters that somebody sets by hand: one curve a strategy, no uncertainty, nothing fitted. Pure.

For feeling what quality and reach do. Parameters have the names of `engine.law` without their scale: `q_new` is
exp(log_q_new), `ceiling` is expit(logit_ceiling).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine import costs, law, prior
from engine.domain import Strategy, TaskType
from engine.errors import InputError
from engine.law import Array

RATIOS = np.geomspace(0.3, 3000.0, 121)
"""Queries per seed at which curves are drawn."""


def _plain(name: str) -> str:
    return name.removeprefix("log_").removeprefix("logit_")


NAMES = tuple(_plain(name) for name in law.PARAMETERS)
"""Every parameter that can be set, in the order of the law's columns."""


@lru_cache(maxsize=16)
def medians(task: TaskType, augmenter: str = "strong") -> Mapping[str, float]:
    """The published posterior's median of every parameter, for that task type and augmenter, in natural units."""
    middle = np.median(prior.for_task(task, augmenter), axis=0)
    return {_plain(name): _natural(name, float(x)) for name, x in zip(law.PARAMETERS, middle, strict=True)}


def _natural(name: str, value: float) -> float:
    if name.startswith("logit_"):
        return float(law.expit(np.array(value)))
    return float(np.exp(value)) if name.startswith("log_") else value


def draw(values: Mapping[str, float]) -> Array:
    """One draw of the law from values in natural units. (1, 11).

    Raises InputError for a name that is missing or unknown, and for a value that the law cannot take.
    """
    problems = [f"{name}: missing; expected a value." for name in NAMES if name not in values]
    problems += [f"{name}: unknown; expected one of {', '.join(NAMES)}." for name in values if name not in NAMES]
    for name in law.PARAMETERS:
        value = values.get(_plain(name), 0.5)
        if name.startswith("logit_") and not 0 < value < 1:
            problems.append(f"{_plain(name)}: {value:g}; expected a share between 0 and 1.")
        elif name.startswith("log_") and not value > 0:
            problems.append(f"{_plain(name)}: {value:g}; expected a number above 0.")
    if problems:
        raise InputError(problems)
    return np.array([[_scaled(name, values[_plain(name)]) for name in law.PARAMETERS]])


def _scaled(name: str, value: float) -> float:
    if name.startswith("logit_"):
        return float(law.logit(value))
    return float(np.log(value)) if name.startswith("log_") else value


@dataclass(frozen=True)
class Change:
    """From `ratio` queries per seed on, `end` leads where `start` led."""

    start: Strategy
    end: Strategy
    ratio: float


@dataclass(frozen=True)
class Drawn:
    """What the law says with these values; B ratios, M strategies as in `law.STRATEGIES`."""

    seeds: int
    ratios: Array
    """(B,) queries per seed, rising."""
    accuracy: Array
    """(B, M) fraction of test items right."""
    seeds_only: float
    """The same without one generated example."""
    changes: tuple[Change, ...]
    """Where the lead changes hands within the ratios, in order."""
    leader: Strategy
    """Who leads at the first ratio."""
    reach_ratios: Array
    """(M,) queries per seed that buy as many examples as the reach: 63 % of all that the strategy can ever give."""
    reach_accuracy: Array
    """(M,) accuracy there."""

    def at(self, ratio: float) -> Array:
        """Accuracy of each strategy at so many queries per seed, between the ratios drawn. (M,)."""
        log = np.log(self.ratios)
        return np.array([np.interp(np.log(ratio), log, column) for column in self.accuracy.T])


def curves(values: Mapping[str, float], seeds: int, *, calls: str = "all", floor: float = 0.0) -> Drawn:
    """Each strategy alone over `RATIOS`. `calls` as in `engine.costs`; `floor` is the share that guessing gets right.

    Raises InputError for values that the law cannot take.
    """
    one = draw(values)
    per_example = np.array([float(costs.calls_per_example(m, calls)) for m in law.STRATEGIES])
    useful = law.useful_per_seed(one, seeds, RATIOS[:, None] / per_example)
    weight = values["seed_weight"]

    def right(per_seed: Array) -> Array:
        return np.asarray(law.accuracy(one, seeds * (weight + per_seed), floor)[0], dtype=np.float64)

    limit = law.reach(one, seeds)
    full = law.useful_per_seed(one, seeds, limit)
    first, changes = _leads(useful[0])
    return Drawn(
        seeds=seeds,
        ratios=RATIOS,
        accuracy=right(useful),
        seeds_only=float(right(np.zeros((1, 1)))[0]),
        changes=changes,
        leader=first,
        reach_ratios=limit[0] * per_example,
        reach_accuracy=right(full)[0],
    )


def _leads(useful: Array) -> tuple[Strategy, tuple[Change, ...]]:
    """Who leads first, and every change of the lead. `useful` (B, M): f rises, so it moves no crossing."""
    height, log_ratio = np.log(useful), np.log(RATIOS)
    leaders = height.argmax(axis=1)
    found = []
    for b in np.flatnonzero(leaders[1:] != leaders[:-1]):
        start, end = int(leaders[b]), int(leaders[b + 1])
        before, after = (height[k, end] - height[k, start] for k in (b, b + 1))
        share = -before / (after - before) if after > before else 1.0
        at = float(np.exp(log_ratio[b] + share * (log_ratio[b + 1] - log_ratio[b])))
        found.append(Change(law.STRATEGIES[start], law.STRATEGIES[end], at))
    return law.STRATEGIES[int(leaders[0])], tuple(found)
