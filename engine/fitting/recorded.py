"""Whole curves that somebody measured -> tasks for a benchmark, and an archive of past curves.

A file of recorded curves has the columns `dataset, learner, n, error` (and `stderr`, which is not used): test error
of a learner trained on n examples of a data set. Learners play strategies. A pilot is simulated at small n, as it would
be bought: `ITEMS` test items, replicates, a training-seed error; what the whole curve reaches further on is the truth.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.fitting.archive import Archive, PastCurve
from engine.fitting.groups import Array, Group, LogitScale
from engine.fitting.observations import Observation, group_of

PILOT = (64, 128, 256, 512)
STRETCHES = (1, 2, 4, 8, 16, 32)
ITEMS, REPLICATES, SEED_NOISE, STRATEGIES = 500, 2, 0.01, 3
SCALE = LogitScale()

Curves = Mapping[str, Mapping[str, Mapping[int, float]]]
"""data set -> learner -> n -> share right."""


@dataclass(frozen=True)
class Task:
    """A pilot over three strategies, and what they reach."""

    dataset: str
    group: Group
    truth: Mapping[int, Array]
    """Stretch -> (M,) share right at that many times the largest pilot; only where every curve reaches."""


@dataclass(frozen=True)
class Recorded:
    """The curves of a file."""

    curves: Curves
    twins: int
    """Data sets that share a name with another one in the file; kept apart by the order of their rows."""
    digest: str

    def archive(self) -> Archive:
        """All of them as past curves."""
        past = []
        for dataset, learners in self.curves.items():
            for learner, points in learners.items():
                n = np.array(sorted(points), dtype=np.float64)
                right = np.array([points[int(at)] for at in n])
                past.append(PastCurve(dataset, learner, n, SCALE.to_working(right)))
        return Archive(tuple(past))


def read_recorded(path: Path) -> Recorded:
    """The curves of a CSV file; InputError with every problem and its line."""
    try:
        raw = path.read_bytes()
    except OSError as failed:
        raise InputError(f"{path}: {failed.strerror or failed}; expected a CSV file of recorded curves.") from failed
    rows = csv.DictReader(raw.decode("utf-8-sig", errors="replace").splitlines())
    missing = {"dataset", "learner", "n", "error"} - set(rows.fieldnames or [])
    if missing:
        raise InputError(
            f"{path.name}: {', '.join(sorted(missing))} missing; expected the columns dataset, learner, n, error."
        )
    curves: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    problems, twins = [], set()
    for row in rows:
        try:
            n, error = int(row["n"]), float(row["error"])
            if n < 1 or not 0 <= error <= 1:
                raise ValueError
        except (TypeError, ValueError):
            problems.append(
                f"{path.name} line {rows.line_num}: n is {row['n']!r}, error is {row['error']!r}; expected a whole "
                "number of 1 or more and a fraction."
            )
            continue
        name, place = row["dataset"], 1
        # the same place of the same curve again: another data set of the same name
        while n in curves[name][row["learner"]]:
            place += 1
            name = f"{row['dataset']} ({place})"
            twins.add(name)
        curves[name][row["learner"]][n] = 1 - error
    if problems:
        raise InputError(problems)
    plain = {dataset: dict(learners) for dataset, learners in curves.items() if learners}
    return Recorded(plain, len(twins), hashlib.sha256(raw).hexdigest()[:16])


def tasks(recorded: Recorded, per_set: int, seed: int = 0) -> tuple[Task, ...]:
    """`per_set` tasks of every data set in which three learners reach eight times the largest pilot."""
    out = []
    for dataset in sorted(recorded.curves):
        learners = recorded.curves[dataset]
        # a data set's tasks depend on its name and not on what else the file holds
        rng = np.random.default_rng([seed, int(hashlib.sha256(dataset.encode()).hexdigest()[:8], 16)])
        able = sorted(name for name, points in learners.items() if {*PILOT, 8 * PILOT[-1]} <= set(points))
        if len(able) < STRATEGIES:
            continue
        for place in range(per_set):
            chosen = [able[i] for i in sorted(rng.choice(len(able), STRATEGIES, replace=False))]
            group = _pilot(f"{dataset} #{place}", [learners[name] for name in chosen], chosen, rng)
            truth = {
                stretch: np.array([learners[name][stretch * PILOT[-1]] for name in chosen])
                for stretch in STRETCHES
                if all(stretch * PILOT[-1] in learners[name] for name in chosen)
            }
            out.append(Task(dataset, group, truth))
    return tuple(out)


def _pilot(
    name: str, curves: Sequence[Mapping[int, float]], strategies: Sequence[str], rng: np.random.Generator
) -> Group:
    rows = []
    for strategy, points in zip(strategies, curves, strict=True):
        for n in PILOT:
            for _ in range(REPLICATES):
                share = float(np.clip(points[n] + SEED_NOISE * rng.standard_normal(), 0, 1))
                rows.append(Observation(strategy, float(n), float(rng.binomial(ITEMS, share)), float(ITEMS)))
    return group_of(name, rows, SCALE)
