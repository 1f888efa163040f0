"""Generates one pool: visits to seeds in round-robin order, paid through the ledger, in bounded parallel.

Retries are ours and bounded: a rate limit waits as long as the endpoint asks (that request alone, the
others go on), a lost reply is asked again at its own reservation. What cannot be answered is a None in
its place, never a gap. Drafts come out one by one, in order: a pool need not fit into memory.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.domain import Item, Paid, Request, Strategy, Teacher
from engine.errors import OutcomeUnknownError, RateLimitedError, TeacherUnreachableError
from engine.in_order import InOrder
from engine.ledger import Ledger, query_key
from engine.pacing import Pace
from engine.strategies import NO_EXAMPLES, PLAIN, Ask, Draft, FewShot, Making, Visit, dealt, drafter
from engine.tasks import Task
from engine.teachers.reasoning import without_reasoning

ATTEMPTS = 4
"""Attempts at one query before it is given up."""
RATE_LIMIT_ATTEMPTS = 30
"""A 429 costs nothing, so it is borne longer than a lost reply."""
AWAY_S = 120.0
"""An endpoint that answered before and takes no connections now may be starting anew: nothing is sent and nothing paid,
so it is borne for so long. One that never answered is most likely a wrong address."""
LONGEST_BACKOFF_S = 30.0
MOST_FAILURES_IN_A_ROW = 12
"""So many visits given up without one success between them stop the run: the endpoint is not well."""


class Generator:
    """Asks one teacher on one run's account."""

    def __init__(
        self,
        teacher: Teacher,
        ledger: Ledger,
        *,
        concurrency: int,
        check: Callable[[], None],
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        keep_reasoning: bool = False,
        augmenter: Generator | None = None,
        others: Mapping[str, Generator] | None = None,
        few_shot: FewShot = NO_EXAMPLES,
    ) -> None:
        """`check` raises where the user asked to pause or cancel; it is called between queries.

        The ledger keeps replies as they came; `keep_reasoning` says whether strategies see the reasoning in
        them, and changing it asks nothing anew. `augmenter` asks whoever writes questions, at its own pace and
        price on the same run's account; None: the teacher does. `others` are further teachers by the names that a
        variant's shares use, each at its own pace and price.
        """
        self.teacher = teacher
        self.ledger = ledger
        self.concurrency = concurrency
        self.check = check
        self.pace = Pace(
            concurrency,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            sleep=self._wait,
        )
        self.keep_reasoning = keep_reasoning
        self.augmenter = augmenter or self
        self.others = others or {}
        self.few_shot = few_shot
        self._failures = 0
        self._asking: dict[str, asyncio.Future[Paid]] = {}
        """Queries on their way, by key: visits that share one wait for the same reply."""

    def ask(self, strategy: str, seed_id: str) -> Ask:
        """How a strategy pays for its calls: with the ledger first, and bounded retries."""

        async def ask(request: Request) -> Paid:
            key = query_key(self.teacher.name, strategy, seed_id, request)
            paid = self.ledger.received(key) or await self._once(key, request, strategy, seed_id)
            shown = paid.reply.text if self.keep_reasoning else without_reasoning(paid.reply.text)
            return paid if shown == paid.reply.text else replace(paid, reply=replace(paid.reply, text=shown))

        return ask

    async def _once(self, key: str, request: Request, strategy: str, seed_id: str) -> Paid:
        """Buys a query that several visits may want at the same time."""
        if (under_way := self._asking.get(key)) is not None:
            return await asyncio.shield(under_way)
        asking = asyncio.ensure_future(self._bought(key, request, strategy, seed_id))
        self._asking[key] = asking
        try:
            return await asking
        finally:
            del self._asking[key]

    async def _bought(self, key: str, request: Request, strategy: str, seed_id: str) -> Paid:
        limited, lost, invited, gone_at = 0, 0, False, 0.0
        while True:
            async with self.pace.slot(_tokens(request), request.max_tokens, invited=invited) as slot:
                self.check()
                try:
                    paid = await self.ledger.pay(
                        key,
                        request,
                        teacher=self.teacher.name,
                        strategy=strategy,
                        seed_id=seed_id,
                        send=self.teacher.ask,
                    )
                    slot.answered(paid.reply.input_tokens, paid.reply.output_tokens)
                    return paid
                except RateLimitedError as error:
                    slot.refused()
                    limited += 1
                    if limited >= RATE_LIMIT_ATTEMPTS:
                        raise
                    # Once: whoever is refused again at the time that it was given takes its turn in the queue.
                    invited = error.retry_after is not None and limited == 1
                    wait = error.retry_after if error.retry_after is not None else _backoff(limited)
                except (OutcomeUnknownError, TeacherUnreachableError) as error:
                    lost += 1
                    borne = isinstance(error, TeacherUnreachableError) and self.ledger.answered
                    gone_at = gone_at or time.monotonic()
                    if lost >= ATTEMPTS and not (borne and time.monotonic() < gone_at + AWAY_S):
                        raise
                    invited, wait = False, _backoff(lost)
            # Without a slot: who waits to be asked again keeps nobody else waiting.
            await self._wait(wait)

    def drafts(
        self,
        strategy: Strategy,
        task: Task,
        seeds: Sequence[Item],
        visits: int,
        on_visit: Callable[[], None],
        making: Making = PLAIN,
        trial: int | None = None,
    ) -> InOrder[Draft]:
        """Drafts of the first `visits` visits, one by one and in order. A visit that failed for good is
        None. At the ceiling they end, and `why` says so; with a `trial` after so many, unless `go_on` is called."""
        draft = drafter(strategy)
        order = making.order(seeds, together=strategy is Strategy.NEW_QUESTION)
        own = replace(making, together=order.together)

        async def visit(index: int) -> Draft:
            seed, sample_index = order.at(index)
            answers = self.others.get(dealt(making.shares, index, len(seeds)), self) if making.shares else self
            ask, write = (asked.ask(strategy.value, seed.id) for asked in (answers, self.augmenter))
            shown = self.few_shot.shown(seed, sample_index // own.together)
            made = await draft(Visit(task, seed, sample_index, ask, write, shown, own))
            return replace(made, seed_id=seed.id, sample_index=sample_index)

        return InOrder(self, visit, visits, on_visit, trial)

    async def pool(
        self,
        strategy: Strategy,
        task: Task,
        seeds: Sequence[Item],
        visits: int,
        on_visit: Callable[[], None],
        making: Making = PLAIN,
        trial: tuple[int, Callable[[Draft | None], bool]] | None = None,
    ) -> tuple[list[Draft | None], str]:
        """The same drafts as a list, and why there are fewer (empty where there are not, or the trial ended them).

        A `trial` is a number of visits, and what takes their drafts in order and says whether they are worth going on.
        """
        most, passed = trial or (None, None)
        drafts = self.drafts(strategy, task, seeds, visits, on_visit, making, most)
        found: list[Draft | None] = []
        async for draft in drafts:
            found.append(draft)
            if passed is not None and drafts.left and passed(draft):
                drafts.go_on()
        return found, drafts.why

    async def replies(
        self, name: str, items: Sequence[Item], requests: Sequence[Request], on_visit: Callable[[], None]
    ) -> list[str | None]:
        """The teacher's replies to prepared requests, one per item; None where it failed for good."""

        async def visit(index: int) -> str:
            return (await self.ask(name, items[index].id)(requests[index])).reply.text

        texts = [text async for text in InOrder(self, visit, len(requests), on_visit)]
        return texts + [None] * (len(requests) - len(texts))

    def failed(self) -> bool:
        """Counts a visit that was given up; whether it is one too many in a row."""
        self._failures += 1
        return self._failures >= MOST_FAILURES_IN_A_ROW

    def succeeded(self) -> None:
        """Counts a visit that came through."""
        self._failures = 0

    async def _wait(self, seconds: float) -> None:
        """Sleeps, and hears within a second what the user wants."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, 1.0))
            self.check()


def _tokens(request: Request) -> float:
    """About how many tokens a prompt has: four bytes each."""
    return sum(len(message.content.encode()) for message in request.messages) / 4


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: doubling, with jitter so that parallel queries do not march in step."""
    return float(min(LONGEST_BACKOFF_S, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))
