"""Which cells the atlas holds, and in which order they are measured.

**The table.** Worlds x seeds x arms x budgets (in examples asked for, doubling) x replicates; a replicate has seeds,
pools and a training seed of its own, and all share the test items. Slices beside it: a weak augmenter, verification, a
second student, another setting of the world (how often the teacher errs, how the seeds were drawn), each against the
cell that differs in nothing else.

**The order** is the most informative first, so that an atlas that was stopped anywhere is worth the most there. A
partial atlas must say two things of every world before anything else: how far apart strategies are where they are
furthest apart, and where they cross. So the first wave takes answers and new questions (without answers: rephrasings)
at the corners, the fewest and most seeds with the smallest and largest budget, and along the published region of the
crossover, 4 to 32 examples a seed; the seeds alone and the untuned student anchor them. The second wave adds
rephrasings and mixes there; the third one replicate of each slice; the fourth fills up the first replicate. Each
further replicate begins three waves later: what is known of a cell's own noise comes in before the last budgets do.
Within a wave worlds take turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from engine.domain import Baseline, Strategy

WORLDS = ("maths", "sql", "facts", "tickets", "open")
SEEDS = (30, 100, 300, 1000)
BUDGETS = (100, 200, 400, 800, 1600, 3200)
REPLICATES = 3
TEST_ITEMS = 500

MIXED = "mixed"
"""Half of the examples are other answers (rephrasings where answers are determined), half new questions."""
NO_OTHER_ANSWERS = frozenset({"tickets"})
"""Worlds whose answers are determined."""
UNVERIFIABLE = frozenset({"open"})
"""Worlds in which no gold answer and no vote says what is right."""

STRONG, WEAK = "strong", "weak"
PLAIN, GOLD, VOTES = "plain", "gold", "votes"
"""Verification: none beside what strategies do anyway; answers held to the seed's; the majority of three answers."""
FIRST, SECOND = "first", "second"
"""Students."""
USUAL, EXACT, ERRING, NARROW = "usual", "exact", "erring", "narrow"
"""Settings of a world: the usual ones; a teacher whose answers are never wrong, or wrong in a fifth; seeds of the more
frequent half of the questions alone, which show nothing of the long tail."""
SETTINGS = (EXACT, ERRING, NARROW)
TAIL_ALONE = frozenset({"maths"})
"""Worlds in which 100 seeds show nearly as many kinds as they are, and narrow ones would, too."""

ANSWERS, REPHRASE = Strategy.ANSWER_AUGMENTATION.value, Strategy.QUESTION_REPHRASE.value
NEW, REAL = Strategy.NEW_QUESTION.value, Strategy.REAL_QUESTION.value
SEEDS_ONLY, UNTUNED = Baseline.SEEDS_ONLY.value, Baseline.UNTUNED.value

FEWER_BUDGETS = {REAL: (100, 400, 1600), MIXED: (400, 1600, 3200)}
"""Of arms that are not measured at every budget."""
WEAK_SEEDS, WEAK_BUDGETS = (100, 1000), (200, 800, 3200)
CHECKED_SEEDS, CHECKED_BUDGETS = (100, 1000), (400, 1600)
SECOND_SEEDS, SECOND_BUDGETS = (100, 1000), (200, 3200)
SETTING_SEEDS, SETTING_BUDGETS = 100, (400, 1600)
CROSSING = (4.0, 32.0)
"""Examples a seed, from and to, between which strategies are expected to cross."""


@dataclass(frozen=True, slots=True)
class Place:
    """One cell of the atlas."""

    world: str
    arm: str
    """A strategy, `seeds_only`, `untuned` or `mixed`."""
    seeds: int
    """0 for the untuned student."""
    budget: int
    """Examples that the teacher is asked for (visits); some are not kept. 0 for baselines."""
    replicate: int
    augmenter: str = STRONG
    check: str = PLAIN
    student: str = FIRST
    setting: str = USUAL

    @property
    def key(self) -> str:
        """Unique within the atlas, and safe as a name of a folder."""
        return (
            f"{self.world}-{self.arm}-s{self.seeds}-n{self.budget}-r{self.replicate}"
            f"-{self.augmenter}-{self.check}-{self.student}{'' if self.setting == USUAL else f'-{self.setting}'}"
        )

    @property
    def usual(self) -> bool:
        """Strong augmenter, answers as they come, first student, usual setting: what every slice is compared with."""
        return (self.augmenter, self.check, self.student, self.setting) == (STRONG, PLAIN, FIRST, USUAL)

    @property
    def of_replicates(self) -> Place:
        """The same for all its replicates."""
        return replace(self, replicate=0)

    @property
    def ratio(self) -> float:
        """Examples a seed."""
        return self.budget / self.seeds if self.seeds else 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells that one process measures in one go: they share the world with its setting, the seeds and the student."""

    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        """Unique within the atlas: its first cell's."""
        return self.places[0].key


FEWEST, FIXED = 320, 300
"""Examples that a small cell's least steps stand for, and that answering the test items stands for."""
A_BATCH = 8000
"""The most that a batch weighs where it has more than one cell: some five minutes of a core, so that what is measured
is kept before long and a stop loses little."""


def weight(place: Place) -> float:
    """What a cell takes, in examples trained on three times: it grows with seeds and budget, from a least on."""
    return max(FEWEST, place.seeds + place.budget) + FIXED


def arms(world: str) -> tuple[str, ...]:
    """The strategies that are measured in a world."""
    found = (ANSWERS, REPHRASE, NEW, REAL, MIXED)
    return found[1:] if world in NO_OTHER_ANSWERS else found


def first_arm(world: str) -> str:
    """Other answers; where answers are determined rephrasings stand in for them."""
    return arms(world)[0]


def _table(world: str, replicate: int) -> Iterator[Place]:
    if replicate == 0:
        yield Place(world, UNTUNED, 0, 0, replicate)
    for seeds in SEEDS:
        yield Place(world, SEEDS_ONLY, seeds, 0, replicate)
    for seeds in SEEDS:
        for arm in arms(world):
            for budget in FEWER_BUDGETS.get(arm, BUDGETS):
                yield Place(world, arm, seeds, budget, replicate)
    for seeds in WEAK_SEEDS:
        for arm in (REPHRASE, NEW):
            for budget in WEAK_BUDGETS:
                yield Place(world, arm, seeds, budget, replicate, augmenter=WEAK)
    if world not in UNVERIFIABLE:
        for seeds in CHECKED_SEEDS:
            for budget in CHECKED_BUDGETS:
                if world not in NO_OTHER_ANSWERS:
                    yield Place(world, ANSWERS, seeds, budget, replicate, check=GOLD)
                yield Place(world, NEW, seeds, budget, replicate, check=VOTES)
    for setting in SETTINGS:
        if setting == NARROW:
            if world in TAIL_ALONE:
                continue
            yield Place(world, SEEDS_ONLY, SETTING_SEEDS, 0, replicate, setting=setting)
        for arm in (first_arm(world), NEW):
            for budget in SETTING_BUDGETS:
                yield Place(world, arm, SETTING_SEEDS, budget, replicate, setting=setting)
    if replicate == 0:
        yield Place(world, UNTUNED, 0, 0, replicate, student=SECOND)
    for seeds in SECOND_SEEDS:
        yield Place(world, SEEDS_ONLY, seeds, 0, replicate, student=SECOND)
        for arm in (first_arm(world), NEW):
            for budget in SECOND_BUDGETS:
                yield Place(world, arm, seeds, budget, replicate, student=SECOND)


def wave(place: Place) -> int:
    """When a cell's turn comes, from 0: the rule of this module's page."""
    slice_ = place.augmenter == WEAK or place.check != PLAIN or place.student == SECOND or place.setting != USUAL
    if slice_:
        turn = 2
    elif place.arm in (SEEDS_ONLY, UNTUNED):
        turn = 0
    else:
        corner = place.seeds in (SEEDS[0], SEEDS[-1]) and place.budget in (BUDGETS[0], BUDGETS[-1])
        crossing = CROSSING[0] <= place.ratio <= CROSSING[1]
        telling = (first_arm(place.world), NEW)
        near = corner or crossing
        turn = 0 if near and place.arm in telling else 1 if near and place.arm in (REPHRASE, MIXED) else 3
    return turn + 3 * place.replicate


@cache
def planned(worlds: tuple[str, ...] = WORLDS) -> tuple[Place, ...]:
    """Every cell of these worlds, in the order in which they are measured."""
    turns = {world: at for at, world in enumerate(worlds)}
    found = (place for world in worlds for replicate in range(REPLICATES) for place in _table(world, replicate))

    def order(place: Place) -> tuple[object, ...]:
        size = SEEDS.index(place.seeds) if place.seeds else 0
        of = wave(place), place.student, place.setting != USUAL, size, turns[place.world], place.replicate
        return *of, place.setting, place.arm, place.budget, place.key

    return tuple(sorted(found, key=order))


def batches(places: Sequence[Place]) -> tuple[Batch, ...]:
    """The cells in batches of at most A_BATCH, in their order; the untuned student is asked with the fewest seeds."""
    found: dict[tuple[object, ...], list[Place]] = {}
    for place in places:
        seeds = place.seeds or SEEDS[0]
        shared = (wave(place), place.student, place.setting, seeds, place.world, place.replicate)
        found.setdefault(shared, []).append(place)
    made: list[list[Place]] = []
    for group in found.values():
        made.append([])
        for place in group:
            if made[-1] and sum(map(weight, (*made[-1], place))) > A_BATCH:
                made.append([])
            made[-1].append(place)
    return tuple(Batch(tuple(group)) for group in made)
