"""Which jobs are trained together, and how many at once: decided from the machine, written down before training.

On a CPU a step stops gaining from more adapters once it holds a few hundred tokens and loses past about a
thousand (its values no longer fit into the cache): so many adapters as make `CPU_TOKENS`. On a GPU so many as its
memory holds beside the base, up to `GPU_TOKENS`, past which one adapter alone keeps it busy. Never so many that
another process would have nothing to do. Counted with the memory that there is, not with what is free at the moment:
two runs of one plan on one machine make the same packs. Where others hold much of a GPU, a group is halved as it runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from engine import machine_fit
from engine.domain import CellJob
from engine.errors import SeedPilotError
from engine.job_files import fingerprint, read_json, training_mark, write_json
from engine.student import check_student
from engine.training import as_row
from engine.training_order import PackPlan, batches, bucket_order

CPU_TOKENS = 512
GPU_TOKENS = 16_384
MEMORY_SHARE = 0.8
"""Of the memory that there is, how much may be planned with: the base and its adapters."""
FILE = "pack.json"


@dataclass(frozen=True, slots=True)
class Machine:
    """What one process may use."""

    device: str
    """`cpu` or `cuda`."""
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """What a job takes."""

    steps: int
    tokens: float
    """Of a step, padding included: the mean over the first draws of rows."""
    most_tokens: int
    """Of the largest step."""


def plan_packs(jobs: Sequence[CellJob], processes: int) -> list[PackPlan]:
    """Packs for the jobs, in the order in which they are to be run: what takes long first, what only answers last.

    Jobs that an earlier plan put together stay together: a resumed pack replays what was written down. New packs are
    written before they are given. A job that cannot be measured is a pack of its own, and fails there.
    """
    alone = [PackPlan((job.key,), None, None) for job in jobs if not job.examples]
    packs: list[PackPlan] = []
    waiting = {job.key: job for job in jobs if job.examples}
    for folder in sorted({Path(job.out).parent / "packs" for job in waiting.values()}):
        for file in sorted(folder.glob(f"*/{FILE}")):
            replayed = _replayed(file, waiting)
            if replayed is not None:
                packs.append(replayed)
                for key in replayed.keys:
                    del waiting[key]
    for group in _alike(list(waiting.values())):
        loads: dict[str, Load] = {}
        for job in group:
            try:
                loads[job.key] = load_of(job)
            except (SeedPilotError, OSError, ValueError):  # it says why when it is run
                alone.append(PackPlan((job.key,), None, None))
        measured = sorted((job for job in group if job.key in loads), key=lambda job: loads[job.key].steps)
        if not measured:
            continue
        here = machine(processes)
        each = per_adapter_bytes(measured[0], loads)
        together, why = adapters_at_once(list(loads.values()), base_bytes(measured[0], here), each, here, processes)
        new = [
            _written(measured[at : at + together], loads, together, why, here)
            for at in range(0, len(measured), together)
        ]
        # Those with the most steps first: the last one to end would keep its process busy while the others wait.
        packs += sorted(new, key=lambda pack: -max(loads[key].steps for key in pack.keys))
    return packs + alone


def adapters_at_once(
    loads: Sequence[Load], base: int, bytes_each: int, here: Machine, processes: int
) -> tuple[int, str]:
    """How many adapters a step holds beside a base of so many bytes, at least one, and why."""
    tokens = max(1.0, sum(load.tokens for load in loads) / len(loads))
    target = GPU_TOKENS if here.device == "cuda" else CPU_TOKENS
    limits = {
        f"{target} tokens a step on this {here.device}, {tokens:.0f} an adapter": int(target / tokens),
        f"{here.total_bytes / 1e9:.1f} GB, {base / 1e9:.2f} GB the base, {bytes_each / 1e9:.2f} GB an adapter": int(
            (MEMORY_SHARE * here.total_bytes - base) / bytes_each
        ),
        f"{len(loads)} adapters for {processes} processes": -(-len(loads) // processes),
    }
    why = min(limits, key=limits.__getitem__)
    return max(1, limits[why]), why


def base_bytes(job: CellJob, here: Machine) -> int:
    """Memory that the student's weights take, once for all adapters; 0 where its config does not say."""
    student = check_student(job.student)
    if student.shape is None:
        return 0
    found = machine_fit.Machine(here.device, here.total_bytes, here.total_bytes)
    return machine_fit.fit(student.shape, job.recipe, student.context, None, found).weights_bytes


def per_adapter_bytes(job: CellJob, loads: dict[str, Load]) -> int:
    """Memory that one more adapter takes, from the student's config: its weights, gradient and Adam's two means, the
    inner values of its largest step, and logits at every place (an upper bound).

    Inner values as in Korthikanti et al. 2022 (arXiv 2205.05198): 34 bytes a token, layer and feature in 16 bits,
    without the attention matrix, which torch does not keep; twice that in 32 bits.
    """
    config: Any = AutoConfig.from_pretrained(check_student(job.student).path, trust_remote_code=False).get_text_config()
    hidden, layers = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", None) or 4 * hidden)
    width = 1 if torch.cuda.is_available() else 2
    rows = -(-job.recipe.batch_size // job.recipe.gradient_accumulation) / job.recipe.batch_size
    tokens = max(load.most_tokens for load in loads.values()) * rows
    kept = 2 * hidden * layers + 34 * hidden if job.recipe.gradient_checkpointing else 34 * hidden * layers
    weights = layers * job.recipe.rank * (8 * hidden + 3 * (hidden + inner))
    return int(16 * weights + tokens * (width * kept + 10 * config.vocab_size))


def load_of(job: CellJob) -> Load:
    """Steps and tokens of a job, counted with the student's tokenizer."""
    student = check_student(job.student)
    tokenizer = AutoTokenizer.from_pretrained(student.path, trust_remote_code=False)
    rows = [as_row(tokenizer, example, 0) for example in job.examples]
    limit = min(job.recipe.max_length, student.context or job.recipe.max_length)
    fit = [row for row in rows if len(row.ids) <= limit]
    if not fit:
        raise ValueError("no row fits")
    steps = job.recipe.steps(len(fit))
    seen = list(batches(fit, job.recipe.batch_size, min(steps, 64), job.seed))
    sizes = [len(batch) * max(len(row.ids) for row in batch) for batch in seen]
    return Load(steps, sum(sizes) / len(sizes), max(sizes))


def machine(processes: int) -> Machine:
    """What each of so many processes may use here: on a CPU its share, of GPUs (each has one process) a whole one."""
    if torch.cuda.is_available():
        return Machine("cuda", torch.cuda.mem_get_info()[1])
    return Machine("cpu", machine_fit.without_gpu().total_bytes // processes)


def _alike(jobs: Sequence[CellJob]) -> list[list[CellJob]]:
    """Jobs that may share a step: one base, and recipes that differ in rate, warm-up and steps at most."""
    groups: dict[tuple[object, ...], list[CellJob]] = {}
    for job in jobs:
        shared = replace(job.recipe, learning_rate=0.0, warmup=0.0, epochs=0.0, min_steps=0)
        groups.setdefault((job.student, *astuple(shared)), []).append(job)
    return list(groups.values())


def _written(jobs: Sequence[CellJob], loads: dict[str, Load], together: int, why: str, here: Machine) -> PackPlan:
    order = bucket_order(max(loads[job.key].steps for job in jobs), jobs[0].recipe.batch_size)
    marks = [training_mark(job) for job in jobs]
    # By their keys too: two cells may learn from the same examples, and side by side they would share a checkpoint.
    named = [[job.key, mark] for job, mark in zip(jobs, marks, strict=True)]
    folder = Path(jobs[0].out).parent / "packs" / fingerprint(named)[:16]
    write_json(
        folder / FILE,
        {
            "jobs": [
                {"key": job.key, "training": mark, **asdict(loads[job.key])}
                for job, mark in zip(jobs, marks, strict=True)
            ],
            "adapters_at_once": together,
            "why": why,
            "machine": asdict(here) | {"cores": os.cpu_count()},
            "bucket_order": order,
        },
    )
    return PackPlan(tuple(job.key for job in jobs), str(folder), order)


def _replayed(file: Path, waiting: dict[str, CellJob]) -> PackPlan | None:
    """What is left of a pack that was planned before; None where nothing is, or its jobs have changed."""
    plan = read_json(file)
    if plan is None:
        return None
    try:
        named = {entry["key"]: entry["training"] for entry in plan["jobs"]}
        order = tuple(tuple(draw) for draw in plan["bucket_order"])
    except (KeyError, TypeError):
        return None
    left = [key for key in named if key in waiting]
    if not left or any(training_mark(waiting[key]) != named[key] for key in left):
        return None
    return PackPlan(tuple(left), str(file.parent), order)
