"""What one search takes on this machine: one query at a time, from text to the best passages.

Ways are timed in turns, in an order that is drawn anew each round, so that whatever else the machine does hits all of
them alike. Adapters are merged first, as one would serve them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

WARM_UP = 10
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one search."""

    median: float
    p95: float
    searches: int
    ratio: float
    """Of the median to that of the first way."""
    ratio_low95: float
    ratio_high95: float
    """Bootstrapped over rounds."""


def timed(ways: Mapping[str, Callable[[int], object]], texts: int, rounds: int, seed: int = 0) -> dict[str, Latency]:
    """How long each way takes; a way is called with the number of a text, from 0 to `texts` - 1.

    In each round every way searches for the same text once.
    """
    rng = random.Random(f"latency-{seed}")
    names = list(ways)
    took: dict[str, list[float]] = {name: [] for name in names}
    for number, text in enumerate(islice(cycle(range(texts)), WARM_UP + rounds)):
        for name in rng.sample(names, len(names)):
            begun = time.perf_counter()
            ways[name](text)
            if number >= WARM_UP:
                took[name].append(1000 * (time.perf_counter() - begun))
    return _told(names, np.array([took[name] for name in names]))


def _told(names: Sequence[str], took: np.ndarray) -> dict[str, Latency]:
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, took.shape[1], (DRAWS, took.shape[1]))
    first = np.median(took[0][drawn], axis=1)
    found = {}
    for name, times in zip(names, took, strict=True):
        low, high = np.quantile(np.median(times[drawn], axis=1) / first, [0.025, 0.975])
        found[name] = Latency(
            float(np.median(times)),
            float(np.quantile(times, 0.95)),
            len(times),
            float(np.median(times) / np.median(took[0])),
            float(low),
            float(high),
        )
    return found
