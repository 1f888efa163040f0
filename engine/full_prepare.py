"""A full run made concrete: files read, queries and money counted, the folder looked at. Nothing is asked or paid.

What it gives is a pilot's `Prepared` without cells, so that a full run asks and pays exactly as a pilot does, and finds
in the ledger what a pilot has bought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.costs import examples_for, queries_for
from engine.dataset_folder import problems_of
from engine.determined import RULED_OUT, not_applicable
from engine.domain import Item, Recipe, Strategy
from engine.errors import InputError, SeedPilotError
from engine.estimate import Estimate, Sources, estimate, price_of
from engine.exposure import refusals
from engine.hub_rows import local
from engine.inputs import read_inputs
from engine.items import read_items
from engine.machine_fit import note, problem, this_machine
from engine.mapping import mapped
from engine.plan import SANDBOX, FullPlan, PilotPlan
from engine.plan_task import task_of
from engine.prepare import SANDBOX_SEEDS, SANDBOX_TEST_ITEMS, Prepared
from engine.sandbox import recipe as sandbox_recipe
from engine.sandbox.catalogue import world_of
from engine.seed_files import Division, seeds_and_test
from engine.settings import Settings
from engine.student import StudentInfo, check_student, has_template
from engine.tasks import Task
from engine.trainer_configs import Training

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PreparedFull:
    """A full run that can start."""

    prepared: Prepared
    full: FullPlan
    visits: Mapping[Strategy, int]
    """By strategy: what its queries pay for."""
    verdicts: int
    """Queries to a judge at the end, one for each test item: none where nothing is trained or no judge scores."""
    tight: str | None = None
    """What of the training is tight on this machine; also among the warnings, and no news of the data set."""


def prepare_full(plan: PilotPlan) -> PreparedFull:
    """Everything that the full run needs; InputError with every problem of the plan's files and of the folder."""
    if plan.full is None:
        raise InputError("full: is missing; say what is spent on each strategy, and where the data set is written")
    full = plan.full
    problems: list[str] = problems_of(Path(full.folder))
    warnings: list[str] = []

    def attempt(action: Callable[[], _T]) -> _T | None:
        try:
            return action()
        except InputError as error:
            problems.extend(error.problems)
        except SeedPilotError as error:
            problems.append(str(error))
        return None

    task = attempt(lambda: task_of(plan))
    student = attempt(lambda: check_student(plan.student))
    problems += refusals(plan, Settings())
    if task is not None and not_applicable(task, full.spending):
        # Nothing is moved to other strategies unasked: what is spent on each is what a person typed.
        problems.append(f"full.spending: {RULED_OUT}")
    items = None if task is None else attempt(partial(_items, plan, task, warnings))
    seeds, test, division = items or ((), (), None)
    inputs = None if task is None else attempt(partial(read_inputs, plan, task, seeds, test, warnings))
    recipe = plan.recipe(sandbox_recipe.SANDBOX_RECIPE if plan.sandbox_student else Recipe())
    # The training comes after all queries are paid: what it cannot do here must be known before the first.
    if full.train and student is not None and student.shape is not None:
        tight = problem(student.name, student.shape, recipe, student.context, plan.max_new_tokens, this_machine())
        problems += [] if tight is None else [tight]
    if problems or task is None or student is None or items is None or inputs is None:
        raise InputError(problems)
    if plan.teacher.max_answer_tokens is not None:
        task = replace(task, max_answer_tokens=plan.teacher.max_answer_tokens)
    return _counted(plan, full, task, student, recipe, Sources(seeds, test, inputs), division, warnings)


def training_of(plan: PilotPlan, student: StudentInfo, recipe: Recipe) -> Training:
    """What the configs are made for; the sandbox's student stands for none of the user's own."""
    folder = Path(student.path)
    templated = not folder.is_dir() or has_template(folder)
    if not plan.sandbox_student:
        # A hub id stays one, also where this machine holds its files.
        named = Path(plan.student).expanduser()
        return Training(recipe, 1, str(named.resolve()) if named.is_dir() else plan.student, templated)
    if plan.seeds.path == SANDBOX:
        return Training(recipe, 1, student.path, templated)
    return Training(plan.recipe(Recipe()), 1)


def _counted(
    plan: PilotPlan,
    full: FullPlan,
    task: Task,
    student: StudentInfo,
    recipe: Recipe,
    sources: Sources,
    division: Division | None,
    warnings: list[str],
) -> PreparedFull:
    together = plan.prompts.questions_per_call
    visits = {s: examples_for(queries, s, together=together) for s, queries in full.spending.items()}
    inputs = len(sources.inputs)
    if visits.get(Strategy.REAL_QUESTION, 0) > inputs:
        warnings.append(
            f"There are {inputs} unlabelled inputs for {full.spending[Strategy.REAL_QUESTION]} queries: each is "
            f"answered once, so real questions end at {inputs} queries."
        )
        visits[Strategy.REAL_QUESTION] = inputs
    if not sources.test:
        warnings.append(
            "No test items are given, so nothing generated is compared with any; what you test on later should be "
            "given now (--test)."
        )
    verdicts = len(sources.test) if full.train and task.judge is not None else 0
    asked = sum(full.spending.values()) + verdicts
    # What a person types as queries is the most that is charged; a lost reply is asked again out of it.
    ceiling = plan.ceiling.queries or asked
    if ceiling < verdicts:
        raise InputError(
            f"ceiling.queries: found {ceiling:,}, but the judge alone takes {verdicts:,}, one for each test item; "
            f"raise it to {asked:,}"
        )
    plan = plan.model_copy(update={"ceiling": plan.ceiling.model_copy(update={"queries": ceiling})})
    estimated = _estimate(plan, task, sources, student, recipe, visits, verdicts)
    expected, most = estimated.expected_usd, plan.ceiling.usd
    if expected is not None and most is not None and expected > most:
        warnings.append(
            f"The queries are expected to cost ${expected:.2f}, more than the ceiling of ${most:.2f}: the run stops "
            "there and writes what it has."
        )
    tight = note(estimated.memory, recipe) if full.train and estimated.memory is not None else None
    warnings += [] if tight is None else [tight]
    prepared = Prepared(
        plan,
        task,
        sources.seeds,
        sources.test,
        student,
        recipe,
        (),
        price_of(plan),
        estimated,
        tuple(warnings),
        sources.inputs,
        division,
    )
    return PreparedFull(prepared, full, visits, verdicts, tight)


def _estimate(
    plan: PilotPlan,
    task: Task,
    sources: Sources,
    student: StudentInfo,
    recipe: Recipe,
    visits: Mapping[Strategy, int],
    verdicts: int,
) -> Estimate:
    """The strategies' estimates added up, each as a pilot would make it, and the verdicts; the ceiling is what was
    typed."""
    parts: list[Estimate] = []
    # A judge's longest prompt belongs to the bound where a judge is asked, and nowhere else.
    task = task if verdicts else replace(task, judge=None)
    for strategy, count in visits.items():
        queries = queries_for(count, strategy, together=plan.prompts.questions_per_call)
        one = plan.model_copy(
            update={
                "grid": plan.grid.model_copy(
                    update={"strategies": (strategy,), "budgets": (queries,), "seed_sizes": (), "replicates": 1}
                ),
                "test": plan.test.model_copy(update={"teacher_items": 0}),
            }
        )
        # No cell is measured here, so that what test items can show is of no interest.
        looked_at = replace(sources, test=sources.test or sources.seeds[:1])
        parts.append(estimate(one, task, looked_at, student, recipe, verdicts=0 if parts else verdicts))
    return replace(
        parts[0],
        queries=sum(part.queries for part in parts),
        expected_usd=_sum([part.expected_usd for part in parts]),
        lower_usd=_sum([part.lower_usd for part in parts]),
        seconds=None,
    )


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _items(
    plan: PilotPlan, task: Task, warnings: list[str]
) -> tuple[tuple[Item, ...], tuple[Item, ...], Division | None]:
    """Seeds, test items, and what became of the rows where test items are split off or have a file of their own."""
    if plan.seeds.path == SANDBOX:
        return (
            world_of(plan.seeds.world).seeds(plan.seeds.count or SANDBOX_SEEDS),
            world_of(plan.seeds.world).test_items(plan.test.count or SANDBOX_TEST_ITEMS),
            None,
        )
    if plan.test.path is not None or (plan.full is not None and plan.full.held_out):
        seeds, test, division, notes = seeds_and_test(plan, task)
        warnings += notes
        return seeds, test, division
    source = local(plan.seeds.path, plan.seeds.count)
    warnings += [source.note] if source.note else []
    file = read_items(source.path, mapped(task.read_row, task, plan.seeds.map, "seeds.map"))
    if file.repeats:
        warnings.append(f"{file.name}: {file.repeats} rows repeat an earlier one and are left out.")
    return file.items[: plan.seeds.count], (), None
