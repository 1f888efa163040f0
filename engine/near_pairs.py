"""Pairs of sets that are alike, among thousands: exact, and without comparing every set with every other.

Two sets that share a fraction f of the larger share one of their rarest members: of a members at least one of the
a - ceil(f a) + 1 rarest (prefix filtering; Chaudhuri et al. 2006, A Primitive Operator for Similarity Joins). So only
pairs with a rare member in common are looked at; "the" brings nobody together.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

_ROWS_AT_ONCE, _PAIRS_AT_ONCE = 1024, 20_000


class Pairs(NamedTuple):
    """Rows of the first and of the second matrix that are alike, and how much."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    alike: NDArray[np.float64]


def near_pairs(first: Any, second: Any, least: float, measure: Literal["cosine", "jaccard"]) -> Pairs:
    """All pairs of rows that are alike by at least `least`; an empty set is like nothing.

    `first` and `second` are sparse matrices of sets, one a row, over the same columns; what is stored there counts as
    1. Of a matrix against itself each pair of different rows is there once.
    """
    itself = first is second
    first = _sets(first)
    second = first if itself else _sets(second)
    common = np.bincount(np.concatenate([first.indices, second.indices]), minlength=first.shape[1])
    # cosine >= c asks for c * sqrt(a b) members in common, and b >= c * c * a: so for c * c * a of them.
    share = least * least if measure == "cosine" else least
    rare, others = _rarest(first, common, share), _rarest(second, common, share)
    sizes = np.diff(first.indptr), np.diff(second.indptr)
    left = sizes[0] - np.diff(rare.indptr), sizes[1] - np.diff(others.indptr)
    others = others.T.tocsr()
    found = []
    for start in range(0, first.shape[0], _ROWS_AT_ONCE):
        likely = (rare[start : start + _ROWS_AT_ONCE] @ others).tocoo()
        rows, columns = likely.row.astype(np.int64) + start, likely.col.astype(np.int64)
        a, b = sizes[0][rows], sizes[1][columns]
        needed = least * np.sqrt(a * b) if measure == "cosine" else least / (1 + least) * (a + b)
        # Beyond the rare members that they share, two sets share at most what one of them has left.
        may = likely.data + np.maximum(left[0][rows], left[1][columns]) >= needed - 1e-9
        if itself:
            may &= rows < columns
        rows, columns, needed = rows[may], columns[may], needed[may]
        for at in range(0, len(rows), _PAIRS_AT_ONCE):
            i, j = rows[at : at + _PAIRS_AT_ONCE], columns[at : at + _PAIRS_AT_ONCE]
            both = np.asarray(first[i].multiply(second[j]).sum(axis=1)).ravel()
            hit = both >= needed[at : at + _PAIRS_AT_ONCE] - 1e-9
            i, j, both = i[hit], j[hit], both[hit]
            a, b = sizes[0][i], sizes[1][j]
            found.append((i, j, both / np.sqrt(a * b) if measure == "cosine" else both / (a + b - both)))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Pairs(nothing, nothing, np.zeros(0))
    return Pairs(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _sets(matrix: Any) -> Any:
    found = csr_array(matrix, dtype=np.float64, copy=True)
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def _rarest(sets: Any, common: NDArray[np.int64], share: float) -> Any:
    """Of each row the members that one like it must share one of; ties in one order for all rows."""
    sizes = np.diff(sets.indptr)
    row = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((sets.indices, common[sets.indices], row))
    rank = np.arange(len(row)) - np.repeat(sets.indptr[:-1], sizes)
    kept = rank < np.repeat(sizes - np.ceil(share * sizes - 1e-9).astype(np.int64) + 1, sizes)
    columns = sets.indices[order][kept]
    return csr_array((np.ones(len(columns)), (row[kept], columns)), shape=sets.shape)
