"""Exact search: every query against every passage, in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import psutil
from numpy.typing import NDArray

from engine.errors import InputError
from engine.retrieval.ranking import DEPTH, Ranking

Vectors = NDArray[np.float32]

SHARE = 0.5
"""Of the free memory, what the passages' vectors may take: texts, model and scores need theirs."""
BLOCK_NUMBERS = 2**25
"""Scores that are held at a time (128 MiB)."""


def check_memory(passages: int, width: int, free: int | None = None) -> None:
    """InputError where the vectors of so many passages do not fit; `free` is the memory left, in bytes."""
    needed = 4 * passages * width
    free = psutil.virtual_memory().available if free is None else free
    if needed > SHARE * free:
        most = int(SHARE * free / (4 * width))
        raise InputError(
            f"{passages:,} passages as vectors of {width} numbers take {needed / 2**30:.1f} GiB, and of the "
            f"{free / 2**30:.1f} GiB that are free here at most half are used for them; give a corpus of at most "
            f"{most:,} passages (all that are judged, and others to hide them among), an encoder with shorter vectors, "
            "or a machine with more memory"
        )


def search(queries: Vectors, passages: Vectors, ids: Sequence[str], depth: int = DEPTH) -> list[Ranking]:
    """For each query [queries, width] the passages [passages, width] with the largest inner products."""
    depth = min(depth, len(ids))
    found: list[Ranking] = []
    step = max(1, BLOCK_NUMBERS // max(1, len(ids)))
    for start in range(0, len(queries), step):
        scores = queries[start : start + step] @ passages.T
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        values = np.take_along_axis(scores, best, axis=1)
        # By score, and where scores are equal by place: the same input gives the same ranking.
        order = np.lexsort((best, -values), axis=1)
        for row, kept in zip(np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1), strict=True):
            found.append([(ids[place], score) for place, score in zip(row.tolist(), kept.tolist(), strict=True)])
    return found
