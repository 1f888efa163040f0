"""What is asked for one example of each strategy, word for word: the strategies' own code, with nobody to pay.

Where a question would be written first, the seed's own stands in for it, so that the second prompt can be shown.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from engine.domain import Item, Paid, Reply, Request, Strategy
from engine.plan import PLAIN
from engine.prepare import Prepared
from engine.strategies import Ask, Making, Visit, drafter
from engine.variants import making_of


@dataclass(frozen=True, slots=True)
class Prompt:
    """One query that a strategy would pay for."""

    strategy: Strategy
    writes: bool
    """Whether it asks the augmenter for a question, rather than the teacher for an answer."""
    request: Request
    stands_in: bool
    """Whether the seed's own question stands where a written one will."""


def prompts(prepared: Prepared) -> tuple[Prompt, ...]:
    """The queries of the first visit of each strategy of a plan, to its first seed or unlabelled input."""
    return asyncio.run(_prompts(prepared))


async def _prompts(prepared: Prepared) -> tuple[Prompt, ...]:
    found: list[Prompt] = []
    making = making_of(prepared.plan, PLAIN)
    for strategy in prepared.plan.grid.strategies:
        visited = prepared.visited(strategy, len(prepared.seeds))
        if not visited:
            continue
        # Several questions are asked for at once by new questions alone, as in a pool.
        own = replace(making, together=making.order(visited, together=strategy is Strategy.NEW_QUESTION).together)
        first = visited[0]
        listed = "\n".join(f"{place}. {first.question}" for place in range(1, own.together + 1))
        written = Reply(listed if own.together > 1 else first.question, "stop", None, None)
        found += await _asked(prepared, strategy, first, 0, written, own)
    return tuple(found)


async def _asked(
    prepared: Prepared, strategy: Strategy, seed: Item, visit: int, written: Reply, own: Making
) -> tuple[Prompt, ...]:
    asked: list[Prompt] = []
    ask, write = (_recording(asked, strategy, written, writes=writes) for writes in (False, True))
    shown = prepared.few_shot.shown(seed, visit // own.together)
    await drafter(strategy)(Visit(prepared.task, seed, visit, ask, write, shown, own))
    return tuple(asked)


def prompts_of(prepared: Prepared, strategy: Strategy, seed_id: str, visit: int, question: str) -> tuple[Prompt, ...]:
    """The queries behind one example of a plain pool, with the question that was written in its place; none where its
    seed is not among those of the plan any more."""
    visited = prepared.visited(strategy, len(prepared.seeds))
    seed = next((item for item in visited if item.id == seed_id), None)
    if seed is None:
        return ()
    making = making_of(prepared.plan, PLAIN)
    own = replace(making, together=making.order(visited, together=strategy is Strategy.NEW_QUESTION).together)
    listed = "\n".join(f"{place}. {question}" for place in range(1, own.together + 1))
    written = Reply(listed if own.together > 1 else question, "stop", None, None)
    return asyncio.run(_asked(prepared, strategy, seed, visit, written, own))


def first_visited(prepared: Prepared, strategy: Strategy) -> Item | None:
    """What those prompts are about."""
    return next(iter(prepared.visited(strategy, len(prepared.seeds))), None)


def _recording(asked: list[Prompt], strategy: Strategy, written: Reply, *, writes: bool) -> Ask:
    """Keeps what is asked; a question comes back as `written`, an answer as nothing, which ends the visit."""

    async def ask(request: Request) -> Paid:
        asked.append(Prompt(strategy, writes, request, any(one.writes for one in asked)))
        return Paid(written if writes else Reply("", "stop", None, None), 0)

    return ask
