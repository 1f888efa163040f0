"""What the worlds of the sandbox's atlas say about one more world: the other prior that advice can start from.

`data/atlas/prior.json` is written by `python -m engine.atlas.prior`: each world's parameters of the law, fitted to all
that was measured in it. A task is one more world of their kind, and the world of its own task type is left out, so that
nothing is known of a task but what others say. The worlds are one toy student's; nothing shows that they transfer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.domain import Strategy, TaskType
from engine.evidence import FOLDER
from engine.law import PARAMETERS, Array
from engine.prior_model import CURVE_SPREAD, TAU_SCALE

FILE = FOLDER.parent / "atlas" / "prior.json"
SPREAD_DF = 3.0
"""What is assumed of the spread between worlds counts as so many of them: the fewest with which it has a mean."""
DRAWS, SEED = 1000, 20261122


@dataclass(frozen=True)
class World:
    """One world of the atlas."""

    name: str
    task: TaskType
    cells: dict[str, int]
    """Measured cells by strategy."""
    largest: int
    """Examples of the largest of them."""
    parameters: tuple[float, ...]
    """As in `law.PARAMETERS`."""
    width: tuple[float, ...]
    """(11,) widths of a task of this type, given the other worlds, against before any evidence."""


@lru_cache(maxsize=1)
def stored() -> tuple[World, ...]:
    """The worlds that ship with SeedPilot, read once."""
    found = json.loads(FILE.read_text())
    if tuple(found["parameters"]) != PARAMETERS:
        raise ValueError(f"{FILE.name} holds other parameters than engine.law; run python -m engine.atlas.prior")
    return tuple(World(**{**world, "task": TaskType(world["task"])}) for world in found["worlds"])


def others(task: TaskType) -> tuple[World, ...]:
    """The worlds that a task of that type is compared with: all but its own."""
    return tuple(world for world in stored() if world.task is not task)


def cells(task: TaskType, strategy: Strategy | None = None) -> int:
    """Measured cells of those worlds, of one strategy or of all."""
    return sum(count for world in others(task) for name, count in world.cells.items() if strategy in (None, name))


def largest(task: TaskType) -> int:
    """Examples of their largest cell."""
    return max(world.largest for world in others(task))


def draws(task: TaskType) -> Array:
    """Draws of the law for a task of that type. (DRAWS, 11)."""
    return one_more(np.array([world.parameters for world in others(task)]))


def widths(task: TaskType) -> Array:
    """How wide the parameters are against before any evidence. (11,); ones where the type is no world's."""
    own = [world.width for world in stored() if world.task is task]
    return np.array(own[0]) if own else np.ones(len(PARAMETERS))


def one_more(found: Array) -> Array:
    """Draws for one more world, of W worlds' parameters. (W, 11) -> (DRAWS, 11).

    Normal with mean and variance unknown, flat in the mean; the variance has a scaled inverse chi-squared prior of
    `SPREAD_DF` degrees of freedom at the square of what the model of published studies assumes of a spread between
    studies or curves. What is predicted is then Student-t (Gelman et al., Bayesian Data Analysis, 3rd edition, sections
    2.6 and 3.2).
    """
    count = len(found)
    freedom = SPREAD_DF + count - 1
    assumed = np.concatenate([TAU_SCALE, CURVE_SPREAD]) ** 2
    variance = (SPREAD_DF * assumed + ((found - found.mean(axis=0)) ** 2).sum(axis=0)) / freedom
    noise = np.random.default_rng(SEED).standard_t(freedom, (DRAWS, found.shape[1]))
    return np.asarray(found.mean(axis=0) + np.sqrt(variance * (1 + 1 / count)) * noise)
