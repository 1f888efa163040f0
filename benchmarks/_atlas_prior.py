"""What the advice knows before a pilot on the atlas: nothing but the law, or the law and the other worlds; and the
atlas's cells as rows beside published ones (strong augmenter, unverified answers, first student).

`seedpilot bench decisions --learn` leaves one world out. The law is fitted to all that was measured in each other one,
as it is to a user's points, and the world that is decided on is one more of their kind: Student-t around their mean,
parameter by parameter, its spread the worlds' own and what was assumed of studies before any was read. Published
studies are not in it: they tell of other students, and here the law is on trial and not what is known of them. For
`seedpilot bench weak_prior` all worlds together are one study beside the published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from engine import case, prior
from engine.atlas.prior import STRATEGIES, TASKS, single
from engine.atlas.table import AtlasCell, by_place
from engine.law import Array
from engine.prior_rows import Rows, free_of_floor

ATLAS = "ATLAS"


@contextmanager
def deciding_with(draws: Array) -> Iterator[None]:
    """The advice takes these draws for what is known before the first point meanwhile, whatever the task."""
    kept = prior.for_task
    prior.for_task = lambda *_: draws  # type: ignore[assignment]
    case._refitted.cache_clear()
    try:
        yield
    finally:
        prior.for_task = kept
        case._refitted.cache_clear()


def with_one_study(before: Rows, cells: Sequence[AtlasCell]) -> Rows:
    """Those rows and all worlds as one study, `ATLAS`; its replicates are one row, their mean."""
    replicates = by_place(single(cells)).values()
    means = [float(np.mean([cell.accuracy for cell in same])) for same in replicates]
    return _joined(before, [same[0] for same in replicates], means)


def _joined(before: Rows, cells: Sequence[AtlasCell], accuracies: Sequence[float]) -> Rows:
    """Each world is a curve of the one study."""
    worlds = tuple(dict.fromkeys(cell.world for cell in cells))
    curve = np.array([worlds.index(cell.world) for cell in cells], dtype=int)
    seeds = np.array([float(cell.seeds) for cell in cells])
    floors = np.array([prior.floor(TASKS[cell.world]) for cell in cells])
    examples = np.array([[float(cell.examples) if cell.arm == name else 0.0 for name in STRATEGIES] for cell in cells])
    return Rows(
        ids=(*before.ids, *(cell.key for cell in cells)),
        study=np.append(before.study, np.full(len(cells), len(before.studies))),
        curve=np.append(before.curve, len(before.curves) + curve),
        curve_study=np.append(before.curve_study, np.full(len(worlds), len(before.studies))),
        seeds=np.append(before.seeds, seeds),
        human=np.append(before.human, seeds),
        examples=np.concatenate([before.examples, examples]),
        target=np.append(before.target, free_of_floor(np.array(accuracies), floors)),
        studies=(*before.studies, ATLAS),
        curves=(*before.curves, *((ATLAS, world, "atlas") for world in worlds)),
    )
