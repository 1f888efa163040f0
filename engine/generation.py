"""Generates one pool: visits to seeds in round-robin order, paid through the ledger, in bounded parallel.

Retries are ours and bounded: a rate limit waits as long as the endpoint asks, a lost reply is asked
again at its own reservation. What cannot be answered is a None in its place, never a gap.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from engine.domain import Item, Paid, Request, Strategy, Teacher
from engine.errors import (
    CeilingReachedError,
    OutcomeUnknownError,
    RateLimitedError,
    TeacherUnreachableError,
)
from engine.ledger import Ledger, query_key
from engine.strategies import Ask, Draft, drafter
from engine.tasks import Task

ATTEMPTS = 4
"""Attempts at one query before it is given up."""
RATE_LIMIT_ATTEMPTS = 30
"""A 429 costs nothing, so it is borne longer than a lost reply."""
LONGEST_WAIT_S = 30.0
MOST_FAILURES_IN_A_ROW = 12
"""So many visits given up without one success between them stop the run: the endpoint is not well."""


class Generator:
    """Asks one teacher on one run's account."""

    def __init__(self, teacher: Teacher, ledger: Ledger, *, concurrency: int, check: Callable[[], None]) -> None:
        self.teacher = teacher
        self.ledger = ledger
        self.concurrency = concurrency
        self.check = check
        """Raises where the user asked to pause or cancel; called between queries."""
        self._failures = 0

    def ask(self, strategy: str, seed_id: str) -> Ask:
        """How a strategy pays for its calls: with the ledger first, and bounded retries."""

        async def ask(request: Request) -> Paid:
            key = query_key(self.teacher.name, strategy, seed_id, request)
            limited, lost = 0, 0
            while True:
                self.check()
                try:
                    return await self.ledger.pay(
                        key,
                        request,
                        teacher=self.teacher.name,
                        strategy=strategy,
                        seed_id=seed_id,
                        send=self.teacher.ask,
                    )
                except RateLimitedError as error:
                    limited += 1
                    if limited >= RATE_LIMIT_ATTEMPTS:
                        raise
                    wait = error.retry_after if error.retry_after is not None else _backoff(limited)
                    await asyncio.sleep(min(wait, LONGEST_WAIT_S))
                except (OutcomeUnknownError, TeacherUnreachableError):
                    lost += 1
                    if lost >= ATTEMPTS:
                        raise
                    await asyncio.sleep(_backoff(lost))

        return ask

    async def pool(
        self,
        strategy: Strategy,
        task: Task,
        seeds: Sequence[Item],
        visits: int,
        on_visit: Callable[[], None],
    ) -> tuple[list[Draft | None], str]:
        """Drafts of the first `visits` visits, and why there are fewer (empty where there are not).

        A visit that failed for good is None. At the ceiling the pool ends with its last whole prefix.
        """
        draft = drafter(strategy)
        drafts: dict[int, Draft | None] = {}

        async def visit(index: int) -> None:
            seed = seeds[index % len(seeds)]
            drafts[index] = await draft(task, seed, index // len(seeds), self.ask(strategy.value, seed.id))

        why = await self._gather(visit, visits, lambda index: drafts.update({index: None}), on_visit)
        whole = next((i for i in range(visits) if i not in drafts), visits)
        return [drafts[i] for i in range(whole)], why

    async def replies(
        self, name: str, items: Sequence[Item], requests: Sequence[Request], on_visit: Callable[[], None]
    ) -> list[str | None]:
        """The teacher's replies to prepared requests, one per item; None where it failed for good."""
        texts: dict[int, str | None] = {}

        async def visit(index: int) -> None:
            paid = await self.ask(name, items[index].id)(requests[index])
            texts[index] = paid.reply.text

        await self._gather(visit, len(requests), lambda index: texts.update({index: None}), on_visit)
        return [texts.get(i) for i in range(len(requests))]

    async def _gather(
        self,
        visit: Callable[[int], Awaitable[None]],
        count: int,
        give_up: Callable[[int], None],
        on_visit: Callable[[], None],
    ) -> str:
        """Runs the visits in order of their index, `concurrency` at once; returns why it ended early."""
        indices = iter(range(count))
        stopped: list[Exception] = []

        async def work() -> None:
            for index in indices:
                if stopped:
                    return
                try:
                    await visit(index)
                    self._failures = 0
                except (OutcomeUnknownError, RateLimitedError) as error:
                    self._failures += 1
                    if self._failures >= MOST_FAILURES_IN_A_ROW:
                        stopped.append(error)
                        return
                    give_up(index)
                except Exception as error:
                    # Nobody is cancelled: what the others have sent is paid, so it is waited for.
                    stopped.append(error)
                    return
                on_visit()

        await asyncio.gather(*(work() for _ in range(min(self.concurrency, count))))
        if stopped and not isinstance(stopped[0], CeilingReachedError):
            raise stopped[0]
        return str(stopped[0]) if stopped else ""


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: doubling, with jitter so that parallel queries do not march in step."""
    return float(min(LONGEST_WAIT_S, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))
