"""From a plan to a pilot that can start: files read, student looked at, queries, cost and time counted.

Nothing is asked, nothing is paid. The page and the command line show what comes out before the start;
the worker prepares the same plan again and gets the same items and cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from engine.costs import Price
from engine.determined import NOT_APPLICABLE, RULED_OUT, not_applicable
from engine.domain import Cell, Item, Recipe, Strategy
from engine.errors import InputError, SeedPilotError
from engine.estimate import Estimate, Sources, estimate, price_of, prompt_tokens_at_most, queries_needed
from engine.exposure import refusals
from engine.inputs import read_inputs
from engine.machine_fit import note, problem, this_machine
from engine.plan import FEWEST_SEEDS, FEWEST_TEST_ITEMS, SANDBOX, PilotPlan
from engine.plan_task import task_of
from engine.sandbox import recipe as sandbox_recipe
from engine.sandbox.catalogue import world_of
from engine.seed_files import Division, seeds_and_test
from engine.settings import Settings
from engine.shrinking import told, ways
from engine.strategies import FewShot
from engine.student import StudentInfo, check_student
from engine.tasks import Task
from engine.variants import grid_of, queries_for_a_second_pool, visits_of

__all__ = ["Estimate", "Prepared", "prepare", "prompt_tokens_at_most", "queries_needed"]

SANDBOX_SEEDS = 100
SANDBOX_TEST_ITEMS = 300

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with everything that it names."""

    plan: PilotPlan
    task: Task
    seeds: tuple[Item, ...]
    test: tuple[Item, ...]
    student: StudentInfo
    recipe: Recipe
    cells: tuple[Cell, ...]
    price: Price
    estimate: Estimate
    warnings: tuple[str, ...]
    inputs: tuple[Item, ...] = ()
    """The user's unlabelled inputs, none of them a test item or a seed."""
    division: Division | None = None
    """What became of the rows of the user's files; None in the sandbox, which brings its own test items."""

    def visited(self, strategy: Strategy, seeds: int) -> tuple[Item, ...]:
        """What a strategy goes round: the first so many seeds, or the inputs."""
        return self.inputs if strategy is Strategy.REAL_QUESTION else self.seeds[:seeds]

    def visits(self, strategy: Strategy) -> int:
        """Visits of a strategy's largest plain cell."""
        return visits_of(self.plan, strategy, self.plan.largest_budget(strategy, len(self.inputs)))

    @property
    def few_shot(self) -> FewShot:
        """The seeds that prompts show: drawn from those that every cell has."""
        prompts = self.plan.prompts
        fewest = min(self.plan.grid.seed_sizes, default=len(self.seeds))
        return FewShot(self.seeds[:fewest], prompts.few_shot, prompts.few_shot_draw)


def prepare(plan: PilotPlan) -> Prepared:
    """Everything that the pilot needs; InputError with every problem that the plan's files have."""
    problems: list[str] = []
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
    if plan.judge is not None and task is not None and task.judge is None:
        problems.append(
            f"judge: found {plan.judge!r}, but the task {task.name!r} is scored without a judge; leave it out, or give "
            'the task a scorer of kind = "judge"'
        )
    problems += refusals(plan, Settings())
    if task is not None:
        plan = attempt(partial(_applicable, plan, task, warnings)) or plan
    items = None if task is None else attempt(partial(_items, plan, task, warnings))
    if items is not None:
        problems += _size_problems(plan, *items[:2])
    # Also where the seeds cannot be read: a file that is missing or broken is told with the others.
    seeds, test, division = items or ((), (), None)
    inputs = None if task is None else attempt(partial(read_inputs, plan, task, seeds, test, warnings))
    recipe = plan.recipe(sandbox_recipe.SANDBOX_RECIPE if plan.sandbox_student else Recipe())
    if student is not None and student.shape is not None:
        tight = problem(student.name, student.shape, recipe, student.context, plan.max_new_tokens, this_machine())
        problems += [] if tight is None else [tight]
    if problems or task is None or student is None or inputs is None:
        raise InputError(problems)
    if plan.teacher.max_answer_tokens is not None:
        task = replace(task, max_answer_tokens=plan.teacher.max_answer_tokens)
    cells = grid_of(plan, len(seeds), len(inputs))
    estimated = estimate(plan, task, Sources(seeds, test, inputs), student, recipe)

    def shrunk() -> str:
        return told(ways(plan, lambda one: estimate(one, task, Sources(seeds, test, inputs), student, recipe)))

    if estimated.ceiling_queries < estimated.queries:
        raise InputError(
            f"ceiling.queries: found {estimated.ceiling_queries:,}, but the plan needs {estimated.queries:,} queries; "
            f"{shrunk()}"
        )
    if plan.ceiling.usd is not None and estimated.expected_usd is not None:
        if estimated.expected_usd > plan.ceiling.usd:
            raise InputError(
                f"ceiling.usd: the plan is expected to cost ${estimated.expected_usd:.2f}, more than the ceiling of "
                f"${plan.ceiling.usd:.2f}; {shrunk()}"
            )
        if estimated.upper_usd is not None and estimated.upper_usd > plan.ceiling.usd:
            warnings.append(
                f"In the worst case the run would cost ${estimated.upper_usd:.2f}; it stops at the ceiling of "
                f"${plan.ceiling.usd:.2f} and keeps what it has."
            )
    if estimated.memory is not None and (said := note(estimated.memory, recipe)):
        warnings.append(said)
    largest = max(plan.grid.budgets)
    if Strategy.REAL_QUESTION in plan.grid.strategies and len(inputs) < largest:
        warnings.append(
            f"There are {len(inputs)} unlabelled inputs for budgets of up to {largest} queries: each is answered once, "
            f"so the cells of real questions end at {len(inputs)} queries."
        )
    if (wanted := queries_for_a_second_pool(plan, cells, len(seeds))) is not None:
        warnings.append(
            "How much a strategy's data would vary if they were made again is assumed here, not measured: no budget "
            f"pays for a second pool of the smallest one. A largest budget of {wanted:,} queries would."
        )
    if task.judge is not None and any(variant.guided for variant in plan.variants):
        raise InputError("variants: guided asks which seeds the student gets wrong, which only a judge can say here")
    return Prepared(
        plan, task, seeds, test, student, recipe, cells, price_of(plan), estimated, tuple(warnings), inputs, division
    )


def _applicable(plan: PilotPlan, task: Task, warnings: list[str]) -> PilotPlan:
    """The plan without the strategies that its task rules out."""
    ruled_out = not_applicable(task, plan.grid.strategies)
    if not ruled_out:
        return plan
    left = tuple(strategy for strategy in plan.grid.strategies if strategy not in ruled_out)
    if not left:
        raise InputError(f"grid.strategies: {RULED_OUT}")
    warnings.append(NOT_APPLICABLE)
    if idle := [variant.name for variant in plan.variants if variant.of(plan.grid.strategies) and not variant.of(left)]:
        warnings.append(f"With it go the variants that change nothing else: {', '.join(idle)}.")
    return plan.model_copy(update={"grid": plan.grid.model_copy(update={"strategies": left})})


def _items(
    plan: PilotPlan, task: Task, warnings: list[str]
) -> tuple[tuple[Item, ...], tuple[Item, ...], Division | None]:
    if plan.seeds.path == SANDBOX:
        return (
            world_of(plan.seeds.world).seeds(plan.seeds.count or SANDBOX_SEEDS),
            world_of(plan.seeds.world).test_items(plan.test.count or SANDBOX_TEST_ITEMS),
            None,
        )
    seeds, test, division, notes = seeds_and_test(plan, task)
    warnings += notes
    return seeds, test, division


def _size_problems(plan: PilotPlan, seeds: Sequence[Item], test: Sequence[Item]) -> list[str]:
    problems = []
    if len(seeds) < FEWEST_SEEDS:
        problems.append(
            f"seeds: found {len(seeds)}, expected at least {FEWEST_SEEDS}; with fewer, label more examples first"
        )
    if len(test) < FEWEST_TEST_ITEMS:
        problems.append(
            f"test items: found {len(test)}, expected at least {FEWEST_TEST_ITEMS}; fewer cannot tell strategies apart"
        )
    problems += [
        f"grid.seed_sizes: found {size}, but there are {len(seeds)} seeds"
        for size in plan.grid.seed_sizes
        if size > len(seeds)
    ]
    return problems
