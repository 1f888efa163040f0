"""The ledger: every query ever paid for, and the ceiling that holds.

The order is always: look for a received reply, reserve (durably), send, settle (before anybody
parses). What this promises, under concurrency, retries, crashes and two workers on one store:

- a reservation that would pass the run's ceiling is refused, so charges never pass it;
- a received reply is never lost and never bought again: its key is pool, strategy, seed, prompt,
  parameters and sample index, and has at most one settled row;
- an attempt of unknown outcome stays charged at its reservation; a retry is a new reservation.

Always: settled <= what the server counts <= settled + unknown <= ceiling (in queries).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from engine.domain import Paid, Reply, Request
from engine.errors import CeilingReachedError, DiskFullError, OutcomeUnknownError, TeacherError
from engine.store import Store

Bound = Callable[[Request], float | None]
"""The most that a request can cost, in dollars; None where no price is known."""

Price = Callable[[Reply], float | None]
"""What a reply cost by its token counts; None where tokens or price are unknown."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a run may be charged; None means that the other one alone holds."""

    queries: int | None
    usd: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """What a run has been charged."""

    settled: int
    """Replies received."""
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
    parts = [pool, teacher, strategy, seed_id, asdict(request)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Ledger:
    """One run's account in the store."""

    def __init__(self, store: Store, run_id: str, ceiling: Ceiling, bound: Bound, price: Price) -> None:
        self.store = store
        self.run_id = run_id
        self.ceiling = ceiling
        self.bound = bound
        self.price = price
        self._full: DiskFullError | None = None

    def close_open_reservations(self) -> int:
        """Turns what a dead worker left on its way into unknown outcomes; to be called by the worker
        that has claimed the run, before it asks anything. Returns how many."""
        with self.store.transaction() as connection:
            changed = connection.execute(
                text(
                    "UPDATE queries SET state = 'unknown', detail = 'worker ended while it was on its way' "
                    "WHERE run_id = :run AND state = 'reserved'"
                ),
                {"run": self.run_id},
            )
            return changed.rowcount

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
        """One attempt: reserve, send, settle; a reply that is there already is not bought again.

        Raises CeilingReachedError before sending, or the teacher's error after the row says what
        became of the attempt.
        """
        query_id = self._reserve(key, request, teacher, strategy, seed_id)
        if isinstance(query_id, Paid):
            return query_id
        try:
            reply = await send(request)
        except OutcomeUnknownError as error:
            self._close(query_id, "unknown", str(error))
            raise
        except TeacherError as error:
            # Refused, unreachable or rate limited: the endpoint charged nothing.
            self._close(query_id, "released", str(error))
            raise
        except BaseException as error:
            # Cancelled or killed in flight: it may have been answered and charged.
            self._close(query_id, "unknown", type(error).__name__)
            raise
        try:
            self._settle(query_id, reply)
        except DiskFullError as error:
            # Received is never lost: the ballast makes room for what is on its way. Nothing more is
            # asked, and the run ends while there is room to say why.
            self._full = error
            self.store.drop_ballast()
            self._settle(query_id, reply)
            raise
        return Paid(reply, query_id)

    def _reserve(self, key: str, request: Request, teacher: str, strategy: str, seed_id: str) -> int | Paid:
        if self._full is not None:
            raise self._full
        bound = self.bound(request)
        with self.store.transaction() as connection:
            if (paid := _received(connection, key)) is not None:
                return paid
            count, usd = connection.execute(
                text(
                    "SELECT count(*), coalesce(sum(coalesce(reply_usd, reserved_usd)), 0) FROM queries "
                    "WHERE run_id = :run AND state != 'released'"
                ),
                {"run": self.run_id},
            ).one()
            if self.ceiling.queries is not None and count + 1 > self.ceiling.queries:
                raise CeilingReachedError(
                    f"the ceiling of {self.ceiling.queries} queries is reached; raise it or accept what there is"
                )
            if self.ceiling.usd is not None and (bound is None or usd + bound > self.ceiling.usd + 1e-9):
                raise CeilingReachedError(
                    f"the ceiling of ${self.ceiling.usd:.2f} is reached (${usd:.4f} charged, the next query "
                    "may cost more than is left); raise it or accept what there is"
                )
            result = connection.execute(
                text(
                    "INSERT INTO queries (run_id, key, strategy, seed_id, sample_index, teacher, state, "
                    "reserved_usd, created_at) VALUES (:run, :key, :strategy, :seed, :sample, :teacher, "
                    "'reserved', :usd, :now) RETURNING id"
                ),
                {
                    "run": self.run_id,
                    "key": key,
                    "strategy": strategy,
                    "seed": seed_id,
                    "sample": request.sample_index,
                    "teacher": teacher,
                    "usd": bound,
                    "now": time.time(),
                },
            )
            return int(result.scalar_one())

    def _settle(self, query_id: int, reply: Reply) -> None:
        with self.store.transaction() as connection:
            connection.execute(
                text(
                    "UPDATE queries SET state = 'settled', reply = :text, finish_reason = :finish, "
                    "input_tokens = :input, output_tokens = :output, reply_usd = :usd, settled_at = :now "
                    "WHERE id = :id"
                ),
                {
                    "id": query_id,
                    "text": reply.text,
                    "finish": reply.finish_reason,
                    "input": reply.input_tokens,
                    "output": reply.output_tokens,
                    "usd": self.price(reply),
                    "now": time.time(),
                },
            )

    def _close(self, query_id: int, state: str, detail: str) -> None:
        with self.store.transaction() as connection:
            connection.execute(
                text("UPDATE queries SET state = :state, detail = :detail WHERE id = :id"),
                {"id": query_id, "state": state, "detail": detail[:500]},
            )


def _received(connection: Connection, key: str) -> Paid | None:
    """The reply that was received for this key, in whatever run."""
    row = connection.execute(
        text(
            "SELECT id, reply, finish_reason, input_tokens, output_tokens FROM queries "
            "WHERE key = :key AND state = 'settled'"
        ),
        {"key": key},
    ).first()
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
        settled=counts.get("settled", 0),
        unknown=counts.get("unknown", 0),
        reserved=counts.get("reserved", 0),
        usd=None if unpriced else sum(float(row[2]) for row in rows),
    )
