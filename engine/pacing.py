"""How fast a teacher is asked: requests and tokens a minute, and a concurrency that adapts.

Pure but for one wait: times are given, so that every rule can be checked without a clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

OUTPUT_GUESS = 0.5
"""Share of its allowance that a reply is taken to use while no reply has been seen."""
RECENT = 50
"""Replies in the moving mean of output tokens."""


class Rate:
    """So much a minute, evenly spaced (the generic cell rate algorithm with no burst): whatever minute one
    looks at holds at most the rate and one request more."""

    def __init__(self, per_minute: float | None) -> None:
        """None is no limit."""
        self.per_minute = per_minute
        self._free_at = 0.0

    def take(self, amount: float, now: float) -> float:
        """Books `amount` and returns the time (in the clock of `now`, seconds) from which it may go."""
        if self.per_minute is None:
            return now
        at = max(now, self._free_at)
        self._free_at = at + 60.0 * amount / self.per_minute
        return at

    def correct(self, amount: float) -> None:
        """Books so much more (or, below zero, less) for what was taken before."""
        if self.per_minute is not None:
            self._free_at += 60.0 * amount / self.per_minute


class Concurrency:
    """How many may be on their way at once: additive increase, multiplicative decrease.

    A refusal (429) halves it, once a round trip: what was sent before the halving says nothing about it.
    Each success with no refusal since the one before it then adds two until the number at which it was
    refused is reached again (half a round trip), and from there one a round trip, never above `most`.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self._refused_at = float(most)
        self._round_trip_s = 0.0
        self._halved_at = float("-inf")
        self._refused_since = False

    def succeeded(self, took_s: float) -> None:
        """A reply came after so many seconds."""
        self._round_trip_s = took_s if not self._round_trip_s else 0.9 * self._round_trip_s + 0.1 * took_s
        if self._refused_since:
            self._refused_since = False
        elif self.limit < self._refused_at:
            self.limit = min(self._refused_at, self.limit + 2.0)
        else:
            self.limit = min(float(self.most), self.limit + 1.0 / self.limit)

    def refused(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` was refused for coming too fast."""
        self._refused_since = True
        if sent_at < self._halved_at or now < self._halved_at + self._round_trip_s:
            return
        self._refused_at = self.limit
        self.limit = max(1.0, self.limit / 2)
        self._halved_at = now


class Pace:
    """Lets requests go, first come first served, as fast as all limits allow."""

    def __init__(
        self,
        concurrency: int,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self.concurrency = Concurrency(concurrency)
        self.requests = Rate(requests_per_minute)
        self.tokens = Rate(tokens_per_minute)
        self._on_their_way = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._outputs: deque[int] = deque(maxlen=RECENT)

    @asynccontextmanager
    async def slot(self, prompt_tokens: float, max_tokens: int, *, invited: bool = False) -> AsyncIterator[Slot]:
        """Waits until one more request may be sent; what came of it is told to the slot.

        `invited`: the endpoint refused this one and named the time that is now, so its word goes before
        our guess of how many it bears (never above the most that the user allows).
        """
        await self._enter(self.concurrency.most if invited else int(self.concurrency.limit), first=invited)
        try:
            output = sum(self._outputs) / len(self._outputs) if self._outputs else OUTPUT_GUESS * max_tokens
            expected = prompt_tokens + output
            now = time.monotonic()
            at = max(self.requests.take(1.0, now), self.tokens.take(expected, now))
            if at > now:
                await self._sleep(at - now)
            yield Slot(self, expected)  # made now: its round trip begins when it may be sent
        finally:
            self._on_their_way -= 1
            self._wake()

    async def _enter(self, limit: int, *, first: bool) -> None:
        if self._on_their_way < limit and (first or not self._queue):
            self._on_their_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if first:
            self._queue.appendleft(turn)
        else:
            self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn already
                self._on_their_way -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._queue and self._on_their_way < int(self.concurrency.limit):
            turn = self._queue.popleft()
            if not turn.done():
                self._on_their_way += 1
                turn.set_result(None)


class Slot:
    """One request on its way; tells the pace what became of it."""

    def __init__(self, pace: Pace, expected_tokens: float) -> None:
        self._pace = pace
        self._expected = expected_tokens
        self._sent_at = time.monotonic()

    def answered(self, input_tokens: int | None, output_tokens: int | None) -> None:
        """A reply came, with these token counts where the endpoint gives them."""
        pace = self._pace
        pace.concurrency.succeeded(time.monotonic() - self._sent_at)
        if output_tokens is not None:
            pace._outputs.append(output_tokens)
        if input_tokens is not None and output_tokens is not None:
            pace.tokens.correct(input_tokens + output_tokens - self._expected)

    def refused(self) -> None:
        """The endpoint asked to slow down."""
        self._pace.concurrency.refused(self._sent_at, time.monotonic())
        self._pace.tokens.correct(-self._expected)
