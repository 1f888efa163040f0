"""Accuracies of one world's cells with what is not known about them: draws in which everything that was drawn is drawn
again.

Test items are drawn with replacement, the same for all cells, so that comparisons stay paired. Replicates are drawn
with replacement within each number of seeds, the same for all arms there: a replicate is a seed set with its pools and
its training seed. A cell that was measured once says nothing of that, and gets the curve engine's prior noise of a pool
and a training run instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.atlas.design import Place
from engine.atlas.table import AtlasCell
from engine.fitting.groups import POOL_SD
from engine.fitting.observations import SEED_SD

DRAWS = 1000
Array = NDArray[np.float64]


class Resampled:
    """The cells of one world; every array's first entry is the plain mean, the other DRAWS are draws."""

    def __init__(self, cells: Sequence[AtlasCell]) -> None:
        """ValueError where cells were tested on different numbers of items."""
        self.cells = tuple(cells)
        if len({cell.items for cell in cells}) > 1:
            raise ValueError("the cells were tested on different numbers of items")
        rng = np.random.default_rng(11)
        right = np.array([cell.outcomes for cell in cells], dtype=np.float64)
        items = right.shape[1]
        share = rng.multinomial(items, np.full(items, 1 / items), DRAWS) / items
        drawn = share @ right.T
        self._accuracy = np.concatenate([right.mean(axis=1)[None], drawn])
        self._of: dict[Place, list[int]] = defaultdict(list)
        for at, cell in enumerate(cells):
            self._of[cell.place.of_replicates].append(at)
        self._weight = self._replicates(rng)
        self._add_noise(rng)

    def _replicates(self, rng: np.random.Generator) -> Array:
        """(1 + DRAWS, cells) how often each cell's replicate was drawn."""
        weight = np.ones_like(self._accuracy)
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for at, cell in enumerate(self.cells):
            groups[cell.student, cell.seeds].append(at)
        for key in sorted(groups):
            known = sorted({self.cells[at].replicate for at in groups[key]})
            counts = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), DRAWS)
            for at in groups[key]:
                weight[1:, at] = counts[:, known.index(self.cells[at].replicate)]
        return weight

    def _add_noise(self, rng: np.random.Generator) -> None:
        for members in self._of.values():
            if len(members) == 1:
                plain = self._accuracy[0, members[0]]
                deviation = np.hypot(SEED_SD, POOL_SD * plain * (1 - plain))
                self._accuracy[1:, members[0]] += deviation * rng.standard_normal(DRAWS)

    def __contains__(self, place: Place) -> bool:
        return place.of_replicates in self._of

    def replicates(self, place: Place) -> int:
        """How often a place was measured."""
        return len(self._of.get(place.of_replicates, ()))

    def mean(self, place: Place) -> Array:
        """(1 + DRAWS,) accuracy over the replicates of a place, whichever it names. KeyError where it was not
        measured."""
        members = self._of.get(place.of_replicates)
        if not members:
            raise KeyError(place.key)
        weight = self._weight[:, members]
        # A draw may hold none of the replicates in which this place was measured: it then says what all of them say.
        weight = np.where(weight.sum(axis=1, keepdims=True) > 0, weight, 1.0)
        found: Array = (self._accuracy[:, members] * weight).sum(axis=1) / weight.sum(axis=1)
        return found

    def gap(self, pairs: Iterable[tuple[Place, Place]]) -> tuple[Array | None, int]:
        """Mean over pairs of places of how much more the first one gets right, and of how many pairs; None without
        one that was measured on both sides."""
        found = [self.mean(a) - self.mean(b) for a, b in pairs if a in self and b in self]
        return (np.mean(found, axis=0), len(found)) if found else (None, 0)
