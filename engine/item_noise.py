"""How far the noise of two cells is one and the same: they are scored on the same test items.

Hard items are hard for every adapter. Where it is known which items each cell got right, the sampling errors of cells
are correlated: differences between them are surer than two independent counts would make them, and levels are not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.domain import Measurement

LEAST_ITEMS = 30
"""Fewer shared items than this say nothing about a correlation."""


def correlation(cells: Sequence[Measurement]) -> NDArray[np.float64]:
    """Correlation of the cells' item outcomes. (C, C), ones on the diagonal, positive semidefinite.

    Taken over the items that every cell with item results has a score for. A cell without item results, with
    another number of items, or right or wrong on all of them, is independent of the others.
    """
    out = np.eye(len(cells))
    lengths = [len(cell.outcomes) for cell in cells if cell.outcomes]
    if not lengths:
        return out
    common = max(set(lengths), key=lengths.count)
    known = [i for i, cell in enumerate(cells) if len(cell.outcomes) == common]
    right = np.array([[np.nan if o is None else o for o in cells[i].outcomes] for i in known], dtype=np.float64)
    right = right[:, ~np.isnan(right).any(axis=0)]
    if right.shape[1] < LEAST_ITEMS:
        return out
    varied = right.std(axis=1) > 0
    known = [i for i, v in zip(known, varied, strict=True) if v]
    if len(known) > 1:
        out[np.ix_(known, known)] = np.corrcoef(right[varied])
    return out
