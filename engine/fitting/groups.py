"""What a curve is fitted to: a group of strategies, each with its points on a working scale.

A working scale is one on which curves are straight enough and noise is even enough to be summed: the
logit of the floor-free share for accuracies, the logarithm for losses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

POOL_SD = 0.10
"""Logit scale: what one strategy's data differ by when made again; shared by all points of a pool."""
EDGE = 1e-4
"""No accuracy is read as closer to the floor or to 1 than this share."""


class Scale(Protocol):
    """A working scale and its inverse."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        ...

    def to_working(self, values: Array) -> Array:
        """Natural values -> working scale."""
        ...

    def to_natural(self, working: Array) -> Array:
        """The inverse."""
        ...

    def slope(self, values: Array) -> Array:
        """Derivative of the working scale at natural values: turns standard errors from one into the other."""
        ...


@dataclass(frozen=True, slots=True)
class LogitScale:
    """Accuracies: logit of (p - floor) / (1 - floor), where `floor` is what guessing gets right."""

    floor: float = 0.0

    @property
    def higher_is_better(self) -> bool:
        """Yes: more right answers."""
        return True

    def to_working(self, values: Array) -> Array:
        """Fractions -> logit of the share above chance, kept off the edges."""
        share = np.clip((values - self.floor) / (1 - self.floor), EDGE, 1 - EDGE)
        return np.asarray(np.log(share) - np.log1p(-share), dtype=np.float64)

    def to_natural(self, working: Array) -> Array:
        """The inverse: fractions, chance included."""
        return np.asarray(self.floor + (1 - self.floor) * 0.5 * (1 + np.tanh(0.5 * working)), dtype=np.float64)

    def slope(self, values: Array) -> Array:
        """d logit / d p; bounded, as a share of 0 or 1 has none."""
        share = np.clip((values - self.floor) / (1 - self.floor), 0.01, 0.99)
        return np.asarray(1 / (share * (1 - share) * (1 - self.floor)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class LogScale:
    """Losses: natural logarithm of a positive value, lower is better."""

    @property
    def higher_is_better(self) -> bool:
        """No: a smaller loss."""
        return False

    def to_working(self, values: Array) -> Array:
        """Losses -> their logarithm."""
        return np.asarray(np.log(values), dtype=np.float64)

    def to_natural(self, working: Array) -> Array:
        """The inverse."""
        return np.asarray(np.exp(working), dtype=np.float64)

    def slope(self, values: Array) -> Array:
        """d log / d loss."""
        return np.asarray(1 / values, dtype=np.float64)


STEP = 4.0
"""So much better measured is each step that is looked at between the points as they are and as if measured well."""


@dataclass(frozen=True, slots=True)
class Series:
    """One strategy's points, one for each budget, smallest first. All arrays have shape (P,)."""

    strategy: str
    n: Array
    """Training examples (or any other budget), 0 or more; all different, or so with their seeds."""
    value: Array
    """On the working scale."""
    variance: Array
    """Of `value`, working scale: sampling and training seed; 0 where nothing is known about it."""
    pool_variance: float = 0.0
    """Working scale: shared by all points of the series, which come from one pool."""
    as_if: tuple[Array, Array] | None = None
    """Value and variance as if every point were measured well, whatever it was measured on: the misfit is chosen by
    these, so that more of the same data never choose a larger one. None: nothing is known of the noise."""
    seeds: Array | None = None
    """Labelled examples behind each point, n being examples beside them; None: nothing is known of seeds."""

    @property
    def better(self) -> tuple[Series, ...]:
        """The same points measured better, up to at least as well as if; empty where they are that already.

        Doubt is not largest at either end: where few points are far from as-if, steps between are looked at too.
        """
        if self.as_if is None or not (self.variance > self.as_if[1]).any():
            return ()
        known, least = self.as_if[0], np.minimum(self.variance, self.as_if[1])
        value = np.where(self.variance > self.as_if[1], known, self.value)
        steps = 1 + int(np.log((self.variance / least).max()) / np.log(STEP))
        parts = np.arange(1, steps + 1) / steps
        return tuple(
            replace(
                self,
                value=self.value + part * (value - self.value),
                variance=self.variance ** (1 - part) * least**part,
            )
            for part in parts
        )

    @property
    def judged(self) -> Series | None:
        """The points as the misfit is chosen by; None where nothing is known of their noise."""
        return None if self.as_if is None else replace(self, value=self.as_if[0], variance=self.as_if[1])


@dataclass(frozen=True, slots=True)
class Group:
    """Strategies that compete: one task, one student."""

    name: str
    series: tuple[Series, ...]
    scale: Scale
    at_seeds: float | None = None
    """The seeds to look at, where points name theirs."""

    @property
    def strategies(self) -> tuple[str, ...]:
        """Their names, in the order of every axis over strategies."""
        return tuple(series.strategy for series in self.series)

    def stretch(self, at: float) -> Array:
        """How many times further than each strategy's largest point `at` lies. (M,); infinite from 0 alone.

        With seeds it is the training set, seeds and examples, or the seeds themselves, whichever lies further.
        """
        largest = np.array([series.n.max() for series in self.series])
        with np.errstate(divide="ignore"):
            far = at / largest
        if self.at_seeds is not None:
            most = np.array([series.seeds.max() for series in self.series if series.seeds is not None])
            sets = np.array([(series.seeds + series.n).max() for series in self.series if series.seeds is not None])
            far = np.maximum((at + self.at_seeds) / sets, self.at_seeds / most)
        return np.asarray(far, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a method says about a group at one budget."""

    draws: Array
    """(K, M, A) joint draws on the working scale; K = 1 for a method that has no uncertainty of its own."""
    assumed: tuple[str, ...] = ()
    """Parameters that the points did not narrow, by strategy; empty where a method has no prior."""


class Method(Protocol):
    """A way to extend curves: the benchmark compares them, `seedpilot fit` uses the best."""

    @property
    def name(self) -> str:
        """What tables call it; margins are learned for it under that name."""
        ...

    def forecast(self, group: Group, at: Array) -> Forecast:
        """Draws of what each strategy reaches at the budgets `at` (A,); the same for the same group."""
        ...
