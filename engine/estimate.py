"""What a pilot takes before it starts: queries, money and time, counted from the plan and the texts it names."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.comparison import detectable_difference
from engine.costs import Price, upper_bound_usd, usd_for, usd_per_query
from engine.domain import UNTRAINED, Baseline, Cell, Item, Recipe, Request, Strategy
from engine.machine_fit import Fit, fit, this_machine
from engine.plan import SANDBOX, TEACHER, ModelPlan, PilotPlan
from engine.query_pace import Measured
from engine.run_noise import POOL_SD, SEED_SD
from engine.strategies import answer_request, instructions, question_request
from engine.student import StudentInfo
from engine.tasks import Task
from engine.tasks.judge import LONGEST_JUDGED
from engine.variants import AUGMENTER, asked, grid_of, visits_of

HALF = 0.25
"""Points of accuracy that a step on the logit scale moves, where half the items are right: the most it can."""
RETRY_ALLOWANCE = 0.1
"""A ceiling that the user did not give leaves this share for queries that must be asked twice."""
SECONDS_A_QUERY = 3.0
"""Assumed of a teacher that was not asked yet."""
VERDICT_TOKENS, SHORTEST_VERDICT_TOKENS = 60, 15
"""A verdict is a sentence and a number in a JSON object: assumed lengths, for the expected and the lower cost."""


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
    """Smallest true difference between two strategies that such a pilot finds four times in five, in points: test
    items, training seeds and data made again take part, the last two by the guesses that advice starts from."""
    detectable_items_points: float
    """The same with the noise of the test items alone: between these very adapters."""
    memory: Fit | None
    """What the student takes on this machine; None where its config says no shape (or is on the hub only)."""


def estimate(
    plan: PilotPlan,
    task: Task,
    sources: Sources,
    student: StudentInfo,
    recipe: Recipe,
    verdicts: int | None = None,
) -> Estimate:
    """What the plan takes with these items; `verdicts` of a judge are counted from its cells where none are given."""
    seeds, test, inputs = sources.seeds, sources.test, sources.inputs
    prices = prices_of(plan)
    queries = queries_by_model(plan, len(seeds), len(test), len(inputs))
    if verdicts is None:
        verdicts = 0 if task.judge is None else verdicts_needed(plan, len(seeds), len(test), len(inputs))
    needed = queries.total() + verdicts
    ceiling = plan.ceiling.queries or needed + round(RETRY_ALLOWANCE * needed) + 10
    cells = grid_of(plan, len(seeds), len(inputs))
    # Prompts for the teacher's own test items show no examples.
    examples = plan.prompts.few_shot * (1 - min(plan.test.teacher_items, len(test)) / max(1, queries.total()))
    tokens = _expected_tokens(task, seeds, examples)
    most = _most_tokens(task, (*seeds, *test, *inputs), seeds, plan)
    return Estimate(
        queries=needed,
        ceiling_queries=ceiling,
        expected_usd=_sum(
            _usd(queries, prices, tokens),
            _usd_of_verdicts(verdicts, prices[plan.judge or TEACHER], task, seeds, mean=True),
        ),
        # Retries may fall on the dearest of them, all of them.
        upper_usd=_dearest([upper_bound_usd(ceiling, price, *most) for price in prices.values()]),
        lower_usd=_sum(
            _usd(queries, prices, _fewest_tokens(task, seeds, examples)),
            _usd_of_verdicts(verdicts, prices[plan.judge or TEACHER], task, seeds, mean=False),
        ),
        price_source="; ".join(
            [plan.quote.source, *(f"{who}: {m.quote().source}" for who, m in _others(plan).items())]
        ),
        seconds=_seconds(plan, recipe, cells, seeds, test, student, Measured(needed, SECONDS_A_QUERY, *tokens)),
        detectable_points=100
        * detectable_difference(len(test), runs=plan.grid.replicates, seed_sd=SEED_SD * HALF, pool_sd=POOL_SD * HALF),
        detectable_items_points=100 * detectable_difference(len(test)),
        memory=None
        if student.shape is None
        else fit(student.shape, recipe, student.context, plan.max_new_tokens, this_machine()),
    )


def price_of(plan: PilotPlan) -> Price:
    """What the plan's teacher charges."""
    return Price(plan.quote.input_usd, plan.quote.output_usd)


def prices_of(plan: PilotPlan) -> dict[str, Price]:
    """What each model of the plan charges: `teacher`, `augmenter` where there is one, and further teachers by name."""
    quoted = {who: model.quote() for who, model in _others(plan).items()}
    return {TEACHER: price_of(plan)} | {who: Price(q.input_usd, q.output_usd) for who, q in quoted.items()}


def _others(plan: PilotPlan) -> dict[str, ModelPlan]:
    """Whoever is asked beside the plan's teacher."""
    return dict(plan.teachers) if plan.augmenter is None else {AUGMENTER: plan.augmenter, **plan.teachers}


def _usd(queries: Counter[str], prices: Mapping[str, Price], tokens: tuple[float, float]) -> float | None:
    """Queries like these, each at the price of who is asked."""
    parts = [usd_for(count, usd_per_query(prices[who], *tokens)) for who, count in queries.items()]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _usd_of_verdicts(count: int, price: Price, task: Task, seeds: Sequence[Item], *, mean: bool) -> float | None:
    """Verdicts on replies as long as the seeds' answers (`mean`), or as the shortest, at the judge's price."""
    if task.judge is None or not count:
        return 0.0
    prompts = [prompt_tokens_at_most(task.judge.request(seed, seed.answer)) / 4 for seed in seeds]
    read = sum(prompts) / len(prompts) if mean else min(prompts)
    return usd_for(count, usd_per_query(price, read, VERDICT_TOKENS if mean else SHORTEST_VERDICT_TOKENS))


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _dearest(bounds: Sequence[float | None]) -> float | None:
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) else None


def queries_by_model(plan: PilotPlan, seeds: int, test: int, inputs: int = 0) -> Counter[str]:
    """Distinct queries of the whole grid by who is asked, verdicts aside: smaller budgets, seed sets and variants
    reuse what larger ones paid, and each of the `inputs` is answered once."""
    queries = asked(plan, seeds, inputs)
    queries[TEACHER] += min(plan.test.teacher_items, test)
    return queries


def verdicts_needed(plan: PilotPlan, seeds: int, test: int, inputs: int = 0) -> int:
    """Queries to a judge, where one scores: each reply of each cell to a test item is one, the teacher's too."""
    cells = [cell for cell in grid_of(plan, seeds, inputs) if cell.arm != Baseline.TEACHER]
    return min(plan.test.teacher_items, test) + len(cells) * test


def queries_needed(plan: PilotPlan, seeds: int, test: int, inputs: int = 0, *, judged: bool = False) -> int:
    """All of these queries, whoever is asked."""
    verdicts = verdicts_needed(plan, seeds, test, inputs) if judged else 0
    return queries_by_model(plan, seeds, test, inputs).total() + verdicts


def prompt_tokens_at_most(request: Request) -> int:
    """An upper bound of a prompt's length in tokens: tokenizers here never make more tokens than bytes;
    the addition covers what a chat template puts around each message."""
    return sum(len(m.content.encode()) + 16 for m in request.messages) + 16


def _expected_tokens(task: Task, seeds: Sequence[Item], examples: float) -> tuple[float, float]:
    """Prompt and reply of a typical query, in tokens of about four bytes; `examples` are shown in a prompt, on average:
    drawn anew for each, over many prompts they are as long as the seeds' mean."""
    shown = examples * sum(map(_shown_bytes, seeds)) / len(seeds)
    prompts = [prompt_tokens_at_most(answer_request(task, s.question, 0, context=s.context)) for s in seeds]
    prompt = (sum(prompts) / len(seeds) + shown) / 4
    answer = sum(len(s.answer.encode()) for s in seeds) / len(seeds) / 4
    return prompt, answer * 1.5  # teachers explain more than seeds do


def _fewest_tokens(task: Task, seeds: Sequence[Item], examples: float) -> tuple[float, float]:
    shown = examples * min(map(_shown_bytes, seeds))
    shortest = min(prompt_tokens_at_most(answer_request(task, s.question, 0, context=s.context)) for s in seeds)
    return (shortest + shown) / 4, min(len(s.answer.encode()) for s in seeds) / 4


def _shown_bytes(seed: Item) -> int:
    """What a seed adds to a prompt that shows it."""
    return len((seed.asked + seed.answer).encode())


def _most_tokens(task: Task, items: Sequence[Item], seeds: Sequence[Item], plan: PilotPlan) -> tuple[int, int]:
    few_shot = plan.prompts.few_shot
    together = max([plan.prompts.questions_per_call, *(v.questions_per_call or 1 for v in plan.variants)])
    # No draw of examples is longer than the longest seeds.
    shown = sorted(seeds, key=_shown_bytes)[len(seeds) - min(few_shot, len(seeds)) :]
    prompts = [answer_request(task, s.question, 0, context=s.context, shown=shown) for s in items]
    # What the augmenter is told may be longer than what the teacher is told.
    prompts += [question_request(task, told, s, 0, shown) for told in instructions(task, together) for s in items]
    longest = max(map(prompt_tokens_at_most, prompts))
    # A written question is answered too; it may be as long as it is allowed to be.
    context = max((s.context for s in items), key=len)
    written = (
        prompt_tokens_at_most(answer_request(task, "", 0, context=context, shown=shown)) + 4 * task.max_question_tokens
    )
    if task.judge is None:
        return max(longest, written), max(task.max_answer_tokens, together * task.max_question_tokens)
    verdicts = [task.judge.request(item, "") for item in items]
    judged = max(map(prompt_tokens_at_most, verdicts)) + 4 * LONGEST_JUDGED  # bytes in a character, at most
    most = max(task.max_answer_tokens, together * task.max_question_tokens, verdicts[0].max_tokens)
    return max(longest, written, judged), most


def _seconds(
    plan: PilotPlan,
    recipe: Recipe,
    cells: Sequence[Cell],
    seeds: Sequence[Item],
    test: Sequence[Item],
    student: StudentInfo,
    queries: Measured,
) -> float | None:
    """Rough: 6 floating-point operations per parameter and token in training, 2 in answering, at an
    assumed pace of the machine; a floor per step for what a small model loses to overhead; queries as many at once
    and a minute as the teacher's limits allow. None where the student's size is not known, and where replies come in
    batches, when the endpoint likes."""
    if student.parameters is None or plan.teacher.batch:
        return None
    gpu = shutil.which("nvidia-smi") is not None
    pace, step_floor = (4e13, 0.03) if gpu else (5e10, 0.012)
    tokens = sum(len(s.question) + len(s.answer) for s in seeds) / len(seeds) / 4
    total = 0.0
    for cell in cells:
        if cell.arm == Baseline.TEACHER:
            continue
        if cell.arm not in UNTRAINED:
            generated = visits_of(plan, cell.arm, cell.budget, cell.variant) if isinstance(cell.arm, Strategy) else 0
            steps = recipe.steps(cell.seeds + generated)
            total += steps * max(step_floor, 6 * student.parameters * tokens * recipe.batch_size / pace)
        total += max(2.0, len(test) * min(plan.max_new_tokens, tokens) * 2 * student.parameters / pace)
    workers = 1 if gpu else 2
    asking = 0.004 * queries.queries if plan.teacher.kind == SANDBOX else queries.time_s(queries.queries, plan.teacher)
    return total / workers + asking
