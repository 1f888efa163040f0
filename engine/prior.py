"""The stored prior: draws of the law for a task that nobody has measured yet.

`data/evidence/law_prior.json` is written by `python -m engine.prior_fit` and carries the digest of the
evidence that it was fitted to; a test compares the two. Loading it takes milliseconds, fitting a minute.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.domain import Situation, TaskType
from engine.evidence import FOLDER, published
from engine.law import BETA, PARAMETERS, Q_NEW, REACH, Array

NO_REACH = 0.05
"""Reach of answers where the question determines the answer: another one teaches next to nothing."""
UNSEEN_WIDTH = 1.5
"""Quality and reach are this many times as wide on a task type that the law was not fitted to."""
FLOORS = {TaskType.MULTIPLE_CHOICE: 0.25}
"""Share that guessing gets right: four choices; 0 for every other task type."""


@dataclass(frozen=True)
class Prior:
    """The stored file."""

    draws: Array
    """(K, 11), columns as in `law.PARAMETERS`."""
    weak_new: Array
    """(K,) what a weak augmenter adds to log q of new questions; never positive."""
    assumed: tuple[str, ...]
    """Parameters that the evidence did not narrow."""
    evidence: str
    """Digest of the evidence that it was fitted to."""
    model: str
    """Digest of the numbers of the model that it was fitted with (`prior_model.digest`)."""


@lru_cache(maxsize=1)
def stored() -> Prior:
    """The prior that ships with SeedPilot, read once."""
    found = json.loads((FOLDER / "law_prior.json").read_text())
    if tuple(found["parameters"]) != PARAMETERS:
        raise ValueError("law_prior.json holds other parameters than engine.law; run python -m engine.prior_fit")
    return Prior(
        draws=np.array(found["draws"]),
        weak_new=np.array(found["weak_new"]),
        assumed=tuple(found["assumed"]),
        evidence=found["evidence"],
        model=found["model"],
    )


@lru_cache(maxsize=32)
def for_task(task: TaskType, augmenter: str) -> Array:
    """Draws for that task type and augmenter. (K, 11); do not write into them."""
    prior = stored()
    draws = prior.draws.copy()
    if not published().fitted(task):
        carried = slice(0, BETA)
        middle = np.median(draws[:, carried], axis=0)
        draws[:, carried] = middle + UNSEEN_WIDTH * (draws[:, carried] - middle)
    if task is TaskType.STRUCTURED:
        column = draws[:, REACH]
        draws[:, REACH] = np.log(NO_REACH) + 0.5 * (column - np.median(column))
    if augmenter == "weak":
        draws[:, Q_NEW] += prior.weak_new
    draws.flags.writeable = False
    return draws


def for_situation(situation: Situation) -> Array:
    """Draws for what the user has said. (K, 11)."""
    return for_task(situation.task, situation.augmenter)


def floor(task: TaskType) -> float:
    """Share of items that guessing gets right."""
    return FLOORS.get(task, 0.0)
