"""How accuracy moves with the student's size, as far as published rows say: students of one family, trained alike."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from engine.evidence import ACCURACY, parameters_named, published
from engine.law import Array

USUAL = 7e9
"""Parameters of most published students: what the curves speak about where the user names no student."""
WIDER = 2.0
"""The slopes come from one study on one benchmark; on other tasks they are taken to spread this many times as far."""
_SIZE = re.compile(r"[- ]?\d+(?:\.\d+)?\s?[bBmM]\b")
_DRAWS = 14


@lru_cache(maxsize=1)
def slopes() -> Array:
    """Rise of logit accuracy for each e-fold of parameters, one for each group of rows that differ in size alone. (G,).

    Untuned students are left out: they answer in a format of their own.
    """
    groups: dict[tuple[object, ...], dict[float, float]] = {}
    for p in published().points:
        size = parameters_named(p.student)
        if p.metric == ACCURACY and size is not None and p.strategy != "none" and 0 < p.value < 100:
            family = _SIZE.sub("", p.student)
            alike = (p.source, p.task, p.strategy, p.seed_n, p.human_n, p.synthetic_n, p.teacher, family)
            groups.setdefault(alike, {})[size] = p.value / 100
    found = []
    for values in groups.values():
        if len(values) > 1:
            right = np.array(list(values.values()))
            found.append(np.polyfit(np.log(list(values)), np.log(right / (1 - right)), 1)[0])
    return np.array(found)


def sizes() -> tuple[float, float]:
    """The smallest and the largest student that the slopes rest on, in parameters."""
    found = [n for p in published().points if p.source == "RFT" and (n := parameters_named(p.student)) is not None]
    return min(found), max(found)


def shifted(accuracy: Array, start: float, end: float, floor: float) -> Array:
    """Accuracies (K, ...) of a student with `start` parameters, as those of one with `end`.

    What guessing leaves open moves on the logit scale; each draw K has a slope of its own, never below 0.
    """
    if not (start > 0 and end > 0):
        raise ValueError(f"students with {start} and {end} parameters; expected more than 0")
    rise = slopes()
    noise = np.random.default_rng(_DRAWS).standard_normal(len(accuracy))
    drawn = np.maximum(0.0, np.median(rise) + WIDER * rise.std() * noise)
    step = (drawn * np.log(end / start)).reshape(-1, *[1] * (accuracy.ndim - 1))
    open_share = np.clip((accuracy - floor) / (1 - floor), 1e-6, 1 - 1e-6)
    odds = open_share / (1 - open_share) * np.exp(step)
    return np.asarray(floor + (1 - floor) * odds / (1 + odds), dtype=np.float64)
