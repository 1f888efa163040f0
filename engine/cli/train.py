"""One LoRA run on a data set folder or a file: the whole data after a pilot, and the weights to take away."""

from __future__ import annotations

import argparse
import re
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.cli.frame import Commands, command, dumps, tell
from engine.domain import PAPER_RECIPE, Recipe
from engine.errors import InputError, SeedPilotError
from engine.machine_fit import fit, note, problem, this_machine
from engine.plan import SANDBOX_STUDENTS, PilotPlan, TrainingPlan
from engine.plan_faults import problems_of
from engine.recipe_sources import Origin, Sourced, as_lines, kept_settings, recipe_of, recipe_settings, replaced
from engine.runs import plan_of
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.settings import Settings
from engine.store import Store
from engine.student import StudentInfo, check_student
from engine.tasks import Task, load_task
from engine.training_rows import TrainingRows, read_training_rows

TOLD_EVERY_S = 15.0
"""A line of progress where nobody sees it change in place."""
SWITCHES = [one.name for one in fields(Recipe) if one.type == "bool"]
NUMBERS = {one.name: int if one.type == "int" else float for one in fields(Recipe) if one.name not in SWITCHES}


def add(commands: Commands) -> None:
    """Declares the command."""
    train = command(
        commands,
        "train",
        _train,
        "Trains one LoRA adapter on a data set. Killed, the same command goes on where it was.",
        "seedpilot train --data data/tickets --student Qwen/Qwen2.5-0.5B-Instruct --out trained --merged trained/whole",
    )
    train.add_argument(
        "--data",
        type=Path,
        required=True,
        help="a data set folder of `seedpilot generate`, or a file with messages, or prompt and completion",
    )
    train.add_argument("--student", help="a folder in hub layout, a hub id, or `sandbox` (default: the pilot's)")
    train.add_argument("--out", type=Path, required=True, help="folder for adapter, losses and checkpoint")
    train.add_argument("--task", help="reads rows of this task's own columns too, as a pilot does")
    train.add_argument("--pilot", metavar="RUN", help="takes student and settings from that run, its learning rate too")
    train.add_argument("--preset", choices=("default", "paper"), help="the recipe that single settings change")
    for name, kind in NUMBERS.items():
        train.add_argument(f"--{name.replace('_', '-')}", type=kind)
    for name in SWITCHES:
        train.add_argument(f"--{name.replace('_', '-')}", action="store_true", default=None)
    train.add_argument("--seed", type=int, default=1000, help="of the adapter and the order of rows (default: 1000)")
    train.add_argument(
        "--checkpoint-minutes", type=float, default=3.0, help="how much a kill may cost at most (default: 3)"
    )
    train.add_argument(
        "--merged", type=Path, metavar="FOLDER", help="writes the student with the adapter in its weights"
    )
    train.add_argument("--json", action="store_true", help="print one JSON object")


def _train(given: argparse.Namespace) -> int:
    from engine.exporting import merged_problems, to_gguf, write_merged
    from engine.single_run import Pace, SingleRun
    from engine.trainer import LocalTrainer
    from engine.trainer_processes import compute_with

    settings, rows, student = _asked(given)
    recipe = recipe_of(settings)
    info = check_student(student)
    run = SingleRun(info.path, rows, recipe, given.seed, given.out, settings)
    memory = _memory(info, recipe)
    problems = run.problems() + (merged_problems(given.merged) if given.merged else []) + memory.problems
    if problems:
        raise InputError(problems)
    tell(f"{len(rows.examples):,} examples, {recipe.steps(len(rows.examples)):,} steps at most; memory {memory.told}")
    if memory.note:
        tell(f"note: {memory.note}")
    threads = LocalTrainer(info.parameters).threads
    compute_with(threads)
    pace = Pace(min(recipe.batch_size, len(rows.examples)))
    line = _Line()
    try:
        told = run.run(
            60 * given.checkpoint_minutes,
            lambda done, total, loss: line.show(pace.line(done, total, loss, time.monotonic())),
        )
    except KeyboardInterrupt:
        line.end()
        raise SeedPilotError(
            "Stopped. The same command goes on from the last checkpoint, at most "
            f"{given.checkpoint_minutes:g} minutes back."
        ) from None
    finally:
        line.end()
    told |= {"merged": None, "threads": threads}
    if given.merged:
        write_merged(info.path, Path(told["adapter"]), given.merged)
        told["merged"] = str(given.merged)
    told["to_gguf"] = to_gguf(given.merged, Path(told["adapter"]), info.path)
    print(dumps(told) if given.json else _text(told))
    return 0


# --- what is asked ----------------------------------------------------------------------------------------


def _asked(given: argparse.Namespace) -> tuple[tuple[Sourced, ...], TrainingRows, str]:
    """Settings, rows and student; InputError with every problem of flags and rows at once."""
    problems: list[str] = []
    if not 0 < given.checkpoint_minutes < 7 * 24 * 60:
        problems.append(f"--checkpoint-minutes {given.checkpoint_minutes:g}: expected minutes above 0, like 3")
    plan, folder = _pilot(given.pilot, problems)
    student = given.student or (None if plan is None else plan.student)
    if student is None:
        if given.pilot is None:
            problems.append("--student: is missing; give a folder in hub layout, a hub id, or --pilot RUN")
    else:
        try:
            check_student(student)
        except SeedPilotError as error:
            problems.append(f"--student: {error}")
    settings = _settings(given, plan, folder, student, problems)
    task: Task | None = None
    rows = None
    try:
        task = None if given.task is None else load_task(given.task, given.data)
        rows = read_training_rows(given.data, task)
    except InputError as error:
        problems += error.problems
    if problems or rows is None or student is None:
        raise InputError(problems)
    return settings, rows, student


def _pilot(run_id: str | None, problems: list[str]) -> tuple[PilotPlan | None, Path | None]:
    if run_id is None:
        return None, None
    store = Store(Settings().store_path)
    try:
        return plan_of(store.run(run_id)), store.folder(run_id)
    except InputError as error:
        problems += [f"--pilot: {problem}" for problem in error.problems]
    return None, None


def _settings(
    given: argparse.Namespace,
    plan: PilotPlan | None,
    folder: Path | None,
    student: str | None,
    problems: list[str],
) -> tuple[Sourced, ...]:
    """The recipe's settings: those of the flags, else of the pilot, the preset, or recommended."""
    own = {name: value for name in (*NUMBERS, *SWITCHES) if (value := getattr(given, name)) is not None}
    try:
        TrainingPlan.model_validate(own)
    except ValidationError as error:
        flags = [problem.removeprefix("flag: ") for problem in problems_of(error, "flag")]
        problems += ["--" + f.partition(":")[0].replace("_", "-") + ":" + f.partition(":")[2] for f in flags]
        own = {}
    base = SANDBOX_RECIPE if student in SANDBOX_STUDENTS else Recipe()
    if given.preset == "paper":
        found = recipe_settings(PAPER_RECIPE, {}, Origin.PRESET, "paper: Chan et al. 2024")
    elif plan is not None and given.preset is None:
        found = _of_pilot(plan, folder, base)
    else:
        why = "of the sandbox's student" if student in SANDBOX_STUDENTS else ""
        found = recipe_settings(base, {}, Origin.DEFAULT, why)
    for name, value in own.items():
        found = replaced(found, Sourced(name, value, Origin.COMMAND))
    return found


def _of_pilot(plan: PilotPlan, folder: Path | None, base: Recipe) -> tuple[Sourced, ...]:
    """The settings that the pilot trained with, the learning rate that it chose among them."""
    names = {one.name for one in fields(Recipe)}
    kept = [one for one in (kept_settings(folder) if folder else ()) if one.name in names]
    if not kept:
        return recipe_settings(plan.recipe(base), {}, Origin.PILOT, "as its plan says")
    return tuple(replace(one, origin=Origin.PILOT, why=f"there: {one.origin.value}") for one in kept)


# --- whether it fits ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the training takes on this machine, in words."""

    told: str
    note: str
    problems: list[str]


def _memory(student: StudentInfo, recipe: Recipe) -> _Memory:
    if student.shape is None:
        return _Memory("unknown", "", [])
    # Nothing is asked here: a base in 4 bits need not fit whole.
    asked = (student.shape, recipe, student.context, None, this_machine())
    found, refused = fit(*asked), problem(student.name, *asked)
    return _Memory(
        found.told, _as_flags(note(found, recipe) or ""), [] if refused is None else [f"--{_as_flags(refused)}"]
    )


def _as_flags(said: str) -> str:
    """The settings of a plan as flags of this command."""

    def flag(found: re.Match[str]) -> str:
        name, value = found[1].replace("_", "-"), found[2]
        return f"--{name}" if value in (None, "true") else f"--{name} {value}"

    return re.sub(r"training\.(\w+)(?: = (\w+))?", flag, said)


# --- what is told -----------------------------------------------------------------------------------------


class _Line:
    """Progress on standard error: in place on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._at = 0.0
        self._open = False

    def show(self, said: str) -> None:
        if self._terminal:
            print(f"\r{said}\033[K", end="", file=sys.stderr, flush=True)
            self._open = True
        elif time.monotonic() - self._at > TOLD_EVERY_S:
            self._at = time.monotonic()
            tell(said)

    def end(self) -> None:
        if self._open:
            print(file=sys.stderr)
            self._open = False


def _text(told: dict[str, Any]) -> str:
    left = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in told["left_out"].items())
    lines = [
        f"{told['adapter']}: trained on {told['trained_on']:,} of {told['rows']:,} rows (left out: {left})",
        f"{told['steps']:,} steps, {told['train_seconds']:,.0f} s; loss a token at the end {told['final_loss']:.3f}",
    ]
    if told["merged"]:
        lines.append(f"{told['merged']}: the student with the adapter in its weights")
    lines += ["settings, and where each came from:"]
    lines += as_lines([Sourced(**one | {"origin": Origin(one["origin"])}) for one in told["settings"]])
    lines += ["for llama.cpp, Ollama or LM Studio (docs/training.md):", *(f"  {line}" for line in told["to_gguf"])]
    return "\n".join(lines)
