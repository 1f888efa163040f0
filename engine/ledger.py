"""The ledger: every query ever paid for, and the ceiling that holds.

The order is always: look for a received reply, reserve (durably), send, settle (before anybody
parses). What this promises, under concurrency, retries, crashes and two workers on one store:

- a reservation that would pass the run's ceiling is refused, so charges never pass it;
- a received reply is never lost and never bought again: its key is pool, strategy, seed, prompt,
  parameters and sample index, and has at most one settled row;
- an attempt of unknown outcome stays charged at its reservation; a retry is a new reservation.

Changes of many tasks share a commit (`engine.commits`): each is on the disk before its task goes on.

Always: settled <= what the server counts <= settled + unknown <= ceiling (in queries).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, text

from engine.commits import GroupCommit
from engine.database import direct, reader
from engine.domain import Paid, Reply, Request
from engine.errors import CeilingReachedError, DiskFullError, OutcomeUnknownError, SeedPilotError, TeacherError
from engine.records import LOST_AFTER_S
from engine.store import Store

Bound = Callable[[Request], float | None]
"""The most that a request can cost, in dollars; None where no price is known."""
Price = Callable[[Reply], float | None]
"""What a reply cost by its token counts; None where tokens or price are unknown."""
LOOK_AGAIN_S = 0.2
"""Pause between two looks at a query that another worker is asking."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is asked, and for what: a query's provenance."""

    teacher: str
    strategy: str
    seed_id: str


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a run may be charged; None means that the other one alone holds."""

    queries: int | None
    usd: float | None
    kept: int = 0
    """Of these queries, those that are kept for a judge: whoever pays under this ceiling leaves them."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a run has been charged."""

    settled: int
    unknown: int
    """Sent, with an unknown outcome: charged at their reservations."""
    reserved: int
    """On their way now."""
    usd: float | None
    """Charged in dollars, reservations included; None where any price is unknown."""

    @property
    def queries(self) -> int:
        """All that counts against the ceiling."""
        return self.settled + self.unknown + self.reserved


def query_key(teacher: str, strategy: str, seed_id: str, request: Request, pool: int = 0) -> str:
    """What makes a query the same query, whatever run asks it."""
    asked: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "sample_index": request.sample_index,
    }
    # Only where there is one: what was paid for before there were schemas is found again.
    if request.response_schema is not None:
        asked["response_schema"] = request.response_schema
    parts = [pool, teacher, strategy, seed_id, asked]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Ledger:
    """One run's account in the store."""

    def __init__(self, store: Store, run_id: str, ceiling: Ceiling, bound: Bound, price: Price) -> None:
        self.store = store
        self.run_id = run_id
        self.ceiling = ceiling
        self.bound = bound
        self.price = price
        self._commits = GroupCommit(store.transaction)
        self._asking: dict[str, asyncio.Future[None]] = {}
        """Keys that this process is paying for now; who else wants one waits."""
        self._reader: sqlite3.Connection | None = None
        self._full: DiskFullError | None = None
        self.answered = False  # whether this process received a reply

    def close_open_reservations(self) -> int:
        """Turns what a dead worker left on its way into unknown outcomes; to be called by the worker
        that has claimed the run, before it asks anything. Returns how many. What lies in a batch is
        fetched from there instead (`engine.batches`)."""
        closing = text(
            "UPDATE queries SET state = 'unknown', detail = 'worker ended while it was on its way' "
            "WHERE run_id = :run AND state = 'reserved' AND batch IS NULL"
        )
        with self.store.transaction() as connection:
            return connection.execute(closing, {"run": self.run_id}).rowcount

    def received(self, key: str) -> Paid | None:
        """The reply that was received for this key, in whatever run; None where there is none yet."""
        self._reader = self._reader or reader(self.store.path)
        return _received(self._reader, key)

    async def pay(
        self,
        key: str,
        request: Request,
        *,
        teacher: str,
        strategy: str,
        seed_id: str,
        send: Callable[[Request], Awaitable[Reply]],
    ) -> Paid:
        """One attempt: reserve, send, settle; a reply that is there already is not bought again, and
        one that is on its way, here or in another live worker, is waited for.

        Raises CeilingReachedError before sending, or the teacher's error after the row says what
        became of the attempt.
        """
        while (other := self._asking.get(key)) is not None:
            await asyncio.shield(other)
        over = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            return await self._pay(key, request, Origin(teacher, strategy, seed_id), send)
        finally:
            del self._asking[key]
            over.set_result(None)

    async def _pay(
        self, key: str, request: Request, origin: Origin, send: Callable[[Request], Awaitable[Reply]]
    ) -> Paid:
        while (query := await self._reserved(key, request, origin)) is None:
            await asyncio.sleep(LOOK_AGAIN_S)
        if isinstance(query, Paid):
            return query
        try:
            reply = await send(request)
        except OutcomeUnknownError as error:
            await self._commits.write(partial(close_query, query, "unknown", str(error)))
            raise
        except TeacherError as error:
            # Refused, unreachable or rate limited: the endpoint charged nothing.
            await self._commits.write(partial(close_query, query, "released", str(error)))
            raise
        except BaseException as error:
            # Cancelled or killed in flight: it may have been answered and charged.
            await self._commits.write(partial(close_query, query, "unknown", type(error).__name__))
            raise
        settle = partial(self.settle, query, key, reply)
        try:
            return await self._commits.write(settle)
        except DiskFullError as error:
            # Received is never lost: the ballast makes room for what is on its way. Nothing more is
            # asked, and the run ends while there is room to say why.
            self._full = error
            self.store.drop_ballast()
            await self._commits.write(settle)
            raise

    async def _reserved(self, key: str, request: Request, origin: Origin) -> int | Paid | None:
        """`reserve`, once it is on the disk. Who is cancelled meanwhile has sent nothing: it is given back."""
        reserving = asyncio.ensure_future(self._commits.write(partial(self.reserve, key, request, origin)))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            with suppress(SeedPilotError):
                if isinstance(query := await reserving, int):
                    await self._commits.write(partial(close_query, query, "released", "cancelled before it was sent"))
            raise

    def reserve(
        self, key: str, request: Request, origin: Origin, connection: Connection, batch: str | None = None
    ) -> int | Paid | None:
        """The new reservation's row, inside the caller's transaction; the reply where it was received
        already; None where another live worker is asking for it now. CeilingReachedError where the
        reservation would pass the ceiling."""
        if self._full is not None:
            raise self._full
        rows = direct(connection)
        if (paid := _received(rows, key)) is not None:
            return paid
        now = time.time()
        if rows.execute(_ON_ITS_WAY, (key, now - LOST_AFTER_S)).fetchone() is not None:
            return None
        bound = self.bound(request)
        charged = rows.execute("SELECT queries, usd FROM charges WHERE run_id = ?", (self.run_id,)).fetchone()
        queries, usd = charged or (0, 0.0)
        self._check(queries, usd, bound)
        row = (self.run_id, key, origin.strategy, origin.seed_id, request.sample_index, origin.teacher, bound, now)
        return int(rows.execute(_RESERVE, (*row, batch)).fetchone()[0])

    def settle(self, query_id: int, key: str, reply: Reply, connection: Connection) -> Paid:
        """Writes a reply into its reservation, inside the caller's transaction, and returns what the key
        has: where another run's reply came first, this one is charged and kept as a repeat."""
        rows = direct(connection)
        self.answered = True
        first = _received(rows, key)
        # Settled by whoever closed it in between (a batch that was fetched twice): nothing is overwritten.
        values = (
            "settled" if first is None else "repeated",
            reply.text,
            reply.finish_reason,
            reply.input_tokens,
            reply.output_tokens,
            self.price(reply),
            time.time(),
            query_id,
        )
        rows.execute(_SETTLE, values)
        return first or Paid(reply, query_id)

    def _check(self, queries: int, usd: float, bound: float | None) -> None:
        """Refuses one more query of at most `bound` dollars where it would pass the ceiling."""
        most, kept = self.ceiling.queries, self.ceiling.kept
        if most is not None and queries + 1 > most - kept:
            judge = f", {kept} of them kept for the judge" if kept else ""
            raise CeilingReachedError(
                f"the ceiling of {most} queries is reached{judge}; raise it or accept what there is"
            )
        if self.ceiling.usd is not None and (bound is None or usd + bound > self.ceiling.usd + 1e-9):
            raise CeilingReachedError(
                f"the ceiling of ${self.ceiling.usd:.2f} is reached (${usd:.4f} charged, the next query "
                "may cost more than is left); raise it or accept what there is"
            )


_ON_ITS_WAY = (
    "SELECT 1 FROM queries JOIN runs ON runs.id = queries.run_id WHERE queries.key = ? AND queries.state = 'reserved' "
    # A worker that was paused still takes in what it sent; a paused run's batch waits until it is resumed.
    "AND (runs.state = 'running' OR queries.batch IS NULL) AND runs.heartbeat_at > ?"
)
_RESERVE = (
    "INSERT INTO queries "
    "(run_id, key, strategy, seed_id, sample_index, teacher, reserved_usd, created_at, batch, state) VALUES "
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, 'reserved') RETURNING id"
)
_SETTLE = (
    "UPDATE queries SET state = ?, reply = ?, finish_reason = ?, input_tokens = ?, output_tokens = ?, "
    "reply_usd = ?, settled_at = ? WHERE id = ? AND state NOT IN ('settled', 'repeated')"
)
_RECEIVED = (
    "SELECT id, reply, finish_reason, input_tokens, output_tokens FROM queries WHERE key = ? AND state = 'settled'"
)


def close_query(query_id: int, state: str, detail: str, connection: Connection) -> None:
    """Says that an attempt brought no reply: `released` (nothing was charged) or `unknown`."""
    direct(connection).execute(
        "UPDATE queries SET state = ?, detail = ? WHERE id = ? AND state = 'reserved'", (state, detail[:500], query_id)
    )


def _received(rows: sqlite3.Connection, key: str) -> Paid | None:
    row = rows.execute(_RECEIVED, (key,)).fetchone()
    return None if row is None else Paid(Reply(row[1], row[2], row[3], row[4]), row[0])


def account(store: Store, run_id: str) -> Account:
    """What a run has been charged until now."""
    with store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT state, count(*), sum(coalesce(reply_usd, reserved_usd)), "
                "sum(coalesce(reply_usd, reserved_usd) IS NULL) FROM queries "
                "WHERE run_id = :run AND state != 'released' GROUP BY state"
            ),
            {"run": run_id},
        ).all()
    counts = {row[0]: int(row[1]) for row in rows}
    unpriced = sum(int(row[3]) for row in rows)
    return Account(
        settled=counts.get("settled", 0) + counts.get("repeated", 0),
        unknown=counts.get("unknown", 0),
        reserved=counts.get("reserved", 0),
        usd=None if unpriced else sum(float(row[2]) for row in rows),
    )
