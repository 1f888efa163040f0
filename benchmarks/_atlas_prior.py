"""The law's prior with the atlas in it, one world left out: what `seedpilot bench decisions --learn` decides with.

Each other world of the atlas is one more study beside the published ones, with a curve of its own; its cells are rows
(strong augmenter, unverified answers, first student). The world that is decided on is a study that nobody has run, so
that what differs between worlds widens the advice as what differs between papers does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from benchmarks._atlas import STRATEGIES, TASKS
from engine import case, prior
from engine.atlas.design import FIRST, PLAIN, SEEDS_ONLY, STRONG, USUAL
from engine.atlas.table import AtlasCell
from engine.evidence import published
from engine.law import Array
from engine.prior_fit import DRAWS, STEPS, WARM_UP, draws_for_new_task, sample
from engine.prior_rows import Rows, free_of_floor, rows


def learned(cells: Sequence[AtlasCell], left_out: str) -> tuple[Array, float]:
    """Draws for a new task given published rows and all worlds but that one, and the largest R-hat of the fit."""
    evidence = published()
    fitted = _with(rows(evidence), cells, left_out)
    # Some two hundred cells say all that there is to say of a world.
    pinned = {cell.world for cell in cells}
    found = sample(evidence, fitted=fitted, warm_up=WARM_UP, steps=STEPS, pinned=pinned)
    return draws_for_new_task(found.state, DRAWS), float(found.r_hat.max())


@contextmanager
def deciding_with(draws: Array) -> Iterator[None]:
    """The advice takes these draws for the prior meanwhile."""
    kept = prior.stored
    known = replace(kept(), draws=draws)
    caches = (prior.for_task, case._refitted)
    prior.stored = lambda: known  # type: ignore[assignment]
    for cache in caches:
        cache.cache_clear()
    try:
        yield
    finally:
        prior.stored = kept
        for cache in caches:
            cache.cache_clear()


def _with(before: Rows, cells: Sequence[AtlasCell], left_out: str) -> Rows:
    plain = [
        cell
        for cell in cells
        if cell.world != left_out
        and cell.arm in (*STRATEGIES, SEEDS_ONLY)
        and (cell.augmenter, cell.check, cell.student, cell.setting) == (STRONG, PLAIN, FIRST, USUAL)
    ]
    worlds = tuple(dict.fromkeys(cell.world for cell in plain))
    floor = np.array([prior.floor(TASKS[cell.world]) for cell in plain])
    target = free_of_floor(np.array([cell.accuracy for cell in plain]), floor)
    study = np.array([worlds.index(cell.world) for cell in plain])
    made = [[cell.examples if cell.arm == name else 0 for name in STRATEGIES] for cell in plain]
    seeds = np.array([float(cell.seeds) for cell in plain])
    return Rows(
        ids=(*before.ids, *(cell.key for cell in plain)),
        study=np.concatenate([before.study, len(before.studies) + study]),
        curve=np.concatenate([before.curve, len(before.curves) + study]),
        curve_study=np.concatenate([before.curve_study, len(before.studies) + np.arange(len(worlds))]),
        seeds=np.concatenate([before.seeds, seeds]),
        human=np.concatenate([before.human, seeds]),
        examples=np.concatenate([before.examples, np.array(made, dtype=float)]),
        target=np.concatenate([before.target, target]),
        studies=(*before.studies, *worlds),
        curves=(*before.curves, *((world, world, "atlas") for world in worlds)),
    )
