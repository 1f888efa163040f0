"""Answer augmentation: another worked answer to a seed question. One call per example."""

from __future__ import annotations

from engine.strategies.base import Draft, Visit, answered


async def draft(visit: Visit) -> Draft:
    """One more answer to the seed's question."""
    return await answered(visit, visit.seed.question)
