"""In which order an adapter sees its rows, how large its steps are, and which jobs share them; no torch here.

All adapters pass through the lengths in one order, whatever their data and seed (`bucket_order`): in a step
of a pack every adapter has its batch of about the same length rank, and an adapter's own batches are the
same in a pack and alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FEWEST_BUCKETS = 8
"""Batches that are cut, by length, from one draw of rows; more save padding and mix less."""
ROWS_DRAWN = 64
"""At least so many rows are drawn at once: of eight single rows the third shortest would have another length for
every adapter, and a pack would pad all to the longest."""
BLUR = 0.05
"""How far lengths are blurred, as a share, before rows are sorted by them."""

BucketOrder = tuple[tuple[int, ...], ...]
"""Per draw of rows, in which order its batches come, counted from the shortest."""


@dataclass(frozen=True, slots=True)
class Row:
    """An example in tokens."""

    ids: tuple[int, ...]
    prompt: int
    """How many of the ids are prompt, at least one: they take no part in the loss."""


@dataclass(frozen=True, slots=True)
class PackPlan:
    """Jobs that one process trains in one go."""

    keys: tuple[str, ...]
    """The shortest first."""
    folder: str | None
    """Keeps the plan and the checkpoint; None for a job that trains nothing."""
    order: BucketOrder | None
    """The order of lengths."""


def bucket_order(steps: int, size: int) -> BucketOrder:
    """The order of lengths for that many steps of batches of that size; a longer one begins with the same draws."""
    buckets = max(FEWEST_BUCKETS, ROWS_DRAWN // size)
    rng = random.Random("bucket order")
    return tuple(tuple(rng.sample(range(buckets), buckets)) for _ in range(-(-steps // buckets)))


def batches(
    rows: Sequence[Row], size: int, steps: int, seed: int, order: BucketOrder | None = None
) -> Iterator[list[Row]]:
    """As many batches as there are steps: pass after pass over the rows, rows of like length together.

    Each pass is in an order of its own, drawn from `seed`. Of the stream of passes, so many batches at a time as
    `order` has buckets are sorted by length (blurred a little), cut and put in `order`. With fewer rows than `size`,
    a batch is all rows.
    """
    rng = random.Random(seed)
    order = bucket_order(steps, size) if order is None else order
    size = min(size, len(rows))
    waiting: list[int] = []
    given = 0
    for ranks in order:
        left = min(len(ranks), steps - given)
        if left <= 0:
            return
        given += left
        while len(waiting) < size * len(ranks):
            waiting += rng.sample(range(len(rows)), len(rows))
        drawn, waiting = waiting[: size * len(ranks)], waiting[size * len(ranks) :]
        # Taken exactly, the lengths alone would make the same batches for every seed and in every pass.
        about = [(len(rows[i].ids) * rng.uniform(1 - BLUR, 1 + BLUR), i) for i in drawn[: size * left]]
        drawn = [i for _, i in sorted(about)]
        # Of a last draw of fewer batches, short ones still come where others have theirs.
        for rank in (sorted(ranks[:left]).index(one) for one in ranks[:left]):
            yield [rows[i] for i in drawn[rank * size : (rank + 1) * size]]


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step, counted from 0: linear rise, then cosine to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
