"""From a plan to a pilot that can start: files read, student looked at, queries, cost and time counted.

Nothing is asked, nothing is paid. The page and the command line show what comes out before the start;
the worker prepares the same plan again and gets the same items and cells.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.comparison import detectable_difference
from engine.costs import Price, examples_for, queries_for, upper_bound_usd, usd_for, usd_per_query
from engine.domain import Baseline, Cell, Item, Recipe, Request, Strategy
from engine.errors import InputError, SeedPilotError
from engine.items import read_items
from engine.plan import FEWEST_SEEDS, FEWEST_TEST_ITEMS, SANDBOX, PilotPlan, SeedsPlan, TestPlan
from engine.rows import RowReader, renamed
from engine.sandbox import recipe as sandbox_recipe
from engine.sandbox import world
from engine.settings import Settings
from engine.strategies import answer_request
from engine.student import StudentInfo, check_student
from engine.tasks import Task, load_task
from engine.tasks.judge import LONGEST_JUDGED

SANDBOX_SEEDS = 100
SANDBOX_TEST_ITEMS = 300
RETRY_ALLOWANCE = 0.1
"""A ceiling that the user did not give leaves this share for queries that must be asked twice."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a pilot takes, before it starts."""

    queries: int
    """Teacher queries if none has to be asked twice."""
    ceiling_queries: int
    expected_usd: float | None
    """By the mean length of the seeds; None where the price is unknown."""
    upper_usd: float | None
    """A true bound: every query of the ceiling at the longest prompt and the longest reply, and what the
    ledger holds a run to where the user gave no ceiling in dollars."""
    seconds: float | None
    """A rough guess from the student's size; measured pace replaces it once a cell is done."""
    lower_usd: float | None
    """As if every prompt and every reply were as short as the shortest seed's."""
    price_source: str
    """Where the price comes from."""
    detectable_points: float
    """Smallest accuracy difference between two cells that the test items can show, in points."""


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

    task = attempt(lambda: load_task(plan.task, Path(plan.seeds.path)))
    student = attempt(lambda: check_student(plan.student))
    if plan.teacher.base_url and (refusal := Settings().refusal(plan.teacher.base_url)):
        problems.append(f"teacher.base_url: {refusal}")
    items = None if task is None else attempt(partial(_items, plan, task, warnings))
    if items is not None:
        problems += _size_problems(plan, *items)
    if problems or task is None or student is None or items is None:
        raise InputError(problems)
    seeds, test = items
    if plan.teacher.max_answer_tokens is not None:
        task = replace(task, max_answer_tokens=plan.teacher.max_answer_tokens)
    recipe = plan.recipe(sandbox_recipe.SANDBOX_RECIPE if plan.student == SANDBOX else Recipe())
    cells = plan.cells(len(seeds))
    quoted = plan.quote
    price = Price(quoted.input_usd, quoted.output_usd)
    needed = queries_needed(plan, len(seeds), len(test), judged=task.judge is not None)
    ceiling = plan.ceiling.queries or needed + round(RETRY_ALLOWANCE * needed) + 10
    if ceiling < needed:
        raise InputError(
            f"ceiling.queries: found {ceiling}, but the plan needs {needed} queries; raise the ceiling, or give "
            "smaller budgets, fewer strategies or fewer test.teacher_items"
        )
    estimate = Estimate(
        queries=needed,
        ceiling_queries=ceiling,
        expected_usd=usd_for(needed, usd_per_query(price, *_expected_tokens(task, seeds))),
        upper_usd=upper_bound_usd(ceiling, price, *_most_tokens(task, (*seeds, *test))),
        lower_usd=usd_for(needed, usd_per_query(price, *_fewest_tokens(task, seeds))),
        price_source=quoted.source,
        seconds=_seconds(plan, task, recipe, cells, seeds, test, student, needed),
        detectable_points=100 * detectable_difference(len(test)),
    )
    if plan.ceiling.usd is not None and estimate.expected_usd is not None:
        if estimate.expected_usd > plan.ceiling.usd:
            raise InputError(
                f"ceiling.usd: the plan is expected to cost ${estimate.expected_usd:.2f}, more than the ceiling of "
                f"${plan.ceiling.usd:.2f}; raise the ceiling, or give smaller budgets or fewer strategies"
            )
        if estimate.upper_usd is not None and estimate.upper_usd > plan.ceiling.usd:
            warnings.append(
                f"In the worst case the run would cost ${estimate.upper_usd:.2f}; it stops at the ceiling of "
                f"${plan.ceiling.usd:.2f} and keeps what it has."
            )
    if task.determined and Strategy.ANSWER_AUGMENTATION in plan.grid.strategies:
        warnings.append(
            "The question fixes its answer here, so answer augmentation can only repeat the seeds: "
            "expect nearly all of its examples to be left out as duplicates. Leave it out of grid.strategies, "
            'or have the reasoning trained too (rationale = "before" in the task file).'
        )
    return Prepared(plan, task, seeds, test, student, recipe, cells, price, estimate, tuple(warnings))


def queries_needed(plan: PilotPlan, seeds: int, test: int, *, judged: bool = False) -> int:
    """Distinct queries of the whole grid: smaller budgets and seed sets reuse what larger ones paid.

    Where a judge scores, each reply of each cell to a test item is a query too.
    """
    by_teacher = min(plan.test.teacher_items, test)
    total = by_teacher
    if judged:
        cells = [cell for cell in plan.cells(seeds) if cell.arm != Baseline.TEACHER]
        total += by_teacher + len(cells) * test
    for strategy in plan.grid.strategies:
        visits = examples_for(max(plan.grid.budgets), strategy)
        distinct = {(i % size, i // size) for size in (plan.grid.seed_sizes or (seeds,)) for i in range(visits)}
        total += queries_for(len(distinct), strategy)
    return total


def prompt_tokens_at_most(request: Request) -> int:
    """An upper bound of a prompt's length in tokens: tokenizers here never make more tokens than bytes;
    the addition covers what a chat template puts around each message."""
    return sum(len(m.content.encode()) + 16 for m in request.messages) + 16


def _items(plan: PilotPlan, task: Task, warnings: list[str]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    if plan.seeds.path == SANDBOX:
        return (
            world.seeds(plan.seeds.count or SANDBOX_SEEDS),
            world.test_items(plan.test.count or SANDBOX_TEST_ITEMS),
        )
    file = read_items(Path(plan.seeds.path), _reader(plan.seeds, task))
    if file.repeats:
        warnings.append(f"{Path(plan.seeds.path).name}: {file.repeats} rows repeat an earlier row and are left out.")
    seeds = file.items
    if plan.test.path is not None:
        test = read_items(Path(plan.test.path), _reader(plan.test, task)).items
        asked = {item.question for item in test}
        kept = tuple(seed for seed in seeds if seed.question not in asked)
        if len(kept) < len(seeds):
            warnings.append(f"{len(seeds) - len(kept)} seeds are test items too and are left out of the seeds.")
        seeds = kept
    else:
        seeds, test = _hold_out(seeds, plan.test.holdout or 0)
    return seeds[: plan.seeds.count], test[: plan.test.count]


def _reader(part: SeedsPlan | TestPlan, task: Task) -> RowReader:
    """The task's reader for a file that calls its columns otherwise."""
    names = {task.question_column: part.question_column, task.answer_column: part.answer_column}
    return renamed(task.read_row, {own: theirs for own, theirs in names.items() if theirs})


def _hold_out(items: Sequence[Item], count: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Splits off at least `count` test items, whole families at a time, by a fixed draw."""
    families = sorted({item.family or item.id for item in items})
    random.Random(0).shuffle(families)
    held: set[str] = set()
    sizes = {family: sum((item.family or item.id) == family for item in items) for family in families}
    taken = 0
    for family in families:
        if taken >= count:
            break
        held.add(family)
        taken += sizes[family]
    test = tuple(item for item in items if (item.family or item.id) in held)
    return tuple(item for item in items if (item.family or item.id) not in held), test


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


def _expected_tokens(task: Task, seeds: Sequence[Item]) -> tuple[float, float]:
    """Prompt and reply of a typical query, in tokens of about four bytes."""
    prompt = (
        sum(prompt_tokens_at_most(answer_request(task, s.question, 0, context=s.context)) for s in seeds)
        / len(seeds)
        / 4
    )
    answer = sum(len(s.answer.encode()) for s in seeds) / len(seeds) / 4
    return prompt, answer * 1.5  # teachers explain more than seeds do


def _fewest_tokens(task: Task, seeds: Sequence[Item]) -> tuple[float, float]:
    shortest = min(prompt_tokens_at_most(answer_request(task, s.question, 0, context=s.context)) for s in seeds) / 4
    return shortest, min(len(s.answer.encode()) for s in seeds) / 4


def _most_tokens(task: Task, seeds: Sequence[Item]) -> tuple[int, int]:
    longest = max(prompt_tokens_at_most(answer_request(task, s.question, 0, context=s.context)) for s in seeds)
    # A written question is answered too; it may be as long as it is allowed to be.
    context = max((s.context for s in seeds), key=len)
    written = prompt_tokens_at_most(answer_request(task, "", 0, context=context)) + 4 * task.max_question_tokens
    if task.judge is None:
        return max(longest, written), max(task.max_answer_tokens, task.max_question_tokens)
    asked = [task.judge.request(item, "") for item in seeds]
    judged = max(map(prompt_tokens_at_most, asked)) + 4 * LONGEST_JUDGED  # bytes in a character, at most
    most = max(task.max_answer_tokens, task.max_question_tokens, asked[0].max_tokens)
    return max(longest, written, judged), most


def _seconds(
    plan: PilotPlan,
    task: Task,
    recipe: Recipe,
    cells: Sequence[Cell],
    seeds: Sequence[Item],
    test: Sequence[Item],
    student: StudentInfo,
    queries: int,
) -> float | None:
    """Rough: 6 floating-point operations per parameter and token in training, 2 in answering, at an
    assumed pace of the machine; a floor per step for what a small model loses to overhead."""
    if student.parameters is None:
        return None
    gpu = shutil.which("nvidia-smi") is not None
    pace, step_floor = (4e13, 0.03) if gpu else (5e10, 0.012)
    tokens = sum(len(s.question) + len(s.answer) for s in seeds) / len(seeds) / 4
    total = 0.0
    for cell in cells:
        if cell.arm == Baseline.TEACHER:
            continue
        if cell.arm != Baseline.UNTUNED:
            generated = examples_for(cell.budget, cell.arm) if isinstance(cell.arm, Strategy) else 0
            steps = recipe.steps(cell.seeds + generated)
            total += steps * max(step_floor, 6 * student.parameters * tokens * recipe.batch_size / pace)
        total += max(2.0, len(test) * min(plan.max_new_tokens, tokens) * 2 * student.parameters / pace)
    workers = 1 if gpu else 2
    per_query = 0.004 if plan.teacher.kind == SANDBOX else 3.0 / plan.teacher.concurrency
    return total / workers + queries * per_query
