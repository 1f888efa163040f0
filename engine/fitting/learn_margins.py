"""Learns the margins that ship with SeedPilot: `python -m engine.fitting.learn_margins CURVES.csv`.

Writes data/calibration/tabular.json from recorded curves of many data sets. For the archive each data set is left
out of the past that its own tasks are forecast from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.fitting import calibration
from engine.fitting.archive import Archive
from engine.fitting.calibration import Calibration, Margins, Scores, growing, learn, score
from engine.fitting.fit import CALIBRATION
from engine.fitting.groups import Array, Method
from engine.fitting.recorded import PILOT, STRETCHES, Recorded, Task, read_recorded, tasks
from engine.fitting.saturating import SaturatingCurves

DOMAIN = "tabular learning curves (LCDB 1.1)"
PER_SET = 60
NEAR = 8
"""Times the largest pilot: judged with more past curves than what lies further."""


def forecasts(method: Method, group_tasks: Sequence[Task]) -> dict[int, Array]:
    """Draws of every task by stretch, natural scale: (T, K, M), in the order of the tasks that reach it.

    An archive forgets the task's own data set first.
    """
    found: dict[int, list[Array]] = {stretch: [] for stretch in STRETCHES}
    left_out: dict[str, Archive] = {}
    for task in group_tasks:
        used = method
        if isinstance(method, Archive):
            used = left_out.setdefault(task.dataset, method.without(task.dataset))
        reached = [stretch for stretch in STRETCHES if stretch in task.truth]
        # an archive looks near and far apart: past curves that end in between speak about the near budgets
        near = [s for s in reached if s <= NEAR or not isinstance(used, Archive)]
        for part in (near, [s for s in reached if s not in near]):
            if part:
                at = np.array([float(stretch * PILOT[-1]) for stretch in part])
                ends = task.group.scale.to_natural(used.forecast(task.group, at).draws)
                for place, stretch in enumerate(part):
                    found[stretch].append(ends[:, :, place])
    return {stretch: np.array(draws) for stretch, draws in found.items() if draws}


def scores(group_tasks: Sequence[Task], draws: dict[int, Array]) -> dict[int, tuple[Scores, NDArray[np.str_]]]:
    """By stretch, the scores of the tasks that reach it and their data sets."""
    found = {}
    for stretch, ends in draws.items():
        reaching = [task for task in group_tasks if stretch in task.truth]
        truth = np.array([task.truth[stretch] for task in reaching])
        found[stretch] = (score(ends, truth), np.array([task.dataset for task in reaching]))
    return found


def margins(found: dict[int, tuple[Scores, NDArray[np.str_]]], without: str | None = None) -> tuple[Margins, ...]:
    """Margins by stretch, those of the data set `without` left out."""
    learned = []
    for stretch, (of_tasks, sets) in found.items():
        keep = sets != without
        if keep.any():
            learned.append(learn(of_tasks.of(keep), sets[keep], float(stretch)))
    return growing(learned)


def calibrate(recorded: Recorded, per_set: int = PER_SET) -> list[Calibration]:
    """Margins for the methods that `seedpilot fit` uses."""
    group_tasks = tasks(recorded, per_set)
    source = f"curves {recorded.digest}, {len(group_tasks)} tasks, python -m engine.fitting.learn_margins"
    methods: list[Method] = [SaturatingCurves(), recorded.archive()]
    found = []
    for method in methods:
        print(f"{method.name}: {len(group_tasks)} tasks", file=sys.stderr)
        draws = forecasts(method, group_tasks)
        found.append(Calibration(DOMAIN, method.name, source, margins(scores(group_tasks, draws))))
    return found


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description="Learns the margins of data/calibration/tabular.json.")
    parser.add_argument("curves", type=Path)
    given = parser.parse_args()
    CALIBRATION.mkdir(parents=True, exist_ok=True)
    calibration.write(CALIBRATION / "tabular.json", calibrate(read_recorded(given.curves)))


if __name__ == "__main__":
    main()
