"""Whether a mixed set gains what the law says: `seedpilot bench mixes [--atlas DIR] [--into PAGE]`.

The advice's spending plan mixes strategies where the law says that a mixture beats the best single one. Here the law is
told every cell of one strategy that one replicate of the atlas has of a world and a number of seeds (as a pilot's own
points), and no mixed one; then it says what half and half gains over the strategy that it takes for the best alone,
with as many examples. Beside it what both were measured to be: the same test items, seeds and training seed. Budgets
are examples, one query each. Intervals are bootstrapped over worlds and numbers of seeds together, whose cells share
test items and pools. The two cells' own noise (500 items, a pool and a training each) is in every measured gain.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._clustered import estimate
from benchmarks._marked import estimated, from_root, table
from engine import law
from engine.atlas.design import MIXED, REPLICATES, SEEDS, SEEDS_ONLY, Place, planned
from engine.atlas.measure import parts
from engine.atlas.prior import STRATEGIES, TASKS
from engine.atlas.table import AtlasCell, load
from engine.case import Case
from engine.domain import Situation
from engine.marked import written_into
from engine.settings import ROOT
from engine.spending import expected

BINS = {
    "said to lose 3 points or more": (-np.inf, -3.0),
    "said to lose 1 to 3 points": (-3.0, -1.0),
    "said to lose up to 1 point": (-1.0, 0.0),
    "said to gain": (0.0, np.inf),
}
"""Points of gain that were said, from and to, by which rows are told apart."""
MARKS = "atlas mixes"


@dataclass(frozen=True)
class Mix:
    """One mixed cell beside the single strategy that the law thought best."""

    place: Place
    best: str
    said: float
    """Points that the mixture was said to gain."""
    measured: float
    """Points that it gained."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description="Mixed sets, as the law said and as they were measured.")
    parser.add_argument("--atlas", type=Path, default=ROOT / "data" / "atlas")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="writes the table between the page's marks as well")
    given = parser.parse_args(arguments)
    cells = load(given.atlas)
    found = rows(list(mixes({cell.place: cell for cell in cells})))
    if given.into is not None:
        made_with = f"seedpilot bench mixes --atlas {from_root(given.atlas)} --into {given.into}"
        written_into(
            given.into, MARKS, f"`{made_with}`: **{len(cells):,} of {len(planned()):,} cells**.\n\n{text(found)}"
        )
    print(json.dumps(found))


def mixes(known: Mapping[Place, AtlasCell]) -> Iterator[Mix]:
    """Every mixed cell whose rival was measured too."""
    for world, task in TASKS.items():
        for seeds in SEEDS:
            for replicate in range(REPLICATES):
                alike = [
                    cell
                    for at, cell in known.items()
                    if (at.world, at.seeds, at.replicate) == (world, seeds, replicate) and at.usual
                ]
                told = [cell.measurement() for cell in alike if cell.arm in (*STRATEGIES, SEEDS_ONLY)]
                mixed = [cell for cell in alike if cell.arm == MIXED]
                if told and mixed:
                    largest = max(cell.budget for cell in mixed)
                    case = Case.of(Situation(task, seeds, largest, calls="paper"), told)
                    yield from _judged(case, mixed, known)


def _judged(case: Case, mixed: Sequence[AtlasCell], known: Mapping[Place, AtlasCell]) -> Iterator[Mix]:
    names = [name.value for name in law.strategies(case.fitted.draws)]
    for cell in mixed:
        place = cell.place
        arms = [arm for arm in STRATEGIES if any((at.world, at.arm) == (place.world, arm) for at in known)]
        sets = np.zeros((1 + len(arms), len(names)))
        for strategy, visits in parts(place):
            sets[0, names.index(strategy.value)] = visits
        for row, arm in enumerate(arms, start=1):
            sets[row, names.index(arm)] = place.budget
        value = 100 * expected(case.fitted, place.seeds, sets)
        best = int(value[1:].argmax())
        rival = known.get(replace(place, arm=arms[best]))
        if rival is not None:
            yield Mix(place, arms[best], float(value[0] - value[1 + best]), 100 * (cell.accuracy - rival.accuracy))


def rows(found: Sequence[Mix]) -> list[dict[str, Any]]:
    """All of them, by what was said, and by world; groups without a mix are left out."""
    told = [_row("all", found)]
    for name, (low, high) in BINS.items():
        told.append(_row(name, [one for one in found if low <= one.said < high]))
    for world in TASKS:
        told.append(_row(world, [one for one in found if one.place.world == world]))
    return [one for one in told if one["mixes"]]


def _row(name: str, found: Sequence[Mix]) -> dict[str, Any]:
    if not found:
        return {"group": name, "mixes": 0}
    gains = np.array([[one.said, one.measured] for one in found])
    values = np.column_stack([gains, gains[:, 1] - gains[:, 0]])
    groups = [f"{one.place.world} {one.place.seeds}" for one in found]
    return {
        "group": name,
        "mixes": len(found),
        "said_points": round(float(values[:, 0].mean()), 2),
        "measured_points": estimate(values[:, 1], groups),
        "measured_less_said_points": estimate(values[:, 2], groups),
        "typical_miss_points": round(float(np.sqrt((values[:, 2] ** 2).mean())), 2),
    }


def text(found: Sequence[Mapping[str, Any]]) -> str:
    """The rows as docs/atlas.md shows them, in Markdown."""
    shown = [
        [
            row["group"],
            str(row["mixes"]),
            f"{row['said_points']:+.1f}",
            estimated(row["measured_points"], "+.1f"),
            estimated(row["measured_less_said_points"], "+.1f"),
            f"{row['typical_miss_points']:.1f}",
        ]
        for row in found
    ]
    titles = [
        "what the law said, or where",
        "mixes",
        "said, points",
        "measured",
        "measured less said",
        "one mix is missed by",
    ]
    return "\n".join(table(titles, shown))


if __name__ == "__main__":
    main()
