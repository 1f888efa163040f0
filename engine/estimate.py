"""What a pilot takes before it starts: queries, money and time, counted from the plan and the texts it names."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from engine.comparison import detectable_difference
from engine.costs import Price, examples_for, queries_for, upper_bound_usd, usd_for, usd_per_query
from engine.domain import Baseline, Cell, Item, Recipe, Request, Strategy
from engine.plan import SANDBOX, PilotPlan
from engine.strategies import answer_request, instructions, question_request
from engine.student import StudentInfo
from engine.tasks import Task
from engine.tasks.judge import LONGEST_JUDGED

RETRY_ALLOWANCE = 0.1
"""A ceiling that the user did not give leaves this share for queries that must be asked twice."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What is asked about: seeds, test items, and the user's unlabelled inputs."""

    seeds: tuple[Item, ...]
    test: tuple[Item, ...]
    inputs: tuple[Item, ...] = ()


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


def estimate(plan: PilotPlan, task: Task, sources: Sources, student: StudentInfo, recipe: Recipe) -> Estimate:
    """What the plan takes with these items."""
    seeds, test, inputs = sources.seeds, sources.test, sources.inputs
    prices = price_of(plan), augmenter_price_of(plan) or price_of(plan)
    needed = queries_needed(plan, len(seeds), len(test), len(inputs), judged=task.judge is not None)
    ceiling = plan.ceiling.queries or needed + round(RETRY_ALLOWANCE * needed) + 10
    cells = plan.cells(len(seeds), len(inputs))
    written = written_queries(plan, len(seeds))
    most = _most_tokens(task, (*seeds, *test, *inputs), seeds, plan.prompts.few_shot)
    return Estimate(
        queries=needed,
        ceiling_queries=ceiling,
        expected_usd=_usd(needed, written, prices, _expected_tokens(task, seeds)),
        # Retries may fall on the dearer of the two, all of them.
        upper_usd=_dearest([upper_bound_usd(ceiling, price, *most) for price in prices]),
        lower_usd=_usd(needed, written, prices, _fewest_tokens(task, seeds)),
        price_source=plan.quote.source
        if plan.augmenter is None
        else f"{plan.quote.source}; augmenter: {plan.augmenter.quote().source}",
        seconds=_seconds(plan, task, recipe, cells, seeds, test, student, needed),
        detectable_points=100 * detectable_difference(len(test)),
    )


def price_of(plan: PilotPlan) -> Price:
    """What the plan's teacher charges."""
    return Price(plan.quote.input_usd, plan.quote.output_usd)


def augmenter_price_of(plan: PilotPlan) -> Price | None:
    """What the plan's augmenter charges; None where the teacher writes the questions."""
    if plan.augmenter is None:
        return None
    quoted = plan.augmenter.quote()
    return Price(quoted.input_usd, quoted.output_usd)


def written_queries(plan: PilotPlan, seeds: int) -> int:
    """How many of the needed queries write a question: those go to the augmenter."""
    writing = [s for s in plan.grid.strategies if s in (Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)]
    return sum(len(_distinct(plan, s, seeds, 0)) for s in writing)


def _distinct(plan: PilotPlan, strategy: Strategy, seeds: int, inputs: int) -> set[tuple[int, int]]:
    """Visits of a strategy as (seed, sample index), over all seed sizes."""
    visits = examples_for(plan.largest_budget(strategy, inputs), strategy)
    return {(i % size, i // size) for size in (plan.grid.seed_sizes or (seeds,)) for i in range(visits)}


def _usd(needed: int, written: int, prices: tuple[Price, Price], tokens: tuple[float, float]) -> float | None:
    """Queries like these, at the teacher's and the augmenter's prices."""
    parts = [
        usd_for(count, usd_per_query(price, *tokens))
        for count, price in zip((needed - written, written), prices, strict=True)
    ]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _dearest(bounds: Sequence[float | None]) -> float | None:
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def queries_needed(plan: PilotPlan, seeds: int, test: int, inputs: int = 0, *, judged: bool = False) -> int:
    """Distinct queries of the whole grid: smaller budgets and seed sets reuse what larger ones paid, and
    each of the `inputs` is answered once.

    Where a judge scores, each reply of each cell to a test item is a query too.
    """
    by_teacher = min(plan.test.teacher_items, test)
    total = by_teacher
    if judged:
        cells = [cell for cell in plan.cells(seeds, inputs) if cell.arm != Baseline.TEACHER]
        total += by_teacher + len(cells) * test
    for strategy in plan.grid.strategies:
        visits = examples_for(plan.largest_budget(strategy, inputs), strategy)
        if strategy is Strategy.REAL_QUESTION:
            total += queries_for(visits, strategy)  # the same inputs, however many seeds there are
            continue
        total += queries_for(len(_distinct(plan, strategy, seeds, inputs)), strategy)
    return total


def prompt_tokens_at_most(request: Request) -> int:
    """An upper bound of a prompt's length in tokens: tokenizers here never make more tokens than bytes;
    the addition covers what a chat template puts around each message."""
    return sum(len(m.content.encode()) + 16 for m in request.messages) + 16


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


def _most_tokens(task: Task, items: Sequence[Item], seeds: Sequence[Item], few_shot: int) -> tuple[int, int]:
    # No draw of examples is longer than the longest seeds.
    shown = sorted(seeds, key=lambda s: len((s.asked + s.answer).encode()))[len(seeds) - min(few_shot, len(seeds)) :]
    asked = [answer_request(task, s.question, 0, context=s.context, shown=shown) for s in items]
    # What the augmenter is told may be longer than what the teacher is told.
    asked += [question_request(task, told, s, 0, shown) for told in instructions(task) for s in items]
    longest = max(map(prompt_tokens_at_most, asked))
    # A written question is answered too; it may be as long as it is allowed to be.
    context = max((s.context for s in items), key=len)
    written = (
        prompt_tokens_at_most(answer_request(task, "", 0, context=context, shown=shown)) + 4 * task.max_question_tokens
    )
    if task.judge is None:
        return max(longest, written), max(task.max_answer_tokens, task.max_question_tokens)
    verdicts = [task.judge.request(item, "") for item in items]
    judged = max(map(prompt_tokens_at_most, verdicts)) + 4 * LONGEST_JUDGED  # bytes in a character, at most
    most = max(task.max_answer_tokens, task.max_question_tokens, verdicts[0].max_tokens)
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
