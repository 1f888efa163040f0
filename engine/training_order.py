"""In which order an adapter sees its rows, and how large its steps are; no torch here.

All adapters pass through the lengths in one order, whatever their data and seed (`bucket_order`): in a step
of a pack every adapter has its batch of about the same length rank, and an adapter's own batches are the
same in a pack and alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BUCKET = 8
"""Batches that are cut, by length, from one draw of rows; more saves padding and mixes less."""
BLUR = 0.1
"""How far lengths are blurred, as a share, before rows are sorted by them."""

BucketOrder = tuple[tuple[int, ...], ...]
"""Per draw of rows, in which order its `BUCKET` batches come, counted from the shortest."""


@dataclass(frozen=True, slots=True)
class Row:
    """An example in tokens."""

    ids: tuple[int, ...]
    prompt: int
    """How many of the ids are prompt, at least one: they take no part in the loss."""


def bucket_order(steps: int) -> BucketOrder:
    """The order of lengths for that many steps; a longer one begins with the same draws."""
    rng = random.Random("bucket order")
    return tuple(tuple(rng.sample(range(BUCKET), BUCKET)) for _ in range(-(-steps // BUCKET)))


def batches(
    rows: Sequence[Row], size: int, steps: int, seed: int, order: BucketOrder | None = None
) -> Iterator[list[Row]]:
    """As many batches as there are steps: pass after pass over the rows, rows of like length together.

    Each pass is in an order of its own, drawn from `seed`. Of the stream of passes, `BUCKET` batches at a time
    are sorted by length (blurred a little), cut and put in `order`. With fewer rows than `size`, a batch is all rows.
    """
    rng = random.Random(seed)
    size = min(size, len(rows))
    waiting: list[int] = []
    for draw, ranks in enumerate(bucket_order(steps) if order is None else order):
        left = min(BUCKET, steps - draw * BUCKET)
        if left <= 0:
            return
        while len(waiting) < size * BUCKET:
            waiting += rng.sample(range(len(rows)), len(rows))
        drawn, waiting = waiting[: size * BUCKET], waiting[size * BUCKET :]
        # Taken exactly, the lengths alone would make the same batches for every seed and in every pass.
        about = [(len(rows[i].ids) * rng.uniform(1 - BLUR, 1 + BLUR), i) for i in drawn[: size * left]]
        drawn = [i for _, i in sorted(about)]
        # Of a last draw of fewer batches, short ones still come where others have theirs.
        given = ranks[:left]
        for rank in (sorted(given).index(one) for one in given):
            yield [rows[i] for i in drawn[rank * size : (rank + 1) * size]]


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step, counted from 0: linear rise, then cosine to zero."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
