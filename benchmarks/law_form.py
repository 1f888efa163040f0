"""Whether the law has the form of what was measured: `seedpilot bench law_form`.

World by world some places of the atlas (a strategy, a number of seeds, a budget; the mean of its replicates) are left
out, the law is fitted to the others of that world as it is to a user's points, from no published study, and says what
the left-out ones had. Three kinds are left out: one place at a time, all places of one number of seeds, all places at
the largest budget. Beside it the law whose reach does not move with the seeds, and who draws a straight line through
the two nearest places of that strategy (the logit of accuracy against the log of budget, or of seeds). Errors are root
mean squares, in points; `noise` is what the replicates' own spread leaves in the means that are judged, which no method
can avoid. Intervals (90 %) are over worlds.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks._atlas_cases import replicate_noise
from benchmarks._clustered import estimate
from benchmarks._marked import estimated, from_root, table
from engine import law, marked, posterior, prior
from engine.atlas.design import Place, planned
from engine.atlas.prior import STRATEGIES, TASKS, before_any_study, single
from engine.atlas.table import AtlasCell, by_place, load
from engine.law import Array, expit, logit
from engine.settings import Settings

MARKS = "atlas form"
LAW, FIXED, LINE = "the law", "the law, its reach the same for all numbers of seeds", "a line through the two nearest"
ONE, SEEDS, LARGEST = "one place", "a number of seeds", "the largest budget"
Means = Mapping[Place, tuple[float, float]]
"""By place without its replicate: share right and examples kept, means over its replicates."""


@dataclass(frozen=True)
class Miss:
    """One place that was left out, and what a method said of it."""

    left_out: str
    method: str
    place: Place
    points: float
    """Said less measured."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atlas", type=Path, default=Settings().data / "atlas")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="writes the table between the page's marks")
    given = parser.parse_args(arguments)
    if given.into is not None:
        marked.around(given.into, MARKS)  # before the work
    cells = list(load(given.atlas))
    found = rows(list(misses(cells)), cells)
    if given.into is not None:
        made_with = f"`seedpilot bench law_form --atlas {from_root(given.atlas)} --into {given.into}`"
        told = f"{made_with}: **{len(cells):,} of {len(planned()):,} cells**."
        marked.written_into(given.into, MARKS, f"{told}\n\n{text(found)}")
    print(json.dumps(found))


def misses(cells: Sequence[AtlasCell]) -> Iterator[Miss]:
    """Every method on every place that is left out, as often as it is."""
    free = before_any_study()
    starts = {LAW: free, FIXED: _almost_fixed(free)}
    for world in dict.fromkeys(cell.world for cell in cells):
        own = [cell for cell in single(cells) if cell.world == world]
        measured = _means(own)
        judged = [place for place in measured if place.arm in STRATEGIES]
        largest = max(place.budget for place in judged)
        left = [(ONE, {place}) for place in judged]
        left += [(SEEDS, {at for at in judged if at.seeds == seeds}) for seeds in {at.seeds for at in judged}]
        left.append((LARGEST, {at for at in judged if at.budget == largest}))
        for kind, out in left:
            for method, said in _said(starts, own, measured, out, by_seeds=kind == SEEDS).items():
                for place, share in said.items():
                    yield Miss(kind, method, place, 100 * (share - measured[place][0]))


def _means(cells: Sequence[AtlasCell]) -> dict[Place, tuple[float, float]]:
    return {
        place: (float(np.mean([one.accuracy for one in same])), float(np.mean([one.examples for one in same])))
        for place, same in by_place(cells).items()
    }


def _said(
    starts: Mapping[str, Array],
    own: Sequence[AtlasCell],
    measured: Means,
    out: Collection[Place],
    *,
    by_seeds: bool,
) -> dict[str, dict[Place, float]]:
    """By method the share right of every place that is left out and that every method can say something of. With a
    number of seeds its seeds-only cell is left out, too."""
    without = {at.seeds for at in out} if by_seeds else set()
    told = [cell for cell in own if cell.place.of_replicates not in out and cell.seeds not in without]
    floor = prior.floor(TASKS[own[0].world])
    lines = {place: _line(measured, place, out, by_seeds=by_seeds) for place in out}
    judged = {place: line for place, line in lines.items() if line is not None}
    by_law = {name: _by_law(draws, told, measured, judged, floor) for name, draws in starts.items()}
    return {**by_law, LINE: judged}


def _almost_fixed(draws: Array) -> Array:
    """The law with g = 0; the fit wants a spread, and this one moves no reach by a thousandth."""
    fixed = draws.copy()
    fixed[:, law.EXPONENT] = 1e-4 * np.random.default_rng(0).standard_normal(len(draws))
    return fixed


def _by_law(
    draws: Array, told: Sequence[AtlasCell], measured: Means, out: Collection[Place], floor: float
) -> dict[Place, float]:
    fitted = posterior.refit(draws, [cell.measurement() for cell in told], floor)
    found = {}
    for place in out:
        right = fitted.accuracies(float(place.seeds), np.full((1, len(STRATEGIES)), measured[place][1]))
        found[place] = float(right[:, 0, STRATEGIES.index(place.arm)].mean())
    return found


def _line(measured: Means, place: Place, out: Collection[Place], *, by_seeds: bool) -> float | None:
    """Through the two nearest places of that strategy that were measured and not left out, along seeds or along
    budgets; None where there are no two."""

    def along(at: Place) -> float:
        return float(np.log(at.seeds if by_seeds else at.budget))

    def fixed(at: Place) -> tuple[str, int]:
        return at.arm, at.budget if by_seeds else at.seeds

    beside = [at for at in measured if fixed(at) == fixed(place) and at not in out]
    if len(beside) < 2:
        return None
    nearest = sorted(beside, key=lambda at: abs(along(at) - along(place)))[:2]
    (x0, y0), (x1, y1) = ((along(at), float(logit(np.clip(measured[at][0], 0.01, 0.99)))) for at in nearest)
    return float(expit(np.array(y0 + (y1 - y0) * (along(place) - x0) / (x1 - x0))))


def rows(found: Sequence[Miss], cells: Sequence[AtlasCell]) -> list[dict[str, Any]]:
    """Errors by what was left out and by method, all told and by world."""
    noise = replicate_noise(cells)
    count = {place: len(same) for place, same in by_place(cells).items()}
    told = []
    for kind in (ONE, SEEDS, LARGEST):
        for method in (LAW, FIXED, LINE):
            these = [one for one in found if (one.left_out, one.method) == (kind, method)]
            if these:
                worlds = [one.place.world for one in these]
                left = [noise.get((one.place.world, one.place.seeds), 0.0) ** 2 / count[one.place] for one in these]
                told.append(
                    {
                        "left_out": kind,
                        "method": method,
                        "places": len(these),
                        "error_points": _root(estimate([one.points**2 for one in these], worlds, 4)),
                        "said_less_measured_points": estimate([one.points for one in these], worlds),
                        "noise_points": round(100 * float(np.sqrt(np.mean(left))), 2),
                        "error_by_world": {
                            world: round(
                                float(np.sqrt(np.mean([one.points**2 for one in these if one.place.world == world]))), 2
                            )
                            for world in dict.fromkeys(worlds)
                        },
                    }
                )
    return told


def _root(squares: Mapping[str, Any]) -> dict[str, Any]:
    ends = squares["interval90"]
    return {
        "mean": round(float(np.sqrt(squares["mean"])), 2),
        "interval90": None if ends is None else [round(float(np.sqrt(end)), 2) for end in ends],
    }


def text(found: Sequence[Mapping[str, Any]]) -> str:
    """The rows as docs/atlas.md shows them, in Markdown."""
    worlds = list(dict.fromkeys(world for row in found for world in row["error_by_world"]))
    titles = [
        "left out",
        "method",
        "places",
        "error, points",
        "noise of what is judged",
        "said less measured",
        *(f"error in {world}" for world in worlds),
    ]
    shown = [
        [
            row["left_out"],
            row["method"],
            str(row["places"]),
            estimated(row["error_points"], ".1f"),
            f"{row['noise_points']:.1f}",
            estimated(row["said_less_measured_points"], "+.1f"),
            *(f"{row['error_by_world'][world]:.1f}" if world in row["error_by_world"] else "" for world in worlds),
        ]
        for row in found
    ]
    return "\n".join(table(titles, shown))


if __name__ == "__main__":
    main()
