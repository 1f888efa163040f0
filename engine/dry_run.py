"""A dry run: two visits of each strategy before a pilot, for the time and the money that all of them will take.

What it asks is paid on its own run's account, and the pilot finds the replies in the ledger: nothing is
bought for the measurement alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.domain import Item, Strategy
from engine.generation import Generator
from engine.query_pace import Measured, measured
from engine.strategies import Making
from engine.tasks import Task

VISITS = 2
"""Of each strategy."""


async def dry_run(
    generator: Generator, task: Task, visited: Mapping[Strategy, Sequence[Item]], making: Making
) -> Measured | None:
    """Asks the first visits of each strategy to what it goes round; None where not one query was answered."""
    for strategy, items in visited.items():
        await generator.pool(strategy, task, items, min(VISITS, len(items)), lambda: None, making)
    return measured(generator.ledger.store, generator.ledger.run_id)
