"""Tasks: named ones and the user's own, found by one function."""

from __future__ import annotations

from pathlib import Path

from engine.domain import TaskType
from engine.errors import InputError
from engine.tasks.base import Judge, Task
from engine.tasks.custom import named_task, read_task, read_type, settings_in, task_from
from engine.tasks.presets import NAMES

__all__ = ["Judge", "Task", "load_task", "settings_in", "task_from", "task_type"]


def load_task(name: str, data: Path | None = None) -> Task:
    """The task of that name, or the custom task in that `.toml` file.

    `data` is the file of seeds or test items: a named task looks beside it for what belongs to it
    (text-to-SQL: the folder of databases). A task file looks beside itself.
    """
    if name in NAMES:
        return named_task(name, None if data is None else data.parent)
    if name.endswith(".toml"):
        return read_task(Path(name))
    raise InputError(f"task {name!r} is not known; expected one of {', '.join(NAMES)}, or the path of a task.toml")


def task_type(name: str) -> TaskType:
    """The kind of answer of a task; it needs none of the files that the task names."""
    return read_type(Path(name)) if name.endswith(".toml") else load_task(name).type
