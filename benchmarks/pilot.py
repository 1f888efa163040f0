"""A whole pilot beside the full grid run cell by cell off the shelf: `seedpilot bench pilot [--budgets N ...]`.

Both decide which strategy 20,000 queries had better be spent on, from the same 100 seeds, the sandbox's teacher and
student, the same recipe and the same test items. `ours` is `seedpilot pilot PLAN.toml` in a process of its own, from
its start to its end: it buys cells until none is worth its price, and measures what a pilot measures beyond the grid
too (teacher, few-shot student, control of the steps, likelihood of the gold answers). The grid asks for each cell's
own data, trains it with TRL's SFTTrainer and answers with peft's `generate`, one cell after the other in a process that
runs already: its imports, filtering of data and scoring are not counted.

Timed of the grid is a random sample, another one in each turn, each with one cell of every size and the untuned
student; a line through what training took (seconds by optimizer steps) and the mean of what answering took give the
whole grid. Queries are counted exactly. What the grid decides comes from all of its cells, trained on the grid's own
data in packs here (packs equal separate runs, which tests hold to; `trl_right` stands beside `packs_right` for the
cells that were timed).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import psutil
import tomli_w

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks._decided import decided, decision, last_point
from benchmarks._grid import GridCell, Timed, fit, grid_cells, measured, replies, right
from benchmarks._shelf import hush
from engine.adaptive import STEPS_FILE
from engine.domain import CellJob, CellResult, Measurement, Situation, Strategy
from engine.plan import check_plan
from engine.prepare import Prepared, prepare
from engine.trainer import LocalTrainer

BATCH = 8
PARTS = ("ours", "shelf", "packs")
"""The pilot; the grid's cells off the shelf; the whole grid in packs, which decides what the grid decides."""


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 200, 400, 800, 1600])
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--items", type=int, default=300, help="test items")
    parser.add_argument("--target", type=int, default=20_000, help="queries that the pilot is for, its own among them")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is run; the shelf is the grid's")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--world", default="maths", help="of the sandbox; all but maths take the student of all worlds")
    parser.add_argument("--sizes", type=int, default=None, help="timed in a turn, evenly spread; default: all")
    parser.add_argument("--batch-one", type=int, default=32, help="questions of each sampled cell for batch 1; 0: none")
    parser.add_argument("--min-steps", type=int, default=None, help="another recipe, for a try")
    parser.add_argument("--epochs", type=float, default=None)
    parser.add_argument("--longest-answer", type=int, default=200, help="tokens")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    hush()
    _adopt()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(_rows(given, Path(folder))))


def _rows(given: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    plan = _plan(given)
    ready = prepare(check_plan(plan))
    grid, rng = grid_cells(ready), random.Random(0)
    _told(f"grid of {len(grid)} cells, {sum(one.queries for one in grid)} queries")
    ours: list[dict[str, Any]] = []
    timed: list[tuple[GridCell, Timed]] = []
    by_one: list[tuple[float, float]] = []
    for turn in range(given.turns):
        for one in _sample(grid, rng, given.sizes) if "shelf" in given.parts else ():
            found, each = _off_the_shelf(ready, one, folder / f"trl{turn}", given.batch_one)
            timed.append((one, found))
            by_one += each
            took = f"training {found.training[0]:.1f} s, answering {found.answering[0]:.1f} s"
            _told(f"turn {turn + 1} {one.cell.key}: {took}")
        if "ours" in given.parts:
            ours.append(_ours(plan, folder / f"ours{turn}"))
            _told(f"turn {turn + 1} ours: {ours[-1]['seconds']} s, {ours[-1]['queries']} queries")
    rows = list(ours)
    rival = _whole_grid(grid, timed, by_one, len(ready.test), ready) if timed else None
    if rival is not None:
        rows.append(rival | {"trl_right": [found.correct for _, found in timed]})
    if "packs" in given.parts:
        results, packs = _in_packs(ready, grid, folder / "grid")
        right_there = {one.cell.key: result.correct for one, result in zip(grid, results, strict=True)}
        rows.append(
            {
                "what": "the same grid in packs, not adaptive",
                **packs,
                "packs_right": [right_there[one.cell.key] for one, _ in timed],
                "decision": decision(_situation(ready), results),
                "decision_at_the_largest_budget": last_point(results, max(plan["grid"]["budgets"])),
            }
        )
    if ours and "packs" in given.parts:
        rows.append(_agreement(ours, rows[-1]))
    if ours and rival is not None:
        rows.append(_ratio(ours, rival))
    return rows


def _plan(given: argparse.Namespace) -> dict[str, Any]:
    training = {"min_steps": given.min_steps, "epochs": given.epochs}
    return {
        "name": "whole pilot",
        "student": "sandbox" if given.world == "maths" else "sandbox-worlds",
        "max_new_tokens": given.longest_answer,
        "seeds": {"world": given.world, "count": given.seeds},
        "test": {"count": given.items, "teacher_items": min(100, given.items)},
        "grid": {"budgets": given.budgets, "replicates": given.replicates},
        "target": {"queries": given.target},
        "training": {name: value for name, value in training.items() if value is not None},
    }


def _situation(ready: Prepared) -> Situation:
    return Situation(ready.task.type, len(ready.seeds), ready.plan.target.queries or max(ready.plan.grid.budgets))


# --- ours ---------------------------------------------------------------------------------------------


def _ours(plan: dict[str, Any], home: Path) -> dict[str, Any]:
    """`seedpilot pilot`, in a store of its own."""
    home.mkdir()
    (home / "plan.toml").write_text(tomli_w.dumps(plan))
    ours = {child.pid for child in psutil.Process().children()}
    begun, busy, at = time.perf_counter(), _children(ours), time.time()
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "engine.cli", "pilot", str(home / "plan.toml"), "--json"],
        env=os.environ | {"SEEDPILOT_HOME": str(home / "runs")},
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds, processor = time.perf_counter() - begun, _children(ours) - busy
    told = json.loads(ran.stdout)
    [steps] = (home / "runs").glob(f"*/{STEPS_FILE}")
    strategies = [cell for cell in told["cells"] if cell["arm"] in set(Strategy) and not cell["pool"]]
    return {
        "what": "ours, one adaptive pilot",
        "seconds": round(seconds, 1),
        # The last step says that nothing more is worth its price; what comes after it the grid does not measure at all.
        "seconds_to_the_decision": round(steps.stat().st_mtime - at, 1),
        "processor_seconds": round(processor, 1),
        "queries": told["queries"]["settled"] + told["queries"]["unknown"],
        "strategy_cells_measured": sum(cell["state"] == "done" for cell in strategies),
        "strategy_cells_in_the_grid": len(strategies),
        "message": told["message"],
        "decision": decided(told["advice"]["after"]),
    }


def _adopt() -> None:
    """What outlives the process that started it becomes a child of this one (PR_SET_CHILD_SUBREAPER): none of the
    processor's time is lost."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _children(ours: set[int]) -> float:
    """Processor seconds of the processes that this one started or adopted, theirs included; waits for their end, but
    not for that of `ours`, which score for this process (SQL is read in one) and live as long as it does."""
    while left := {child.pid for child in psutil.Process().children()} - ours:
        for pid in left:
            os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- the grid -----------------------------------------------------------------------------------------


def _sample(grid: Sequence[GridCell], rng: random.Random, most: int | None) -> list[GridCell]:
    """One cell of each size (budget), or of so many of them; the seeds alone and the untuned student are sizes too."""
    sizes: dict[tuple[bool, int], list[GridCell]] = {}
    for one in grid:
        sizes.setdefault((bool(one.examples), one.cell.budget), []).append(one)
    chosen = np.linspace(0, len(sizes) - 1, min(most or len(sizes), len(sizes))).round().astype(int)
    return [rng.choice(sizes[sorted(sizes)[at]]) for at in chosen]


def _off_the_shelf(
    ready: Prepared, one: GridCell, out: Path, batch_one: int
) -> tuple[Timed, list[tuple[float, float]]]:
    model, training = fit(ready, one, out / one.cell.key)
    said, answering = replies(ready, model, ready.test, BATCH)
    correct = sum(outcome == 1 for outcome in right(ready, ready.test, said))
    few = random.Random(one.cell.key).sample(ready.test, min(batch_one, len(ready.test)))
    each = [(took / len(few), busy / len(few)) for took, busy in [replies(ready, model, few, 1)[1]]] if few else []
    return Timed(one.steps(ready), training, answering, correct, len(ready.test)), each


def _whole_grid(
    grid: Sequence[GridCell],
    timed: Sequence[tuple[GridCell, Timed]],
    by_one: Sequence[tuple[float, float]],
    items: int,
    ready: Prepared,
) -> dict[str, Any]:
    """All cells by those that were timed: [0] by the clock, [1] of the processor."""
    trained = [found for _, found in timed if found.steps]
    steps = [one.steps(ready) for one in grid if one.examples]
    training, answering, ones = [], [], []
    for which in (0, 1):
        slope, fixed = np.polyfit([t.steps for t in trained], [t.training[which] for t in trained], 1)
        training.append(float(sum(fixed + slope * n for n in steps)))
        answering.append(len(grid) * mean(found.answering[which] for _, found in timed))
        ones.append(len(grid) * items * mean(took[which] for took in by_one) if by_one else None)
    asking = sum(one.asking_seconds for one in grid)
    strategies = [one for one in grid if one.queries]
    return {
        "what": f"the grid, one by one: TRL, peft generate at batch {BATCH}",
        "seconds": round(asking + training[0] + answering[0], 1),
        "processor_seconds": round(asking + training[1] + answering[1], 1),
        "of_it_training": round(training[0], 1),
        "of_it_answering": round(answering[0], 1),
        "seconds_with_batch_1": None if ones[0] is None else round(asking + training[0] + ones[0], 1),
        "processor_seconds_with_batch_1": None if ones[1] is None else round(asking + training[1] + ones[1], 1),
        "queries": sum(one.queries for one in strategies),
        "queries_if_replicates_share_data": sum(one.queries for one in strategies if not one.cell.replicate),
        "cells": len(grid),
        "cells_timed": len({one.cell.key for one, _ in timed}),
        "extrapolated": len({one.cell.key for one, _ in timed}) < len(grid),
    }


def _in_packs(ready: Prepared, grid: Sequence[GridCell], out: Path) -> tuple[list[Measurement], dict[str, Any]]:
    """The grid's own data, trained and answered by what a pilot trains and answers with."""
    jobs = [
        CellJob(
            one.cell.key,
            ready.student.path,
            one.examples,
            ready.recipe,
            1000 + one.cell.replicate,
            tuple(ready.task.student_prompt(item.asked) for item in ready.test),
            ready.plan.max_new_tokens,
            str(out / "cells" / one.cell.key),
        )
        for one in grid
    ]
    found: dict[str, CellResult] = {}

    def on_done(job: CellJob, result: CellResult | Exception) -> None:
        if isinstance(result, Exception):
            raise result
        found[job.key] = result

    begun = time.perf_counter()
    with LocalTrainer(ready.student.parameters) as trainer:
        trainer.run(jobs, on_done, lambda _: None)
    took = {"seconds": round(time.perf_counter() - begun, 1)}
    return [measured(ready, one, found[one.cell.key].answers) for one in grid], took


def _agreement(ours: Sequence[dict[str, Any]], whole: dict[str, Any]) -> dict[str, Any]:
    """How far the pilots' decisions are from the whole grid's; whoever follows a pilot is expected to lose, by what the
    grid knows, `regret_by_the_grid_points` of accuracy."""
    expected = {name: one["accuracy"]["mean"] for name, one in whole["decision"]["strategies"].items()}
    named = [one["decision"]["most_likely"] for one in ours]
    last = whole["decision_at_the_largest_budget"]["most_likely"]
    return {
        "what": "ours against the grid's decision",
        "same_advice": [one["decision"]["recommended"] == whole["decision"]["recommended"] for one in ours],
        "most_likely_by_ours": named,
        "same_most_likely": [one == whole["decision"]["most_likely"] for one in named],
        "same_as_the_largest_budget": [one == last for one in named],
        "regret_by_the_grid_points": [round(100 * (max(expected.values()) - expected[one]), 2) for one in named],
    }


def _ratio(ours: Sequence[dict[str, Any]], rival: dict[str, Any]) -> dict[str, Any]:
    def times(theirs: str, mine: str) -> float | None:
        return None if rival[theirs] is None else round(median(rival[theirs] / one[mine] for one in ours), 2)

    return {
        "what": "the grid over ours",
        "times_the_seconds": times("seconds", "seconds"),
        "times_the_seconds_to_the_decision": times("seconds", "seconds_to_the_decision"),
        "times_the_processor_seconds": times("processor_seconds", "processor_seconds"),
        "times_the_seconds_with_batch_1": times("seconds_with_batch_1", "seconds"),
        "times_the_seconds_to_the_decision_with_batch_1": times("seconds_with_batch_1", "seconds_to_the_decision"),
        "times_the_processor_seconds_with_batch_1": times("processor_seconds_with_batch_1", "processor_seconds"),
        "times_the_queries": times("queries", "queries"),
        "times_the_queries_if_replicates_share_data": times("queries_if_replicates_share_data", "queries"),
    }


def _told(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
