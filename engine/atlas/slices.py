"""What slices of the atlas say: a weak augmenter, verification, the teacher's errors, narrow seeds, a second student,
each against the cells beside it that differ in nothing else.

Each function gives a quantity that is above zero where its claim (`engine.atlas.claims`) holds, with its draws, and of
how many comparisons it is; None where nothing was measured on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from engine.atlas.design import (
    ERRING,
    EXACT,
    FIRST,
    GOLD,
    NARROW,
    NEW,
    PLAIN,
    REPHRASE,
    SECOND,
    STRONG,
    USUAL,
    VOTES,
    WEAK,
    Place,
    first_arm,
    planned,
)
from engine.atlas.resampled import Array, Resampled

Finding = tuple[Array | None, int]
ROBUST = 2.0
"""Points that rephrasings may lose to a weak augmenter and still be called robust."""


def _first_replicate(world: str) -> Iterator[Place]:
    return (place for place in planned((world,)) if place.replicate == 0)


def _mean(found: list[Array]) -> Finding:
    return (100 * np.mean(found, axis=0), len(found)) if found else (None, 0)


def _moved_less(known: Resampled, place: Place, beside: Place, plain: Place) -> list[Array]:
    """How much more the choice of a strategy moves at `plain` than it does from `beside` to `place`, sizes alone."""
    other = replace(plain, arm=first_arm(place.world) if place.arm == NEW else NEW)
    if not all(one in known for one in (place, beside, plain, other)):
        return []
    moved, chosen = known.mean(place) - known.mean(beside), known.mean(other) - known.mean(plain)
    return [np.abs(chosen) - np.abs(moved)]


def _costs_more(known: Resampled, pairs: Iterable[tuple[Place, Place]], usual: Callable[[Place], Place]) -> Finding:
    """How much more the first of two places loses to its slice than the second one, against the `usual` cells beside
    them."""
    found = []
    for one, other in pairs:
        four = [usual(one), one, usual(other), other]
        if all(place in known for place in four):
            better, worse, of_other, in_slice = map(known.mean, four)
            found.append((better - worse) - (of_other - in_slice))
    return _mean(found)


def robust(known: Resampled, world: str) -> Finding:
    """What a weak augmenter costs new questions, above what it costs rephrasings."""
    weak = (place for place in _first_replicate(world) if place.augmenter == WEAK and place.arm == NEW)
    pairs = ((place, replace(place, arm=REPHRASE)) for place in weak)
    return _costs_more(known, pairs, lambda place: replace(place, augmenter=STRONG))


def rephrasings_are_robust(known: Resampled, world: str) -> Finding:
    """How much less than ROBUST points a weak augmenter costs rephrasings."""
    pairs = [
        (replace(place, augmenter=STRONG), place)
        for place in _first_replicate(world)
        if place.augmenter == WEAK and place.arm == REPHRASE
    ]
    lost, count = known.gap(pairs)
    return (None if lost is None else ROBUST - 100 * lost), count


def checks_matter_less(known: Resampled, world: str) -> Finding:
    """How much more the choice between answers and new questions moves than verification does, sizes alone."""
    found = []
    for place in _first_replicate(world):
        if place.check in (GOLD, VOTES):
            plain = replace(place, check=PLAIN)
            found += _moved_less(known, place, plain, plain)
    return _mean(found)


def errors_matter_less(known: Resampled, world: str) -> Finding:
    """How much more the choice moves than a teacher does that errs in a fifth of its answers in place of never."""
    found = []
    for place in _first_replicate(world):
        if place.setting == ERRING:
            found += _moved_less(known, place, replace(place, setting=EXACT), replace(place, setting=USUAL))
    return _mean(found)


def tail_costs_answers(known: Resampled, world: str) -> Finding:
    """What seeds without the long tail cost other answers, above what they cost new questions."""
    narrow = (place for place in _first_replicate(world) if place.setting == NARROW and place.arm == NEW)
    pairs = ((replace(place, arm=first_arm(world)), place) for place in narrow)
    return _costs_more(known, pairs, lambda place: replace(place, setting=USUAL))


def same_winner(known: Resampled, world: str) -> Finding:
    """Leads of new questions on both students, multiplied: above zero where the same strategy wins."""
    found = []
    for place in _first_replicate(world):
        if place.student == SECOND and place.arm == NEW:
            pairs = [(one, replace(one, arm=first_arm(world))) for one in (place, replace(place, student=FIRST))]
            if all(one in known for pair in pairs for one in pair):
                leads = [known.mean(a) - known.mean(b) for a, b in pairs]
                found.append(100 * leads[0] * leads[1])
    return _mean(found)
