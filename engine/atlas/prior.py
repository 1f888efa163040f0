"""What each world of the atlas says of the law: `python -m engine.atlas.prior` writes data/atlas/prior.json.

The law is fitted to all of a world's cells of one strategy (strong augmenter, answers as they come, first student), as
it is to a user's points, from no published study: the atlas is another student, and is asked for what it says itself.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import posterior, prior, prior_worlds
from engine.atlas.design import ANSWERS, NEW, REPHRASE, SEEDS_ONLY
from engine.atlas.table import AtlasCell, load
from engine.domain import Measurement, TaskType
from engine.law import PARAMETERS, Array
from engine.prior_fit import prior_draws, width_against_prior
from engine.settings import Settings

TASKS = {
    "maths": TaskType.MATH,
    "sql": TaskType.TEXT_TO_SQL,
    "facts": TaskType.MULTIPLE_CHOICE,
    "tickets": TaskType.STRUCTURED,
    "open": TaskType.OPEN_ENDED,
}
STRATEGIES = (ANSWERS, REPHRASE, NEW)


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description="Fits the law to each world of the atlas.")
    parser.add_argument("--atlas", type=Path, default=Settings().data / "atlas", help="folder of its Parquet files")
    parser.add_argument("--out", type=Path, default=prior_worlds.FILE)
    given = parser.parse_args(arguments)
    given.out.write_text(json.dumps(fit(load(given.atlas))) + "\n")
    print(f"wrote {given.out}")


def fit(cells: Sequence[AtlasCell]) -> dict[str, Any]:
    """The worlds as they are stored."""
    found = parameters(cells)
    return {
        "script": "python -m engine.atlas.prior",
        "seed": prior_worlds.SEED,
        "parameters": list(PARAMETERS),
        "worlds": [
            {
                "name": world,
                "task": TASKS[world].value,
                "cells": dict(sorted(Counter(one.arm for one in single(cells) if one.world == world).items())),
                "largest": max(one.budget for one in single(cells) if one.world == world),
                "parameters": [round(float(x), 4) for x in own],
                "width": [round(float(x), 3) for x in _width(found, world)],
            }
            for world, own in found.items()
        ],
    }


def parameters(cells: Sequence[AtlasCell]) -> dict[str, Array]:
    """Posterior mean of the law's parameters, (11,), given all of a world's cells; of every world that has some."""
    told: dict[str, list[Measurement]] = {world: [] for world in TASKS}
    for cell in single(cells):
        told[cell.world].append(cell.measurement())
    before = before_any_study()
    return {
        world: posterior.refit(before, points, prior.floor(TASKS[world])).draws.mean(axis=0)
        for world, points in told.items()
        if points
    }


def knowing_others(found: Mapping[str, Array], left_out: str) -> Array:
    """Draws for a world given the parameters of all others. (DRAWS, 11)."""
    return prior_worlds.one_more(np.array([own for world, own in found.items() if world != left_out]))


def single(cells: Sequence[AtlasCell]) -> list[AtlasCell]:
    """Cells of one strategy, and of the seeds alone, in the usual setting."""
    return [cell for cell in cells if cell.arm in (*STRATEGIES, SEEDS_ONLY) and cell.place.usual]


def before_any_study() -> Array:
    """Draws for a task of which the law is all that is known: its parameters as wide as the model of published studies
    assumes them before any was read. (DRAWS, 11)."""
    return prior_draws(np.random.default_rng(prior_worlds.SEED), prior_worlds.DRAWS)


def _width(found: Mapping[str, Array], left_out: str) -> Array:
    alone = len(found) == 1
    return np.ones(len(PARAMETERS)) if alone else width_against_prior(knowing_others(found, left_out))


if __name__ == "__main__":
    main()
