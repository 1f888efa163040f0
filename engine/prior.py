"""The stored prior: draws of the law for a task that nobody has measured yet.

`data/evidence/law_prior.json` is written by `python -m engine.prior_fit` and carries the digest of the
evidence that it was fitted to; a test compares the two. Loading it takes milliseconds, fitting a minute.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine import prior_worlds
from engine.domain import ATLAS, PUBLISHED, Situation, TaskType
from engine.evidence import FOLDER, published
from engine.law import BETA, PARAMETERS, Q_NEW, REACH, SEED_WEIGHT, Array

NO_REACH = 0.05
"""Reach of answers where the question determines the answer: another one teaches next to nothing."""
UNSEEN_WIDTH = 1.5
"""Quality and reach are this many times as wide on a task type that the law was not fitted to."""
REAL_SPREAD = 0.5
"""Natural logs. Assumed, no published row measures it: an answered real question is worth what a seed is worth
(its question comes from where the seeds come from), times or through 1.6 for an answer that is the teacher's:
now and then wrong, often fuller. The seeds' own worth is wide, and published rows on human data spread as far
(claims `human-task-worth`, `human-wanli`, `doubling-human`), so the worth of a real question spans a factor of ten."""
REAL_SEED = 12
"""Of the random numbers behind that spread."""
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
    width: Array
    """(11,) widths for a new task against what was assumed before any evidence."""
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
        width=np.array(found["width_against_prior"]),
        evidence=found["evidence"],
        model=found["model"],
    )


@lru_cache(maxsize=64)
def for_task(task: TaskType, augmenter: str, real: bool = False, known: str = PUBLISHED) -> Array:
    """Draws for that task type and augmenter. (K, 11), or (K, 12) where `real` questions compete.

    Do not write into them.
    """
    prior = stored()
    draws = prior_worlds.draws(task) if known == ATLAS else prior.draws.copy()
    if known == PUBLISHED and not published().fitted(task):
        carried = slice(0, BETA)
        middle = np.median(draws[:, carried], axis=0)
        draws[:, carried] = middle + UNSEEN_WIDTH * (draws[:, carried] - middle)
    if task is TaskType.STRUCTURED:
        column = draws[:, REACH]
        draws[:, REACH] = np.log(NO_REACH) + 0.5 * (column - np.median(column))
    if augmenter == "weak":
        draws[:, Q_NEW] += np.resize(prior.weak_new, len(draws))
    if real:
        noise = np.random.default_rng(REAL_SEED).standard_normal(len(draws))
        draws = np.column_stack([draws, draws[:, SEED_WEIGHT] + REAL_SPREAD * noise])
    draws.flags.writeable = False
    return draws


def for_situation(situation: Situation, real: bool = False) -> Array:
    """Draws for what the user has said. (K, 11), or (K, 12) where `real` questions compete or were measured."""
    return for_task(situation.task, situation.augmenter, real, situation.known)


def widths(situation: Situation, real: bool) -> Array:
    """How wide the parameters are for a task of that type against before any evidence. (11,), or (12,) if `real`.

    Where no row speaks about the task type, what it says of others is carried over and decides nothing.
    """
    if situation.known == ATLAS:
        width = prior_worlds.widths(situation.task)
    else:
        width = stored().width if published().fitted(situation.task) else np.ones(len(PARAMETERS))
    return np.append(width, 1.0) if real else width


def with_augmenter(draws: Array, augmenter: str) -> Array:
    """Draws for one strength of augmenter, made into draws for the other, `augmenter`. Same shape."""
    # prior draws have their own shifts; draws of a posterior take them as they come, for they are independent
    shift = np.resize(stored().weak_new, len(draws))
    moved = draws.copy()
    moved[:, Q_NEW] += shift if augmenter == "weak" else -shift
    return moved


def floor(task: TaskType) -> float:
    """Share of items that guessing gets right."""
    return FLOORS.get(task, 0.0)
