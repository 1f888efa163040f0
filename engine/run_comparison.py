"""Runs side by side, and pair by pair where they were tested on the same items.

Cells of one arm, variant, seed count and budget are compared between runs item by item (`engine.paired`), Holm over all
pairs shown. Where two runs' items differ, or their answers are scored by another task, nothing is paired and the reason
is told. Data counts as made anew for each run: where both found the same replies in the ledger, the intervals are a
little too wide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

from engine.comparison import duel, holm, wilson
from engine.domain import UNTRAINED, Arm, Baseline, Interval, Mixed, Strategy
from engine.errors import InputError
from engine.ledger import Account, account
from engine.paired import Difference, difference
from engine.plan import PilotPlan, check_plan
from engine.records import CellRow, Run
from engine.run_noise import Results, noises
from engine.store import Store
from engine.tested_items import Tested, tested_items

LEVEL = 0.95
LEAST_ITEMS = 10
"""Fewer shared items than this are no comparison."""
MOST = 6
"""Runs that are compared at once: more fit on no screen, and make Holm's correction too strict to find anything."""

Place = tuple[Arm, str, int, int]
"""Arm, variant, seeds and budget; of arms that train on nothing only the arm."""


@dataclass(frozen=True, slots=True)
class Side:
    """One run."""

    run: Run
    plan: PilotPlan
    cells: tuple[CellRow, ...]
    paid: Account
    tested: Tested | None
    """None where no cell's predictions lie on the disk."""


@dataclass(frozen=True, slots=True)
class Line:
    """One place in all runs."""

    arm: Arm
    variant: str
    seeds: int
    budget: int
    results: tuple[Interval | None, ...]
    """Mean accuracy of the run's adapters there, with Wilson's 80 % interval of one of them: they share their items."""
    runs: tuple[int, ...]
    """Adapters behind each."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One run less another, at one place."""

    one: str
    other: str
    """Ids of the runs."""
    arm: Arm
    variant: str
    seeds: int
    budget: int
    found: Difference
    """Fractions, with the central 95 % interval."""
    adjusted_p: float
    """Holm's, over all pairs of this comparison."""

    @property
    def winner(self) -> str | None:
        """The better run, where the two differ at 5 % over all pairs."""
        if self.adjusted_p >= 1 - LEVEL or self.found.difference == 0:
            return None
        return self.one if self.found.difference > 0 else self.other


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs beside each other."""

    sides: tuple[Side, ...]
    differ: Mapping[str, tuple[Any, ...]]
    """Settings in which their plans differ, by dotted name, a value for each run."""
    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    unpaired: tuple[tuple[str, str, str], ...]
    """Two runs that cannot be paired, and why."""


def compare(store: Store, run_ids: Sequence[str]) -> Comparison:
    """Those runs, in the given order; InputError where there are fewer than two, too many, or one is not there."""
    wanted = list(dict.fromkeys(run_ids))
    if not 2 <= len(wanted) <= MOST:
        raise InputError(f"found {len(wanted)} different runs to compare, expected 2 to {MOST}")
    sides = tuple(_side(store, run_id) for run_id in wanted)
    gaps: list[tuple[Side, Side, Place, Difference]] = []
    p_values: list[float] = []
    unpaired = []
    for one, other in combinations(sides, 2):
        why = _why_not(one, other)
        if why:
            unpaired.append((one.run.id, other.run.id, why))
            continue
        for place, found, p in _paired(one, other):
            gaps.append((one, other, place, found))
            p_values.append(p)
    adjusted = holm(p_values)
    return Comparison(
        sides,
        _differ(sides),
        _lines(sides),
        tuple(
            Gap(one.run.id, other.run.id, *place, found, p)
            for (one, other, place, found), p in zip(gaps, adjusted, strict=True)
        ),
        tuple(unpaired),
    )


# --- what each run is -------------------------------------------------------------------------------------


def _side(store: Store, run_id: str) -> Side:
    run, cells = store.run(run_id), tuple(store.cells(run_id))
    plan = check_plan(run.plan)
    return Side(run, plan, cells, account(store, run_id), tested_items(plan, cells))


def _place(row: CellRow) -> Place:
    cell = row.cell
    if cell.arm in UNTRAINED:
        return cell.arm, cell.variant, 0, 0
    return cell.arm, cell.variant, cell.seeds, cell.budget


def _by_place(side: Side) -> dict[Place, list[CellRow]]:
    found: dict[Place, list[CellRow]] = {}
    for row in side.cells:
        if row.measurement is not None:
            found.setdefault(_place(row), []).append(row)
    return found


# --- side by side -----------------------------------------------------------------------------------------


def _lines(sides: Sequence[Side]) -> tuple[Line, ...]:
    cells = [_by_place(side) for side in sides]
    places = sorted({place for own in cells for place in own}, key=_order)
    return tuple(
        Line(
            *place, tuple(_level(own.get(place, [])) for own in cells), tuple(len(own.get(place, [])) for own in cells)
        )
        for place in places
    )


def _order(place: Place) -> tuple[int, int, int, str]:
    arm, variant, seeds, budget = place
    before = [baseline for baseline in Baseline if baseline is not Baseline.TEACHER]
    arms: list[Arm] = [*before, *Strategy, *Mixed, Baseline.TEACHER]
    return arms.index(arm), seeds, budget, variant


def _level(rows: Sequence[CellRow]) -> Interval | None:
    measured = [row.measurement for row in rows if row.measurement is not None and row.measurement.scored]
    if not measured:
        return None
    return wilson(round(mean(m.correct for m in measured)), round(mean(m.scored for m in measured)))


def _differ(sides: Sequence[Side]) -> dict[str, tuple[Any, ...]]:
    flat = [_flat(side.plan.model_dump(mode="json", exclude={"name"})) for side in sides]
    names = dict.fromkeys(name for one in flat for name in one)
    found = {name: tuple(one.get(name) for one in flat) for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        parts = [_flat(part, f"{name}.{key}" if name else key) for key, part in value.items()]
        return {key: part for found in parts for key, part in found.items()}
    # Each run has copies of its files in a folder of its own: what differs is the file, if anything.
    return {name: Path(value).name.partition("-")[2] or Path(value).name} if _is_copy(value) else {name: value}


def _is_copy(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and "/input/" in value


# --- pair by pair -----------------------------------------------------------------------------------------


def _why_not(one: Side, other: Side) -> str:
    """Why two runs' cells are not paired; empty where they are."""
    if one.tested is None or other.tested is None:
        side = one if one.tested is None else other
        return f"no predictions of {side.run.id} lie on the disk, so its test items are not known"
    if one.tested.task is None or one.tested.task != other.tested.task:
        return "their answers are scored by different tasks"
    mine, theirs = set(one.tested.keys), set(other.tested.keys)
    if mine != theirs:
        shared = len(mine & theirs)
        return f"they were tested on different items ({shared:,} of {len(mine):,} and {len(theirs):,} are shared)"
    if not _by_place(one).keys() & _by_place(other).keys():
        return "they have no cell of the same strategy, seeds and queries"
    return ""


def _paired(one: Side, other: Side) -> list[tuple[Place, Difference, float]]:
    """Every place that both have, in order: the difference and its p-value."""
    if one.tested is None or other.tested is None:
        return []
    mine, theirs = _by_place(one), _by_place(other)
    at = {key: number for number, key in enumerate(one.tested.keys)}
    moved = [at[key] for key in other.tested.keys]
    width, families = len(at), one.tested.families
    cells: dict[str, Results] = {}
    trained: dict[str, Results] = {}
    made: dict[str, list[int]] = {}
    for side, own in (("one", mine), ("other", theirs)):
        for place, rows in own.items():
            name = f"{side}/{place}"
            cells[name] = [_whole(row.outcomes, range(width) if side == "one" else moved, width) for row in rows]
            if place[0] not in UNTRAINED:
                trained[name] = cells[name]
            if isinstance(place[0], Strategy):
                made[name] = [row.cell.pool for row in rows]
    noise, again = noises(trained, made)
    alone = all(family is None for family in families)
    found = []
    for number, place in enumerate(sorted(mine.keys() & theirs.keys(), key=_order)):
        left, right = f"one/{place}", f"other/{place}"
        seeds = noise if left in trained else None
        times = sum(_share(made[name]) for name in (left, right) if name in made)
        pools = None if again is None or not times else (again, times)
        result = difference(cells[left], cells[right], families, seeds, pools, level=LEVEL, seed=number)
        if result is None or result.items < LEAST_ITEMS:
            continue
        exact = seeds is None and pools is None and alone and len(cells[left]) == len(cells[right]) == 1
        p = duel(cells[left][0], cells[right][0]).p if exact else result.p
        found.append((place, result, p))
    return found


def _whole(outcomes: Sequence[float | None], moved: Sequence[int], width: int) -> list[float | None]:
    """Outcomes in the first run's order of items; what was not asked (the teacher answers some only) was not scored."""
    found: list[float | None] = [None] * width
    for place, outcome in zip(moved, outcomes, strict=False):
        found[place] = outcome
    return found


def _share(pools: Sequence[int]) -> float:
    """How much of one pool's variance is in a mean over runs, by the pool behind each."""
    return sum(count**2 for count in Counter(pools).values()) / len(pools) ** 2
