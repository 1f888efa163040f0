"""The user's unlabelled inputs: read, and freed from what is a test item or a seed.

A test item that the teacher answers for training would be taught; a seed's question has its answer already.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain import Item
from engine.errors import InputError
from engine.hub_rows import local
from engine.items import read_items
from engine.mapping import mapped
from engine.plan import SANDBOX, PilotPlan
from engine.sandbox.catalogue import world_of
from engine.seed_files import inputs_needed
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
    if part.keep_label_shares and task.label_of is None:
        raise InputError(
            f"unlabelled.keep_label_shares: the task {task.name} has no labels (its scorer is none of labels); leave "
            "the setting out"
        )
    if part.path == SANDBOX:
        found = world_of(plan.seeds.world).inputs(part.count or SANDBOX_INPUTS)
        name, repeats = "the sandbox's inputs", 0
    else:
        try:
            source = local(part.path, inputs_needed(plan))
            warnings += [source.note] if source.note else []
            # A mapping may be that of the seeds, and inputs have no answer to map.
            names = {name: column for name, column in part.map.items() if name not in _answers(task)}
            file = read_items(source.path, mapped(task.read_input, task, names, "map"))
        except InputError as error:
            raise InputError([f"unlabelled: {problem}" for problem in error.problems]) from error
        name, found, repeats = file.name, file.items, file.repeats
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


def _answers(task: Task) -> set[str]:
    parts = {part: task.columns[part] for part in ("answer", "tests", "entry_point") if part in task.columns}
    return {*parts, *parts.values()}


def _asked(item: Item) -> str:
    return " ".join(item.asked.split()).casefold()
