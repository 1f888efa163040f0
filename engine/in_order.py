"""Visits in parallel, results in the order of their index.

One slow reply holds up nobody, memory stays flat, and whoever stops leaves nothing unpaid behind: what is on its way is
waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from engine.errors import CeilingReachedError, NoReplyError, OutcomeUnknownError, RateLimitedError

VISITS_PER_SLOT = 2
"""Visits under way for each request that may be: while some wait to be asked again, others use their slots."""
LOOKAHEAD = 20
"""Visits that may be finished ahead of the oldest unfinished one, for each of those under way: one slow
reply does not hold up the others, and no more than that is held in memory."""

LISTEN_S = 0.5
"""How often somebody who waits for replies listens to the user."""

_T = TypeVar("_T")


class Asker(Protocol):
    """Who the visits ask by."""

    concurrency: int
    """Requests that may be on their way at once."""
    check: Callable[[], None]
    """Raises where the user wants something else."""

    def failed(self) -> bool:
        """Counts a visit that was given up; whether it is one too many in a row."""
        ...

    def succeeded(self) -> None:
        """Counts a visit that came through."""
        ...


class InOrder(Generic[_T]):
    """Runs visits in parallel and gives their results in the order of their index, None for one that was
    given up. Where asking ends early, by the ceiling or an error, every result that came is still given in its place,
    with None before it for what did not: it is paid. A consumer that stops early closes it (`contextlib.aclosing`),
    and what is on its way then is waited for."""

    def __init__(
        self,
        generator: Asker,
        visit: Callable[[int], Awaitable[_T]],
        count: int,
        on_visit: Callable[[], None],
        trial: int | None = None,
    ) -> None:
        """With a `trial`, only so many visits begin until the consumer calls `go_on`; where it does not, the results
        end with theirs."""
        self.why = ""
        """Why there are fewer than were asked for; to be read after the last one."""
        self._generator = generator
        self._visit = visit
        self._on_visit = on_visit
        self._count = count
        self._most = count if trial is None else min(trial, count)
        """Visits that may begin."""
        self._next = 0
        """Index of the oldest result that was not yet given out."""
        self._done: dict[int, _T | None] = {}
        self._stopped: list[Exception] = []
        self._over = False
        self._moved = asyncio.Event()
        self._room = asyncio.Event()

    def go_on(self) -> None:
        """The trial is passed: the other visits may begin."""
        self._most = self._count
        self._room.set()

    @property
    def left(self) -> int:
        """Visits that did not begin because the trial was not passed."""
        return self._count - self._most

    async def __aiter__(self) -> AsyncIterator[_T | None]:
        workers = min(VISITS_PER_SLOT * self._generator.concurrency, self._count)
        self._ahead = LOOKAHEAD * workers
        indices = iter(range(self._count))
        working = asyncio.gather(*(self._work(indices) for _ in range(workers)))
        working.add_done_callback(lambda _: self._moved.set())
        try:
            while self._next < self._most:
                if self._next in self._done:
                    yield self._done.pop(self._next)
                    self._next += 1
                    self._room.set()
                elif working.done():
                    break
                else:
                    self._moved.clear()
                    await self._moved_or_told()
        finally:
            self._over = True
            self._room.set()
            await working
        for index in range(self._next, max(self._done, default=-1) + 1):
            yield self._done.pop(index, None)
        if self._stopped:
            if not isinstance(self._stopped[0], CeilingReachedError):
                raise self._stopped[0]
            self.why = str(self._stopped[0])

    async def _moved_or_told(self) -> None:
        """Waits for something to give out. Where as much is on its way as may be, nobody else hears the user."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_S):
                await self._moved.wait()
            return
        if not self._stopped:
            try:
                self._generator.check()
            except Exception as error:
                self._stop(error)

    async def _work(self, indices: Iterator[int]) -> None:
        for index in indices:
            while index >= min(self._most, self._next + self._ahead) and not (self._stopped or self._over):
                self._room.clear()
                await self._room.wait()
            if self._stopped or self._over:
                return
            try:
                result: _T | None = await self._visit(index)
                self._generator.succeeded()
            except NoReplyError:
                result = None
            except (OutcomeUnknownError, RateLimitedError) as error:
                if self._generator.failed():
                    self._stop(error)
                    return
                result = None
            except Exception as error:
                # Nobody is cancelled: what the others have sent is paid, so it is waited for.
                self._stop(error)
                return
            self._done[index] = result
            if index == self._next:
                self._moved.set()
            try:
                self._on_visit()
            except Exception as error:
                self._stop(error)
                return

    def _stop(self, error: Exception) -> None:
        self._stopped.append(error)
        self._room.set()
