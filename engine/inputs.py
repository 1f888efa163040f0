"""The user's unlabelled inputs: read, and freed from what is a test item or a seed.

A test item that the teacher answers for training would be taught; a seed's question has its answer already.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.domain import Item
from engine.errors import InputError
from engine.items import read_items
from engine.plan import SANDBOX, PilotPlan
from engine.rows import renamed
from engine.sandbox import world
from engine.tasks import Task

SANDBOX_INPUTS = 300


def read_inputs(
    plan: PilotPlan, task: Task, seeds: Sequence[Item], test: Sequence[Item], warnings: list[str]
) -> tuple[Item, ...]:
    """The inputs that may be answered, in the file's order; empty where the plan names none.

    What is left out is counted in `warnings`. InputError where the file cannot be read, and where real
    questions are asked for and nothing is left.
    """
    part = plan.unlabelled
    if part.path is None:
        return ()
    if part.path == SANDBOX:
        name, found, repeats = "the sandbox's inputs", world.inputs(part.count or SANDBOX_INPUTS), 0
    else:
        name = Path(part.path).name
        names = {task.question_column: part.question_column} if part.question_column else {}
        try:
            found, repeats = read_items(Path(part.path), renamed(task.read_input, names))
        except InputError as error:
            raise InputError([f"unlabelled: {problem}" for problem in error.problems]) from error
    tested, labelled = ({_asked(item) for item in items} for items in (test, seeds))
    kept: dict[str, Item] = {}
    leak = known = 0
    for item in found:
        asked = _asked(item)
        if asked in tested:
            leak += 1
        elif asked in labelled:
            known += 1
        elif asked in kept:
            repeats += 1
        else:
            kept[asked] = item
    warnings += [
        f"{name}: {count} of {len(found)} unlabelled inputs {what}"
        for count, what in (
            (leak, "are test items and are left out, so that nothing tested is taught."),
            (known, "are seeds and are left out: they have their answers."),
        )
        if count
    ]
    if repeats:
        warnings.append(f"{name}: {repeats} rows repeat an earlier input and are left out.")
    if not kept:
        raise InputError(f"unlabelled: no input of {name} is left; each is a test item or a seed")
    return tuple(kept.values())[: part.count]


def _asked(item: Item) -> str:
    return " ".join(item.asked.split()).casefold()
