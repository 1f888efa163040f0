"""Curves that are extended and strategies that are chosen, beside their rivals: `seedpilot bench decisions`.

    seedpilot bench decisions [--curves FILE] [--losses FILE] [--atlas DIR [--learn] [--into PAGE]] [--per-set N] --json

Of curves, losses and the atlas those that are named are run; all of them where none is.

Accuracies: recorded learning curves that cross; three learners play strategies, pilots at 64 to 512 with 500 test
items, two replicates and one point of training-seed noise, judged at 8 and 32 times the largest pilot. Whatever is
learned (the archive of past curves, every method's margins, P(best)) is learned with the task's own data set left
out; rivals get margins in the same way. Intervals are bootstrapped over data sets. Losses: fine-tuning losses fitted on
their first k points and judged beyond them. The atlas: the advice itself, from the pilot that it would buy, beside
always one strategy, the published threshold, and last point, pow3 and curve engines on pilots of an eighth to a half
(benchmarks/_atlas.py); with `--learn` also the advice that knows no published study, only the law, or the law and the
other four worlds (benchmarks/_atlas_prior.py); with `--into docs/atlas.md` its tables are written between that page's
marks.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _atlas_table
from benchmarks._atlas import advice_decisions, decisions
from benchmarks._atlas_cases import Decision
from benchmarks._atlas_prior import deciding_with
from benchmarks._atlas_rows import atlas_rows
from benchmarks._clustered import bins, estimate
from benchmarks._losses import loss_rows
from benchmarks._marked import from_root
from engine import marked
from engine.atlas.design import planned
from engine.atlas.prior import before_any_study, knowing_others, parameters
from engine.atlas.table import AtlasCell, load
from engine.errors import InputError
from engine.fitting import calibration
from engine.fitting.groups import Array, Method
from engine.fitting.learn_margins import forecasts, margins, scores
from engine.fitting.pooling import PooledCurves, QualityReach
from engine.fitting.recorded import Task, read_recorded, tasks
from engine.fitting.rivals import BayesianMixture, GaussianProcess, LastPoint, LeastSquares, LogLinear
from engine.fitting.saturating import SaturatingCurves
from engine.settings import ROOT

SHARED = ROOT.parent / "shared" / "data" / "curves"
ATLAS = ROOT / "data" / "atlas"
JUDGED = (8, 32)
BINS, SMALLEST = 6, 150
"""P(best) is judged in up to so many bins with as many tasks each, and never fewer than SMALLEST in one."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description="Decisions from curves, beside rivals.")
    parser.add_argument("--curves", type=Path, help="accuracies of recorded curves, a CSV file")
    parser.add_argument("--losses", type=Path, help="losses of recorded curves, a CSV file")
    parser.add_argument("--atlas", type=Path, help="folder of an atlas's Parquet files")
    parser.add_argument("--learn", action="store_true", help="decide on each world knowing the other worlds, too")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="writes the atlas's tables between the page's marks")
    parser.add_argument("--per-set", type=int, default=60, help="tasks of each data set")
    parser.add_argument("--seed", type=int, default=0, help="names the random pilots")
    given = parser.parse_args(arguments)
    if not (given.curves or given.losses or given.atlas):
        given.curves, given.losses, given.atlas = SHARED / "lcdb11_sample.csv", SHARED / "ft_scaling_flan.csv", ATLAS
    if (given.learn or given.into) and not given.atlas:
        parser.error("--learn and --into are for the atlas; add --atlas DIR")
    rows: list[dict[str, Any]] = []
    if given.curves:
        rows += curve_rows(given.curves, given.per_set, given.seed)
    if given.losses:
        rows += loss_rows(given.losses)
    if given.atlas:
        rows += _told_of_atlas(given.atlas, given.into, learn=given.learn)
    print(json.dumps(rows))


def _told_of_atlas(folder: Path, page: Path | None, *, learn: bool) -> list[dict[str, Any]]:
    """The atlas's rows, written into the page where there is one."""
    try:
        if page is not None:
            marked.around(page, _atlas_table.MARKS)  # before minutes of work
        cells = load(folder)
    except InputError as wrong:
        sys.exit(str(wrong))
    rows = atlas_rows(on_atlas(cells, learn=learn))
    if page is not None:
        made_with = f"seedpilot bench decisions --atlas {from_root(folder)}{' --learn' if learn else ''} --into {page}"
        said = _atlas_table.text(rows, len(cells), len(planned()), made_with)
        marked.written_into(page, _atlas_table.MARKS, said)
    return rows


def curve_rows(curves: Path, per_set: int, seed: int) -> list[dict[str, Any]]:
    """One row a method and stretch, on recorded curves."""
    recorded = read_recorded(curves)
    found = tasks(recorded, per_set, seed)
    _tell(
        f"{len(recorded.curves)} data sets ({recorded.twins} share a name with another), "
        f"{len({task.dataset for task in found})} of them reach eight times the pilot: {len(found)} tasks"
    )
    if not found:
        sys.exit(f"{curves}: no data set has three learners measured at 64 to 512 and at 4096")
    methods: list[Method] = [
        recorded.archive(),
        SaturatingCurves(),
        PooledCurves(),
        QualityReach(),
        GaussianProcess(),
        BayesianMixture(),
        LastPoint(),
        LeastSquares("pow3"),
        LeastSquares("pow4"),
        LeastSquares("mmf4"),
        LogLinear(),
    ]
    rows: list[dict[str, Any]] = []
    for method in methods:
        begun = time.perf_counter()
        draws = forecasts(method, found)
        milliseconds = 1000 * (time.perf_counter() - begun) / len(found)
        _tell(f"{method.name}: {milliseconds:.0f} ms a task")
        rows += [judged(method.name, found, draws, stretch, milliseconds) for stretch in JUDGED if stretch in draws]
    _against(rows, "pow3")
    return rows


def on_atlas(cells: Sequence[AtlasCell], *, learn: bool) -> list[Decision]:
    """Decisions on every world; with `learn` also what the advice decides there that knows the law alone, or the law
    and the other worlds."""
    made = decisions(cells)
    if learn:
        with deciding_with(before_any_study()):
            made += _called(advice_decisions(cells), "knowing the law alone")
        found = parameters(cells)
        for world in found:
            with deciding_with(knowing_others(found, world)):
                made += _called(advice_decisions(cells, [world]), "knowing the other worlds")
    return made


def _called(made: Sequence[Decision], knowing: str) -> list[Decision]:
    return [replace(one, method=f"{one.method}, {knowing}") for one in made]


def judged(
    name: str, found: Sequence[Task], draws: dict[int, Array], stretch: int, milliseconds: float
) -> dict[str, Any]:
    """One row: how far off, how good the choice, how true the intervals and P(best)."""
    reaching = [task for task in found if stretch in task.truth]
    sets = np.array([task.dataset for task in reaching])
    truth = np.array([task.truth[stretch] for task in reaching])
    ends = draws[stretch]
    mean = ends.mean(axis=1)
    pick, at = mean.argmax(axis=1), np.arange(len(mean))
    right = truth[at, pick] == truth.max(axis=1)
    regret = 100 * (truth.max(axis=1) - truth[at, pick])
    error = 100 * np.abs(mean - truth).mean(axis=1)
    row: dict[str, Any] = {
        "method": name,
        "stretch": stretch,
        "tasks": len(reaching),
        "data_sets": len(set(sets)),
        "mean_error_points": estimate(error, sets),
        "median_error_points": round(float(np.median(100 * np.abs(mean - truth))), 2),
        "top1": estimate(right, sets, digits=3),
        "regret_points": estimate(regret, sets),
        "milliseconds": round(milliseconds, 1),
    }
    scored = scores(found, draws)
    learned = {name_: margins(scored, without=name_) for name_ in np.unique(sets)}
    for level in calibration.TAILS:
        covered, width = np.zeros(truth.shape), np.zeros(truth.shape)
        for dataset, found_margins in learned.items():
            of_set = sets == dataset
            margin = next(getattr(m, f"level{level}") for m in found_margins if m.stretch == stretch)
            low, high = calibration.interval(np.swapaxes(ends[of_set], 0, 1), level, margin)
            low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
            covered[of_set] = (truth[of_set] >= low) & (truth[of_set] <= high)
            width[of_set] = 100 * (high - low)
        row[f"coverage{level}"] = estimate(covered.mean(axis=1), sets, digits=3)
        row[f"width{level}_points"] = estimate(width.mean(axis=1), sets)
    if ends.shape[1] > 1:
        said = np.array(
            [
                calibration.p_best(draw, next(m for m in learned[dataset] if m.stretch == stretch))
                for draw, dataset in zip(ends, sets, strict=True)
            ]
        )
        best = said.argmax(axis=1)
        count = max(1, min(BINS, len(said) // SMALLEST))
        row["p_best_bins"] = bins(said[at, best], truth[at, best] == truth.max(axis=1), sets, count, "tasks")
        row["p_best_largest_gap_points"] = max(abs(b["gap_points"]) for b in row["p_best_bins"])
    return row


def _against(rows: list[dict[str, Any]], rival: str) -> None:
    """Each row's mean error as a share of the rival's at the same stretch."""
    for row in rows:
        of_rival = next(r for r in rows if r["method"] == rival and r["stretch"] == row["stretch"])
        ratio = row["mean_error_points"]["mean"] / of_rival["mean_error_points"]["mean"]
        row[f"error_against_{rival}"] = round(ratio, 3)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
