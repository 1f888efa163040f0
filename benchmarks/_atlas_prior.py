"""The law's prior with the atlas in it. Its cells are rows (strong augmenter, unverified answers, first student), and
each world has a curve of its own.

`seedpilot bench decisions --learn` leaves one world out: each other one is one more study beside the published ones.
The world that is decided on is a study that nobody has run, so that what differs between worlds widens the advice as
what differs between papers does. For `seedpilot bench weak_prior` all worlds together are one study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from benchmarks._atlas import STRATEGIES, TASKS
from engine import case, prior
from engine.atlas.design import SEEDS_ONLY, Place
from engine.atlas.table import AtlasCell
from engine.evidence import published
from engine.law import Array
from engine.prior_fit import DRAWS, STEPS, WARM_UP, draws_for_new_task, sample
from engine.prior_rows import Rows, free_of_floor, rows

ATLAS = "ATLAS"


def learned(cells: Sequence[AtlasCell], left_out: str) -> tuple[Array, float]:
    """Draws for a new task given published rows and all worlds but that one, and the largest R-hat of the fit."""
    evidence = published()
    fitted = with_worlds(rows(evidence), cells, left_out)
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


def with_worlds(before: Rows, cells: Sequence[AtlasCell], left_out: str) -> Rows:
    """Those rows and the cells of all worlds but that one, each world a study."""
    others = [cell for cell in _single(cells) if cell.world != left_out]
    return _joined(before, others, [cell.accuracy for cell in others], {cell.world: cell.world for cell in others})


def with_one_study(before: Rows, cells: Sequence[AtlasCell]) -> Rows:
    """Those rows and all worlds as one study, `ATLAS`; its replicates are one row, their mean."""
    of_place: dict[Place, list[AtlasCell]] = {}
    for cell in _single(cells):
        of_place.setdefault(cell.place.of_replicates, []).append(cell)
    means = [float(np.mean([cell.accuracy for cell in same])) for same in of_place.values()]
    first = [same[0] for same in of_place.values()]
    return _joined(before, first, means, {cell.world: ATLAS for cell in first})


def _single(cells: Sequence[AtlasCell]) -> list[AtlasCell]:
    return [cell for cell in cells if cell.arm in (*STRATEGIES, SEEDS_ONLY) and cell.place.usual]


def _joined(before: Rows, cells: Sequence[AtlasCell], accuracies: Sequence[float], study_of: Mapping[str, str]) -> Rows:
    """`study_of` names every world's study; each world is a curve."""
    worlds, studies = tuple(study_of), tuple(dict.fromkeys(study_of.values()))
    curve = np.array([worlds.index(cell.world) for cell in cells], dtype=int)
    of_curve = np.array([studies.index(study_of[world]) for world in worlds], dtype=int)
    seeds = np.array([float(cell.seeds) for cell in cells])
    floors = np.array([prior.floor(TASKS[cell.world]) for cell in cells])
    examples = np.array([[float(cell.examples) if cell.arm == name else 0.0 for name in STRATEGIES] for cell in cells])
    return Rows(
        ids=(*before.ids, *(cell.key for cell in cells)),
        study=np.concatenate([before.study, len(before.studies) + of_curve[curve]]),
        curve=np.concatenate([before.curve, len(before.curves) + curve]),
        curve_study=np.concatenate([before.curve_study, len(before.studies) + of_curve]),
        seeds=np.concatenate([before.seeds, seeds]),
        human=np.concatenate([before.human, seeds]),
        examples=np.concatenate([before.examples, examples]),
        target=np.concatenate([before.target, free_of_floor(np.array(accuracies), floors)]),
        studies=(*before.studies, *studies),
        curves=(*before.curves, *((study_of[world], world, "atlas") for world in worlds)),
    )
