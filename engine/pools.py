"""What a pool keeps of each example beside its text: where it came from, how it was asked, what it cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, text

from engine.curation import Curated
from engine.domain import Example, Strategy
from engine.items import write_jsonl
from engine.plan import PLAIN
from engine.pool_report import pool_report, write_report
from engine.prepare import Prepared
from engine.store import Store
from engine.strategies import TEMPERATURE, Making, answer_request, instruction
from engine.variants import Pool, pool_of, visits_of

_AT_ONCE = 500
"""Rows of the ledger in one look."""


def write_pool(
    prepared: Prepared,
    run_id: str,
    store: Store,
    pool: Pool,
    curated: Curated,
    making: Making,
    asked: Callable[[Example], str],
    augmenter: str,
) -> None:
    """Writes a pool's examples and its figures by budget into the run's folder, and what became of its visits into the
    store."""
    strategy, size, variant = pool
    name = f"{strategy.value}{'' if variant == PLAIN else '-' + variant}-s{size}"
    folder = store.folder(run_id) / "pools" / name
    write_jsonl(folder / "examples.jsonl", example_rows(prepared, curated, store, asked, augmenter, making))
    plan = prepared.plan
    budgets = {cell.budget for cell in prepared.cells if pool_of(plan, cell) == pool}
    visits = {budget: visits_of(plan, strategy, budget, variant) for budget in budgets}
    rows = _queries(store, sorted({row for ids in curated.query_ids for row in ids}))
    seeds = prepared.visited(strategy, size)
    usd = {row: price for row, (_, price) in rows.items()}
    write_report(folder, pool_report(strategy, curated, seeds, visits, usd))
    store.record_pool(run_id, name, curated.counts, str(folder))


def example_rows(
    prepared: Prepared,
    pool: Curated,
    store: Store,
    asked: Callable[[Example], str],
    augmenter: str,
    making: Making,
) -> list[dict[str, Any]]:
    """The kept examples with their provenance, as they stand in the data set files; `asked` says what the student
    reads of one.

    Seed, strategy, visit and query ids are the example's own; `teacher` is whoever gave the answer. `augmenter` is
    null where no question was written, `prompts` the hash of everything that was said beside the item, `usd` the price
    of its queries (null where one is unknown).
    """
    examples = [example for example in pool.examples if example is not None]
    asked_of = _queries(store, sorted({row for example in examples for row in example.query_ids}))
    return [
        {
            "messages": [
                *(asdict(m) for m in prepared.task.student_prompt(asked(example))),
                {"role": "assistant", "content": example.answer},
            ],
            **asdict(example),
            "teacher": asked_of[example.query_ids[-1]][0],
            "augmenter": None if instruction(example.strategy, prepared.task) is None else augmenter,
            "prompts": prompts_hash(prepared, example.strategy, making.together),
            "sampling": {
                "temperature": TEMPERATURE,
                "max_answer_tokens": prepared.task.max_answer_tokens,
                "max_question_tokens": prepared.task.max_question_tokens,
                "votes": making.votes,
            },
            "usd": _sum([asked_of[row][1] for row in example.query_ids]),
        }
        for example in examples
    ]


def prompts_hash(prepared: Prepared, strategy: Strategy, together: int) -> str:
    """Names the prompts of a strategy: the instructions, the schema and the draw of examples, in 16 hex digits."""
    said = [
        [asdict(message) for message in answer_request(prepared.task, "", 0).messages],
        prepared.task.response_schema,
        instruction(strategy, prepared.task, together),
        prepared.plan.prompts.model_dump(),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def usd_of(store: Store, query_ids: Sequence[int]) -> float | None:
    """Price of those queries, each once; None where one is unknown."""
    return _sum([usd for _, usd in _queries(store, sorted(set(query_ids))).values()])


def _queries(store: Store, ids: Sequence[int]) -> dict[int, tuple[str, float | None]]:
    """Who was asked, and what it cost, by row of the ledger."""
    query = text("SELECT id, teacher, reply_usd FROM queries WHERE id IN :ids")
    query = query.bindparams(bindparam("ids", expanding=True))
    found: dict[int, tuple[str, float | None]] = {}
    with store.reading() as connection:
        for start in range(0, len(ids), _AT_ONCE):
            for row, who, usd in connection.execute(query, {"ids": list(ids[start : start + _AT_ONCE])}):
                found[row] = (who, usd)
    return found


def _sum(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
