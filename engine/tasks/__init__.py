"""Task types, one file each, and how one is found by name."""

from __future__ import annotations

from pathlib import Path

from engine.errors import InputError
from engine.tasks import math
from engine.tasks.base import Task
from engine.tasks.custom import read_task

__all__ = ["Task", "load_task"]


def load_task(name: str) -> Task:
    """The task of that name, or the custom task in that `.toml` file."""
    if name == "math":
        return math.TASK
    if name.endswith(".toml"):
        return read_task(Path(name))
    raise InputError(f"task {name!r} is not known; expected 'math' or the path of a task.toml")
