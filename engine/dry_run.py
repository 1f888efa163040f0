"""A dry run: two visits of each strategy before a pilot, for the time and the money that all of them will take, and
for a look at what the teacher writes.

What it asks is paid on its own run's account, and the pilot finds the replies in the ledger: nothing is
bought for the measurement alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain import Item, Strategy
from engine.generation import Generator
from engine.items import write_jsonl
from engine.query_pace import Measured, measured
from engine.strategies import Draft, Making
from engine.tasks import Task
from engine.written import WRITTEN

VISITS = 2
"""Of each strategy."""


async def dry_run(
    generator: Generator, task: Task, visited: Mapping[Strategy, Sequence[Item]], making: Making
) -> Measured | None:
    """Asks the first visits of each strategy to what it goes round, and keeps what was written; None where not one
    query was answered."""
    store, run_id = generator.ledger.store, generator.ledger.run_id
    written: list[dict[str, Any]] = []
    for strategy, items in visited.items():
        drafts, _ = await generator.pool(strategy, task, items, min(VISITS, len(items)), lambda: None, making)
        from_ = {item.id: item.asked for item in items}
        written += [_row(strategy, draft, from_) for draft in drafts if draft is not None]
        write_jsonl(store.folder(run_id) / WRITTEN, written)
    return measured(store, run_id)


def _row(strategy: Strategy, draft: Draft, from_: Mapping[str, str]) -> dict[str, Any]:
    return {
        "strategy": strategy.value,
        "seed": from_.get(draft.seed_id, ""),
        "question": draft.question,
        "answer": draft.answer,
        "rejected": draft.rejected,
    }
