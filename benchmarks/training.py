"""How long a cell's training takes, beside TRL and a loop by hand: `seedpilot bench training [--shape NAME]`.

A cell is a fresh adapter on one base: from the base's files on the disk to the adapter's files on the disk. `ours` is
what a pilot runs for all cells together: planning, packs, saving. The rivals train the same cells one by one. `tight
loop` is written by hand over peft; `same batches` gives it our order of rows and our loss (logits only where there is
an answer), so that it takes the very same steps: its losses must equal ours. Contenders take turns, figures are
medians over rounds, ratios medians of the rounds' ratios. One thread, as a pilot's processes have on a CPU; what
others do on the machine disturbs the processor time less than the time by the clock, so both are given.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from benchmarks._shelf import hush
from benchmarks._trainers import tight, tight_same, trl
from benchmarks._work import SHAPES, Contender, Work, made_examples, made_student
from engine import pack_plan
from engine.domain import CellJob, CellResult, Recipe
from engine.training import run_jobs

TIGHT, SAME = "tight loop", "tight loop, same batches"
OURS, ALONE = "ours, packs", "ours, one at a time"
TRL, TRL_GROUPED, TRL_PACKED = "TRL", "TRL, grouped by length", "TRL, packed"


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="6x256")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--shortest", type=int, default=12, help="tokens of an example")
    parser.add_argument("--longest", type=int, default=64)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--trl-cells", type=int, default=2, help="of them, how many TRL trains in a round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    hush()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        student = made_student(SHAPES[given.shape], Path(folder) / "student")
        sizes = (given.samples, given.shortest, given.longest, SHAPES[given.shape].words)
        cells = [made_examples(*sizes, seed) for seed in range(given.cells)]
        for batch in given.batch:
            recipe = Recipe(batch_size=batch, epochs=given.epochs, min_steps=1, max_length=given.longest)
            rows += _measured(given, Work(student, cells, recipe, Path(folder) / "out"))
    print(json.dumps(rows))


def _measured(given: argparse.Namespace, work: Work) -> list[dict[str, Any]]:
    contenders: dict[str, Contender] = {OURS: _ours, ALONE: _ours_alone, TIGHT: tight, SAME: tight_same}
    if find_spec("trl") is None:
        print("trl is not installed: pip install 'trl>=1.16,<2'", file=sys.stderr)
    else:
        contenders |= {
            TRL: trl(),
            TRL_GROUPED: trl(train_sampling_strategy="group_by_length"),
            TRL_PACKED: trl(packing=True),
        }
    few = replace(work, cells=work.cells[: given.trl_cells])
    took: dict[str, list[float]] = {name: [] for name in contenders}
    worked: dict[str, list[float]] = {name: [] for name in contenders}
    losses: dict[str, list[list[float]]] = {}
    memory: dict[str, float | None] = {}
    for contender in contenders.values():  # once for imports, caches and the allocator
        contender(replace(work, cells=work.cells[:1]))
    for number in range(given.rounds):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for name in order:
            shutil.rmtree(work.out, ignore_errors=True)
            cells = few if name.startswith("TRL") else work
            _forget_memory()
            begun, busy = time.perf_counter(), time.process_time()
            losses[name] = contenders[name](cells)
            _wait_for_device()
            took[name].append((time.perf_counter() - begun) / len(cells.cells))
            worked[name].append((time.process_time() - busy) / len(cells.cells))
            memory[name] = _most_memory()
            print(f"batch {work.recipe.batch_size} round {number + 1} {name}: {took[name][-1]:.2f} s", file=sys.stderr)
    together = _together(work)
    return [
        {
            "shape": given.shape,
            "batch": work.recipe.batch_size,
            "what": name,
            "adapters_at_once": together if name == OURS else 1,
            "seconds_per_cell": round(median(took[name]), 3),
            "best": round(min(took[name]), 3),
            "faster_than_trl": _ratio(took.get(TRL), took[name]),
            "faster_than_tight_loop": _ratio(took[TIGHT], took[name]),
            "faster_than_tight_loop_same_batches": _ratio(took[SAME], took[name]),
            "processor_seconds_per_cell": round(median(worked[name]), 3),
            "less_processor_than_trl": _ratio(worked.get(TRL), worked[name]),
            "less_processor_than_tight_loop": _ratio(worked[TIGHT], worked[name]),
            "less_processor_than_tight_loop_same_batches": _ratio(worked[SAME], worked[name]),
            "largest_loss_difference": _farthest(losses[name], losses[SAME]) if name in (OURS, ALONE) else None,
            "gpu_memory_gb": memory[name],
            "rounds": given.rounds,
        }
        for name in contenders
    ]


def _ratio(theirs: list[float] | None, ours: list[float]) -> float | None:
    return None if theirs is None else round(median(a / b for a, b in zip(theirs, ours, strict=True)), 2)


def _farthest(one: list[list[float]], other: list[list[float]]) -> float:
    pairs = [(a, b) for mine, theirs in zip(one, other, strict=True) for a, b in zip(mine, theirs, strict=True)]
    return float(f"{max(abs(a - b) for a, b in pairs):.1e}")


# --- ours ---------------------------------------------------------------------------------------------


def _jobs(work: Work) -> list[CellJob]:
    return [
        CellJob(f"{n}", str(work.student), tuple(cell), work.recipe, n, (), 1, str(work.out / "cells" / f"{n}"))
        for n, cell in enumerate(work.cells)
    ]


def _ours(work: Work) -> list[list[float]]:
    jobs = {job.key: job for job in _jobs(work)}
    for plan in pack_plan.plan_packs(list(jobs.values()), 1):
        run_jobs([jobs[key] for key in plan.keys], _told, Path(plan.folder or work.out), plan.order)
    return [json.loads((Path(job.out) / "losses.json").read_text())["losses"] for job in jobs.values()]


def _ours_alone(work: Work) -> list[list[float]]:
    jobs = _jobs(work)
    for job in jobs:
        run_jobs([job], _told)
    return [json.loads((Path(job.out) / "losses.json").read_text())["losses"] for job in jobs]


def _told(_: CellJob, result: CellResult | Exception) -> None:
    if isinstance(result, Exception):
        raise result


def _together(work: Work) -> int:
    plans = pack_plan.plan_packs(_jobs(replace(work, out=work.out / "plan")), 1)
    return max(len(plan.keys) for plan in plans)


def _forget_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _most_memory() -> float | None:
    """GB of the GPU's memory that tensors took at most; None without a GPU."""
    return round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else None


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
