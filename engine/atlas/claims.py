"""What the atlas says on published claims: each held, failed or undecided in each world, with its interval.

A claim is a quantity that is above zero where it holds. Held: its 90 % interval (`resampled`) lies above zero; failed:
below; else undecided. Nothing is corrected for the number of claims: of ten that are about nothing one is expected to
be called held or failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.atlas.design import BUDGETS, MIXED, NEW, REAL, REPHRASE, SEEDS, Place, first_arm
from engine.atlas.resampled import Array, Resampled
from engine.atlas.slices import (
    Finding,
    checks_matter_less,
    errors_matter_less,
    rephrasings_are_robust,
    robust,
    same_winner,
    tail_costs_answers,
)
from engine.atlas.table import AtlasCell

LOW_RATIO, HIGH_RATIO = 4.0, 32.0
"""Examples a seed up to which answers, and from which new questions, are said to win."""
HELD, FAILED, UNDECIDED = "held", "failed", "undecided"
ALL = "mean of the worlds"
"""In place of a world: says of these worlds together what holds on average, and nothing of others."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One claim in one world."""

    claim: str
    world: str
    verdict: str
    effect: float | None
    """In the claim's unit; None where no cells speak about it."""
    low90: float | None
    high90: float | None
    unit: str
    comparisons: int
    """Pairs of places (or crossovers) that speak."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where new questions overtake other answers."""

    world: str
    seeds: int
    ratio: float
    """Examples a seed, median of the draws."""
    low90: float
    high90: float
    censored: float
    """Share of the draws that do not cross within the measured budgets; they are put one doubling outside."""
    log2: Array
    """(1 + DRAWS,) of the budget."""
    seen: bool
    """Whether answers are clearly ahead (90 %) at one budget and new questions at a larger one. Else the place is where
    noise turns, and means nothing: of strategies that are alike it lies at some budget whatever the seeds are, and its
    ratio would fall as the seeds grow."""


Claim = Callable[[Resampled, str], Finding]


def _places(world: str, arm: str) -> Iterator[Place]:
    for seeds in SEEDS:
        for budget in BUDGETS:
            yield Place(world, arm, seeds, budget, 0)


def _at_ratios(low: float, high: float, sign: float) -> Claim:
    def claim(known: Resampled, world: str) -> Finding:
        here = [place for place in _places(world, NEW) if low <= place.ratio <= high]
        found, count = known.gap((place, replace(place, arm=first_arm(world))) for place in here)
        return (None if found is None else 100 * sign * found), count

    return claim


def _spread(known: Resampled, world: str, seeds: int, budget: int) -> Array | None:
    places = [Place(world, arm, seeds, budget, 0) for arm in dict.fromkeys((first_arm(world), REPHRASE, NEW))]
    if not all(place in known for place in places):
        return None
    means = np.array([known.mean(place) for place in places])
    spread: Array = means.max(axis=0) - means.min(axis=0)
    return spread


def _matters_less(known: Resampled, world: str) -> Finding:
    """How much further apart the strategies are with 30 or 100 seeds than with 1,000, at the same budget."""
    found = []
    for budget in BUDGETS:
        many = _spread(known, world, 1000, budget)
        few = [one for seeds in (30, 100) if (one := _spread(known, world, seeds, budget)) is not None]
        if many is not None and few:
            found.append(np.mean(few, axis=0) - many)
    return (100 * np.mean(found, axis=0), len(found)) if found else (None, 0)


def _better_single(known: Resampled, place: Place) -> Place | None:
    """Of answers and new questions the one that does better at half and at twice the place's budget; None where it
    cannot be said.

    Not at the place itself: the better of two cells there would be the luckier one too, and beat by its luck whatever
    is held against it (by 1 point and more, where both are truly alike).
    """
    answers, new = (replace(place, arm=arm) for arm in (first_arm(place.world), NEW))
    beside = [budget for budget in (place.budget // 2, 2 * place.budget) if budget in BUDGETS]
    pairs = [(replace(new, budget=budget), replace(answers, budget=budget)) for budget in beside]
    lead, _ = known.gap(pairs)
    if lead is None or answers not in known or new not in known:
        return None
    return new if lead[0] >= 0 else answers


def _over_the_better(known: Resampled, places: Iterator[Place]) -> Finding:
    """How much more these places get right than the better single strategy there."""
    measured = [(place, _better_single(known, place)) for place in places if place in known]
    found, count = known.gap((place, single) for place, single in measured if single is not None)
    return (None if found is None else 100 * found), count


def _mixes_win(known: Resampled, world: str) -> Finding:
    """What a mix gains on the better of its two parts."""
    return _over_the_better(known, _places(world, MIXED))


def _no_gain(known: Resampled, world: str) -> Finding:
    """Other answers above new questions with 1,000 seeds at the two largest budgets."""
    here = [Place(world, first_arm(world), 1000, budget, 0) for budget in BUDGETS[-2:]]
    found, count = known.gap((place, replace(place, arm=NEW)) for place in here)
    return (None if found is None else 100 * found), count


def _real_wins(known: Resampled, world: str) -> Finding:
    """Real questions above the better of answers and new questions at 1,600 examples."""
    return _over_the_better(known, (Place(world, REAL, seeds, 1600, 0) for seeds in SEEDS))


def crossing(known: Resampled, world: str, seeds: int) -> Crossing | None:
    """Where the lead of new questions turns from below to above zero, straight lines between the measured budgets (in
    doublings); None where fewer than three budgets were measured for both."""
    places = [Place(world, NEW, seeds, budget, 0) for budget in BUDGETS]
    places = [one for one in places if one in known and replace(one, arm=first_arm(world)) in known]
    if len(places) < 3:
        return None
    lead = np.array([known.mean(one) - known.mean(replace(one, arm=first_arm(world))) for one in places])
    at = np.log2([one.budget for one in places])
    found = np.full(lead.shape[1], at[-1] + 1)
    outside = np.ones(lead.shape[1], dtype=bool)
    for left in reversed(range(len(places) - 1)):
        up = (lead[left] < 0) & (lead[left + 1] >= 0)
        step = np.where(up, -lead[left] / np.where(up, lead[left + 1] - lead[left], 1.0), 0.0)
        found = np.where(up, at[left] + step * (at[left + 1] - at[left]), found)
        outside &= ~up
    early = lead[0] >= 0
    found, outside = np.where(early, at[0] - 1, found), outside | early
    low, middle, high = 2 ** np.quantile(found[1:], (0.05, 0.5, 0.95)) / seeds
    behind, ahead = np.quantile(lead[:, 1:], 0.95, axis=1) < 0, np.quantile(lead[:, 1:], 0.05, axis=1) > 0
    seen = bool((np.maximum.accumulate(behind) & ahead).any())
    return Crossing(world, seeds, float(middle), float(low), float(high), float(outside[1:].mean()), found, seen)


def _falls_with_seeds(known: Resampled, world: str) -> Finding:
    """Doublings by which the ratio of the crossover falls from 100 seeds to 1,000, where both are seen."""
    few, many = crossing(known, world, 100), crossing(known, world, 1000)
    if few is None or many is None or not (few.seen and many.seen):
        return None, 0
    return (few.log2 - np.log2(100)) - (many.log2 - np.log2(1000)), 1


CLAIMS: tuple[tuple[str, str, Claim], ...] = (
    (f"Up to {LOW_RATIO:g} examples a seed, other answers beat new questions", "points", _at_ratios(0, LOW_RATIO, -1)),
    (f"From {HIGH_RATIO:g} examples a seed on, new questions win", "points", _at_ratios(HIGH_RATIO, 1e9, 1)),
    ("The choice matters less with 1,000 seeds than with few", "points", _matters_less),
    ("A weak augmenter costs new questions more than rephrasings", "points", robust),
    ("A weak augmenter costs rephrasings less than 2 points", "points", rephrasings_are_robust),
    ("Verification matters less than the choice", "points", checks_matter_less),
    ("Whether the teacher errs never or in a fifth matters less than the choice", "points", errors_matter_less),
    ("Seeds without the long tail cost other answers more than new questions", "points", tail_costs_answers),
    ("The same strategy wins on a student of another size", "points squared", same_winner),
    ("The crossover's ratio falls from 100 seeds to 1,000", "doublings", _falls_with_seeds),
    ("Half answers, half new questions beat the better one alone", "points", _mixes_win),
    ("With 1,000 seeds new questions never pay (arXiv 2607.01727)", "points", _no_gain),
    ("Answering real questions beats both at 1,600 examples", "points", _real_wins),
)
"""Name, unit, and the quantity that is above zero where it holds."""


def judged(cells: Sequence[AtlasCell], worlds: Sequence[str]) -> tuple[tuple[Verdict, ...], tuple[Crossing, ...]]:
    """Every claim in every world and in the mean of those that speak (where two do), and the crossovers that were
    measured."""
    verdicts: list[Verdict] = []
    crossings: list[Crossing] = []
    known = {
        world: Resampled(of_world) for world in worlds if (of_world := [cell for cell in cells if cell.world == world])
    }
    rng = np.random.default_rng(12)
    for name, unit, claim in CLAIMS:
        over: list[Array] = []
        pairs = 0
        for world in worlds:
            found, count = claim(known[world], world) if world in known else (None, 0)
            verdicts.append(_verdict(name, world, unit, found, count))
            if found is not None:
                # Worlds share nothing but the generator of their draws: in another order they are independent.
                over.append(np.concatenate([found[:1], rng.permutation(found[1:])]))
                pairs += count
        mean = np.mean(over, axis=0) if len(over) > 1 else None
        verdicts.append(_verdict(name, ALL, unit, mean, pairs))
    for world, one in known.items():
        crossings += [at for seeds in SEEDS if (at := crossing(one, world, seeds)) is not None]
    return tuple(verdicts), tuple(crossings)


def _verdict(name: str, world: str, unit: str, found: Array | None, count: int) -> Verdict:
    if found is None:
        return Verdict(name, world, UNDECIDED, None, None, None, unit, 0)
    low, high = np.quantile(found[1:], (0.05, 0.95))
    said = HELD if low > 0 else FAILED if high < 0 else UNDECIDED
    return Verdict(name, world, said, float(found[0]), float(low), float(high), unit, count)
