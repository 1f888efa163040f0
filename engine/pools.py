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
from engine.prepare import Prepared
from engine.store import Store
from engine.strategies import TEMPERATURE, answer_request, instruction

_AT_ONCE = 500
"""Rows of the ledger in one look."""


def example_rows(
    prepared: Prepared,
    pool: Curated,
    store: Store,
    asked: Callable[[Example], str],
    teacher: str,
    augmenter: str,
) -> list[dict[str, Any]]:
    """The kept examples with their provenance, as they stand in the data set files; `asked` says what the student
    reads of one.

    Seed, strategy, visit and query ids are the example's own. `augmenter` is null where no question was written,
    `prompts` the hash of everything that was said beside the item, `usd` the price of its queries (null where
    one is unknown).
    """
    examples = [example for example in pool.examples if example is not None]
    prices = _prices(store, sorted({row for example in examples for row in example.query_ids}))
    return [
        {
            "messages": [
                *(asdict(m) for m in prepared.task.student_prompt(asked(example))),
                {"role": "assistant", "content": example.answer},
            ],
            **asdict(example),
            "teacher": teacher,
            "augmenter": None if instruction(example.strategy, prepared.task) is None else augmenter,
            "prompts": prompts_hash(prepared, example.strategy),
            "sampling": {
                "temperature": TEMPERATURE,
                "max_answer_tokens": prepared.task.max_answer_tokens,
                "max_question_tokens": prepared.task.max_question_tokens,
            },
            "usd": _sum([prices.get(row) for row in example.query_ids]),
        }
        for example in examples
    ]


def prompts_hash(prepared: Prepared, strategy: Strategy) -> str:
    """Names the prompts of a strategy: the instructions, the schema and the draw of examples, in 16 hex digits."""
    said = [
        [asdict(message) for message in answer_request(prepared.task, "", 0).messages],
        prepared.task.response_schema,
        instruction(strategy, prepared.task),
        prepared.plan.prompts.model_dump(),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _prices(store: Store, ids: Sequence[int]) -> dict[int, float | None]:
    query = text("SELECT id, reply_usd FROM queries WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
    found: dict[int, float | None] = {}
    with store.reading() as connection:
        for start in range(0, len(ids), _AT_ONCE):
            for row, usd in connection.execute(query, {"ids": list(ids[start : start + _AT_ONCE])}):
                found[row] = usd
    return found


def _sum(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
