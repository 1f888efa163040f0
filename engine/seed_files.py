"""Seeds and test items out of a plan's files, and what became of every row.

Where no test file is given, test items are split off from the seeds. No test item is synthetic: rows that
SeedPilot generated stay seeds, and a test file that holds one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import Item
from engine.errors import InputError
from engine.hub_rows import local
from engine.items import MOST_PROBLEMS, ItemFile, read_items
from engine.mapping import mapped
from engine.plan import FEWEST_SEEDS, FEWEST_TEST_ITEMS, HUB, PilotPlan, SeedsPlan, TestPlan
from engine.splits import groups, moments, shared, split
from engine.tasks import Task

SHARE, MOST_HELD_OUT = 0.25, 300
"""What is split off where the plan says no number: a quarter of the items, and no more than this many."""
ROWS_FOR_GROUPS = 1.25
"""Rows that are read of a data set on the hub, for each that is asked for: some repeat others."""


@dataclass(frozen=True, slots=True)
class Division:
    """What became of the rows of the seeds' file, and of the test items' own."""

    rows: int
    """Rows of the seeds' file; `repeats`, `left_out`, `seeds`, `test` (where it is split off) and `unused` add up
    to them."""
    repeats: int
    """Rows that repeat an earlier one."""
    left_out: int
    """Seeds that the test file holds too."""
    seeds: int
    test: int
    unused: int
    """Items behind seeds.count or test.count."""
    own_test_file: bool
    families: int
    """Families of more than one item that the split kept whole; 0 without a split."""
    near_duplicates: int
    """Items that the split kept on one side with a near duplicate."""
    generated: int
    """Rows that SeedPilot generated: the split kept them seeds."""
    by: str
    """How it was split: `a draw named 'test'`, `label`, `the latest by created_at`; empty without a split."""
    held_out: int | None
    """Test items that were asked for; whole groups may make it some more or fewer."""

    @property
    def told(self) -> str:
        """The sentence for plan and page."""
        parts = [_count(self.seeds, "seed")]
        if not self.own_test_file:
            parts.append(_count(self.test, "test item"))
        parts += [
            f"{count} {said}"
            for count, said in (
                (self.unused, "not used"),
                (self.repeats, "repeating an earlier row"),
                (self.left_out, "in the test file too"),
            )
            if count
        ]
        whole = [f"{_count(self.rows, 'row')}: {', '.join(parts)}"]
        if self.own_test_file:
            whole.append(f"{_count(self.test, 'test item')} from a file of their own")
        else:
            whole.append(f"split by {self.by}" if self.by else "not split")
        if self.families:
            whole.append(f"{_count(self.families, 'family', 'families')} kept whole")
        if self.near_duplicates:
            whole.append(f"{_count(self.near_duplicates, 'near duplicate')} kept on one side")
        if self.generated:
            whole.append(f"{_count(self.generated, 'generated row')} kept out of the test items")
        return "; ".join(whole)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def seeds_and_test(plan: PilotPlan, task: Task) -> tuple[tuple[Item, ...], tuple[Item, ...], Division, list[str]]:
    """Seeds, test items, what became of the rows, and what to be warned of.

    InputError with every problem of both files; where both can be read, with every item that they share.
    """
    wanted = plan.test
    beside = [column for column in (wanted.stratify_by, wanted.time_column) if column]
    problems: list[str] = []
    notes: list[str] = []
    found: list[ItemFile] = []
    parts: list[tuple[SeedsPlan | TestPlan, str, list[str]]] = [(plan.seeds, "seeds", beside)]
    if wanted.path is not None:
        parts.append((wanted, "test", []))
    for part, name, columns in parts:
        try:
            read_row = mapped(task.read_row, task, part.map, f"{name}.map")
            source = local(part.path or "", _rows_needed(plan, name))
            found.append(read_items(source.path, read_row, columns))
            notes += [source.note] if source.note else []
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    seeds, test, division, warnings = (
        split_off(found[0], plan.seeds.count, wanted) if wanted.path is None else _two_files(found[0], found[1], plan)
    )
    return seeds, test, division, notes + warnings


def inputs_needed(plan: PilotPlan) -> int | None:
    """Rows that are read of a data set of unlabelled inputs: some are seeds or test items, or repeat others."""
    return None if plan.unlabelled.count is None else 2 * plan.unlabelled.count


def _rows_needed(plan: PilotPlan, name: str) -> int | None:
    """Rows of a data set that is read from the hub; None where the plan names no number."""
    count = plan.seeds.count if name == "seeds" else plan.test.count
    if count is None:
        return None
    if name == "seeds" and plan.test.path is None:
        count += plan.test.holdout or max(FEWEST_TEST_ITEMS, min(MOST_HELD_OUT, round(count * SHARE / (1 - SHARE))))
    return round(count * ROWS_FOR_GROUPS)


def from_this_machine(plan: PilotPlan) -> PilotPlan:
    """The plan with a file of this machine in place of each data set, with the rows that `seeds_and_test` reads."""
    changes: dict[str, Any] = {}
    for name, rows in (
        ("seeds", _rows_needed(plan, "seeds")),
        ("test", _rows_needed(plan, "test")),
        ("unlabelled", inputs_needed(plan)),
    ):
        part = getattr(plan, name)
        if part.path is not None and part.path.startswith(HUB):
            changes[name] = part.model_copy(update={"path": str(local(part.path, rows).path)})
    return plan.model_copy(update=changes)


def held_out(items: int, asked: int | None) -> int:
    """Test items that are split off so many items: as asked for, or a quarter from 20 to 300."""
    return asked or max(FEWEST_TEST_ITEMS, min(MOST_HELD_OUT, round(items * SHARE)))


def split_off(
    file: ItemFile, count: int | None, wanted: TestPlan
) -> tuple[tuple[Item, ...], tuple[Item, ...], Division, list[str]]:
    """`seeds_and_test` for a file that holds both; `count` are the seeds to use, None for all."""
    items = file.items
    grouped = groups(items)
    # A group with a generated row stays on the seeds' side as a whole.
    bound = {i for group in grouped.members if any(file.places[i].generated for i in group) for i in group}
    free = [index for index in range(len(items)) if index not in bound]
    aside = held_out(len(items), wanted.holdout)
    if aside > len(free) - (0 if bound else 1):
        reason = f"; {len(bound)} of them were generated or belong to a generated row" if bound else ""
        raise InputError(
            f"seeds: found {len(items)} different items in {file.name}{reason}, too few to split off {aside} test "
            f"items and keep {FEWEST_SEEDS} seeds; give fewer (test.holdout), or label more examples first"
        )
    test = set(_drawn(file, free, aside, wanted))
    seeds = tuple(item for index, item in enumerate(items) if index not in test)
    tested = tuple(item for index, item in enumerate(items) if index in test)
    if len(seeds) < FEWEST_SEEDS <= len(items) - aside or len(tested) < FEWEST_TEST_ITEMS <= aside:
        raise InputError(_unsplittable(file, len(seeds), len(tested), max(map(len, grouped.members))))
    division = Division(
        rows=len(items) + file.repeats,
        repeats=file.repeats,
        left_out=0,
        seeds=len(seeds[:count]),
        test=len(tested[: wanted.count]),
        unused=len(seeds[count:] if count else ()) + len(tested[wanted.count :] if wanted.count else ()),
        own_test_file=False,
        families=grouped.families,
        near_duplicates=grouped.near_duplicates,
        generated=sum(place.generated for place in file.places),
        by=f"time: the latest by {wanted.time_column!r} are tested"
        if wanted.time_column
        else f"a draw named {wanted.draw!r}" + (f", alike in {wanted.stratify_by!r}" if wanted.stratify_by else ""),
        held_out=aside,
    )
    warnings = []
    if abs(len(tested) - aside) > max(1, 0.1 * aside):
        largest = max(map(len, grouped.members))
        warnings.append(
            f"{aside} test items were asked for, and {len(tested)} split off: families and near duplicates stay "
            f"whole, and the largest of them has {largest} of {len(items)} items."
        )
    return seeds[:count], tested[: wanted.count], division, warnings


def _unsplittable(file: ItemFile, seeds: int, tested: int, largest: int) -> str:
    return (
        f"seeds: near duplicates and families stay on one side of the split, and the largest such group has {largest} "
        f"of the {len(file.items)} different items in {file.name}, which leaves {_count(seeds, 'seed')} (expected at "
        f"least {FEWEST_SEEDS}) and {_count(tested, 'test item')} (at least {FEWEST_TEST_ITEMS}); give test items in a "
        "file of their own (test.path), or items that differ in more than a word or a number"
    )


def _drawn(file: ItemFile, free: Sequence[int], count: int, wanted: TestPlan) -> list[int]:
    """Which items, by their index, are split off."""

    def column(name: str) -> list[str]:
        return [file.places[index].columns[name] for index in free]

    shares = {"seeds": 1 - count / len(free), "test": count / len(free)}
    if count == len(free):  # every other row was generated
        return list(free)
    times = None
    if wanted.time_column:
        times = moments(column(wanted.time_column), [file.at(index) for index in free], wanted.time_column)
    parts = split(
        [file.items[index] for index in free],
        shares,
        seed=wanted.draw,
        strata=column(wanted.stratify_by) if wanted.stratify_by else None,
        times=times,
    )
    return [free[index] for index in parts["test"]]


def _two_files(
    file: ItemFile, test: ItemFile, plan: PilotPlan
) -> tuple[tuple[Item, ...], tuple[Item, ...], Division, list[str]]:
    wanted = plan.test
    problems = _capped(
        [
            f"{test.at(index)}: was generated by SeedPilot; test items are never synthetic, take it out of the file"
            for index, place in enumerate(test.places)
            if place.generated
        ],
        "generated test items",
    )
    tested = test.items[: wanted.count]
    twice = shared(tested, file.items)
    if twice and wanted.shared == "refuse":
        problems += _capped(
            [
                f"{test.at(pair.first)}: is {'' if pair.exact else 'nearly '}the seed of {file.at(pair.second)}"
                for pair in twice
            ],
            "shared items",
        )
        problems.append(
            f"{len(twice)} seeds are test items too, and what is tested must not be taught; take them out of one file, "
            'or have these seeds left out (test.shared = "leave_out")'
        )
    if problems:
        raise InputError(problems)
    dropped = {pair.second for pair in twice}
    seeds = tuple(item for index, item in enumerate(file.items) if index not in dropped)
    warnings = []
    families = {item.family for item in seeds} & {item.family for item in tested} - {None}
    if families:
        warnings.append(
            f"{_count(len(families), 'family', 'families')} stand in the seeds and in the test file: where one name "
            "means one family, the test is easier than it looks."
        )
    division = Division(
        rows=len(file.items) + file.repeats,
        repeats=file.repeats,
        left_out=len(dropped),
        seeds=len(seeds[: plan.seeds.count]),
        test=len(tested),
        unused=len(seeds[plan.seeds.count :]) if plan.seeds.count else 0,
        own_test_file=True,
        families=0,
        near_duplicates=0,
        generated=sum(place.generated for place in file.places),
        by="",
        held_out=None,
    )
    return seeds[: plan.seeds.count], tested, division, warnings


def _capped(problems: list[str], what: str) -> list[str]:
    more = len(problems) - MOST_PROBLEMS
    return problems[:MOST_PROBLEMS] + ([f"and {more} more {what}"] if more > 0 else [])
