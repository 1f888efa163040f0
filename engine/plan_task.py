"""The task of a plan: the one that it names, or that of the sandbox's world which its seeds are taken from."""

from __future__ import annotations

import tomllib
from pathlib import Path

from engine.domain import TaskType
from engine.plan import MATHS, SANDBOX, PilotPlan
from engine.sandbox.catalogue import world_of
from engine.tasks import Task, load_task, task_from, task_type


def task_of(plan: PilotPlan) -> Task:
    """The task, whole; InputError where it or the world is not known, or its files are not there."""
    if not _of_a_world(plan):
        return load_task(plan.task, Path(plan.seeds.path))
    world = world_of(plan.seeds.world)
    return task_from(tomllib.loads(world.task), world.folder, f"the world {world.name}")


def type_of(plan: PilotPlan) -> TaskType:
    """What its answers look like; of a task that is a file, none of the files that it names is needed."""
    return task_of(plan).type if _of_a_world(plan) else task_type(plan.task)


def name_of(plan: PilotPlan) -> str:
    """What the task is called: its own name or its file's, or which of the sandbox's worlds it is."""
    if _of_a_world(plan):
        return f"sandbox {plan.seeds.world}"
    return Path(plan.task).stem if plan.task.endswith(".toml") else plan.task


def _of_a_world(plan: PilotPlan) -> bool:
    return plan.seeds.path == SANDBOX and plan.seeds.world != MATHS
