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

from benchmarks._atlas_cases import STRATEGIES, TASKS
from engine import case, posterior, prior
from engine.atlas.design import SEEDS_ONLY, Place
from engine.atlas.table import AtlasCell
from engine.law import Array
from engine.prior_fit import DRAWS, prior_draws
from engine.prior_model import CURVE_SPREAD, TAU_SCALE
from engine.prior_rows import Rows, free_of_floor

ATLAS = "ATLAS"
SEED = 20261122
SPREAD_DF = 3.0
"""What is assumed of the spread between worlds counts as so many of them: the fewest with which it has a mean."""


def before_any_study() -> Array:
    """Draws for a task of which the law is all that is known: its parameters as wide as the model of published studies
    assumes them before any was read. (DRAWS, 11)."""
    return prior_draws(np.random.default_rng(SEED), DRAWS)


def knowing_others(cells: Sequence[AtlasCell], left_out: str) -> Array:
    """Draws for a world given what was measured in all others. (DRAWS, 11)."""
    found = []
    for world in dict.fromkeys(cell.world for cell in cells if cell.world != left_out):
        told = [cell.measurement() for cell in _single(cells) if cell.world == world]
        found.append(posterior.refit(before_any_study(), told, prior.floor(TASKS[world])).draws.mean(axis=0))
    return one_more(np.array(found))


def one_more(found: Array) -> Array:
    """Draws for one more world, of W worlds' parameters. (W, 11) -> (DRAWS, 11).

    Normal with mean and variance unknown, flat in the mean; the variance has a scaled inverse chi-squared prior of
    `SPREAD_DF` degrees of freedom at the square of what the model assumes of a spread between studies or curves. What
    is predicted is then Student-t (Gelman et al., Bayesian Data Analysis, 3rd edition, sections 2.6 and 3.2).
    """
    count = len(found)
    freedom = SPREAD_DF + count - 1
    assumed = np.concatenate([TAU_SCALE, CURVE_SPREAD]) ** 2
    variance = (SPREAD_DF * assumed + ((found - found.mean(axis=0)) ** 2).sum(axis=0)) / freedom
    noise = np.random.default_rng(SEED).standard_t(freedom, (DRAWS, found.shape[1]))
    return np.asarray(found.mean(axis=0) + np.sqrt(variance * (1 + 1 / count)) * noise)


@contextmanager
def deciding_with(draws: Array) -> Iterator[None]:
    """The advice takes these draws for what is known before the first point meanwhile, whatever the task."""
    kept = prior.for_task
    prior.for_task = lambda task, augmenter, real=False: draws  # type: ignore[assignment]
    case._refitted.cache_clear()
    try:
        yield
    finally:
        prior.for_task = kept
        case._refitted.cache_clear()


def with_one_study(before: Rows, cells: Sequence[AtlasCell]) -> Rows:
    """Those rows and all worlds as one study, `ATLAS`; its replicates are one row, their mean."""
    of_place: dict[Place, list[AtlasCell]] = {}
    for cell in _single(cells):
        of_place.setdefault(cell.place.of_replicates, []).append(cell)
    means = [float(np.mean([cell.accuracy for cell in same])) for same in of_place.values()]
    return _joined(before, [same[0] for same in of_place.values()], means)


def _single(cells: Sequence[AtlasCell]) -> list[AtlasCell]:
    return [cell for cell in cells if cell.arm in (*STRATEGIES, SEEDS_ONLY) and cell.place.usual]


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
