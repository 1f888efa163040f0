"""What one search takes on this machine: one query at a time, from text to the best passages.

Ways are timed in turns, in an order that is drawn anew each round, so that whatever else the machine does hits all of
them alike. Processor time stands beside the clock's: where others share the machine, it says what the search itself
takes. Adapters are merged first, as one would serve them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

WARM_UP = 10
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of medians, to the first way; with a central 95 % interval, bootstrapped over rounds."""

    ratio: float
    low95: float
    high95: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one search."""

    median: float
    p95: float
    processor: float
    """The median of processor time, over all threads."""
    searches: int
    by_clock: Ratio
    by_processor: Ratio


def timed(ways: Mapping[str, Callable[[int], object]], texts: int, rounds: int, seed: int = 0) -> dict[str, Latency]:
    """How long each way takes; a way is called with the number of a text, from 0 to `texts` - 1.

    In each round every way searches for the same text once.
    """
    rng = random.Random(f"latency-{seed}")
    names = list(ways)
    clock: dict[str, list[float]] = {name: [] for name in names}
    processor: dict[str, list[float]] = {name: [] for name in names}
    for number, text in enumerate(islice(cycle(range(texts)), WARM_UP + rounds)):
        for name in rng.sample(names, len(names)):
            begun, worked = time.perf_counter(), time.process_time()
            ways[name](text)
            if number >= WARM_UP:
                clock[name].append(1000 * (time.perf_counter() - begun))
                processor[name].append(1000 * (time.process_time() - worked))
    first = names[0]
    drawn = np.random.default_rng(seed).integers(0, rounds, (DRAWS, rounds))
    return {
        name: Latency(
            float(np.median(clock[name])),
            float(np.quantile(clock[name], 0.95)),
            float(np.median(processor[name])),
            rounds,
            _ratio(clock[name], clock[first], drawn),
            _ratio(processor[name], processor[first], drawn),
        )
        for name in names
    }


def _ratio(one: list[float], first: list[float], drawn: NDArray[np.int64]) -> Ratio:
    a, b = np.array(one), np.array(first)
    low, high = np.quantile(np.median(a[drawn], axis=1) / np.median(b[drawn], axis=1), [0.025, 0.975])
    return Ratio(float(np.median(a) / np.median(b)), float(low), float(high))
