"""Answer augmentation: another worked answer to a seed question. One call per example."""

from __future__ import annotations

from engine.strategies.answering import answered, with_the_seeds_answer
from engine.strategies.base import Draft, Visit


async def draft(visit: Visit) -> Draft:
    """One more answer to the seed's question; compared with the seed's where the variant asks for that."""
    made = await answered(visit, visit.seed.question)
    return await with_the_seeds_answer(visit, made, "wrong_by_verification") if visit.making.gold else made
