"""Generates through a batch API: what all visits ask next goes into one file, and comes back within a day.

Crash-safe by its order: the ledger reserves every row under the batch's name, then the file is uploaded and its id
written down, then the batch is created under that name and its id written down. Whoever resumes the run finds the
batch by its id or its name and takes its replies in (`engine.lost_batches`). Strategies of two calls take two batches:
their second requests are not known before.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, text

from engine import lost_batches
from engine.domain import Paid, Reply, Request, Teacher
from engine.errors import (
    CeilingReachedError,
    NoReplyError,
    OutcomeUnknownError,
    RateLimitedError,
    SeedPilotError,
    TeacherError,
    TeacherRefusedError,
)
from engine.generation import ATTEMPTS, Generator
from engine.in_order import VISITS_PER_SLOT
from engine.ledger import Ledger, Origin, close_query
from engine.plan import ModelPlan, TeacherPlan
from engine.strategies import NO_EXAMPLES, FewShot
from engine.teachers.openai_batch import BatchState, OpenAIBatches
from engine.teachers.openai_compatible import OpenAICompatibleTeacher

_T = TypeVar("_T")

MOST_ROWS = 10_000
"""Requests in one batch (OpenAI takes 50,000 and 200 MB); all of them wait in memory."""
QUIET_S = 1.0
"""A batch is closed once so long nothing more was asked: every visit then waits for it."""
POLL_S = (5.0, 60.0)
"""First and longest pause between two looks."""


def generator_for(
    plan: ModelPlan,
    teacher: Teacher,
    ledger: Ledger,
    check: Callable[[], None],
    *,
    augmenter: Generator | None = None,
    others: Mapping[str, Generator] | None = None,
    few_shot: FewShot = NO_EXAMPLES,
) -> Generator:
    """The generator that a plan's teacher asks for: in batches, or one request at a time."""
    if isinstance(plan, TeacherPlan) and plan.batch and isinstance(teacher, OpenAICompatibleTeacher):
        return BatchGenerator(teacher, ledger, check=check, keep_reasoning=plan.keep_reasoning, few_shot=few_shot)
    return Generator(
        teacher,
        ledger,
        concurrency=plan.concurrency,
        check=check,
        requests_per_minute=plan.requests_per_minute,
        tokens_per_minute=plan.tokens_per_minute,
        keep_reasoning=plan.keep_reasoning,
        augmenter=augmenter,
        others=others,
        few_shot=few_shot,
    )


@dataclass(slots=True)
class _Waiting:
    key: str
    request: Request
    origin: Origin
    future: asyncio.Future[Paid]


class BatchGenerator(Generator):
    """A generator whose queries go out in batches."""

    def __init__(
        self,
        teacher: OpenAICompatibleTeacher,
        ledger: Ledger,
        *,
        check: Callable[[], None],
        keep_reasoning: bool = False,
        few_shot: FewShot = NO_EXAMPLES,
        quiet_s: float = QUIET_S,
        poll_s: tuple[float, float] = POLL_S,
        looked_for_s: float = lost_batches.LOOKED_FOR_S,
    ) -> None:
        super().__init__(
            teacher,
            ledger,
            concurrency=MOST_ROWS // VISITS_PER_SLOT,
            check=check,
            keep_reasoning=keep_reasoning,
            few_shot=few_shot,
        )
        self.endpoint = OpenAIBatches(teacher)
        self.quiet_s, self.poll_s, self.looked_for_s = quiet_s, poll_s, looked_for_s
        self._waiting: list[_Waiting] = []
        self._collecting: asyncio.Task[None] | None = None
        self._resuming: asyncio.Task[None] | None = None

    async def resume(self) -> None:
        """Takes in the batches that an earlier worker of this run left open."""
        for name, file_id, remote_id, state in lost_batches.open_batches(self.ledger.store, self.ledger.run_id):
            if remote_id is not None:
                await self._take_in(name, remote_id)
            elif file_id is None:
                self._write(partial(lost_batches.give_up, name=name, why="it was never sent"))
            elif state == lost_batches.UNSEEN:
                # Charged already, perhaps asked anew: one look, for what it brought.
                if found := await self.endpoint.find(name):
                    await self._take_in(name, found)
            elif found := await self._sought(name, file_id):
                await self._take_in(name, found)

    async def _sought(self, name: str, file_id: str) -> str | None:
        looked = self._wait, self.poll_s, self.looked_for_s
        return await lost_batches.seek(self.endpoint, self._write, name, file_id, *looked)

    async def _bought(self, key: str, request: Request, strategy: str, seed_id: str) -> Paid:
        if self._resuming is None:
            self._resuming = asyncio.create_task(self.resume())
        await asyncio.shield(self._resuming)
        if (paid := self.ledger.received(key)) is not None:
            return paid
        origin = Origin(self.teacher.name, strategy, seed_id)
        for attempt in range(ATTEMPTS):
            waiting = _Waiting(key, request, origin, asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            if self._collecting is None or self._collecting.done():
                self._collecting = asyncio.create_task(self._collect())
            try:
                return await waiting.future
            except RateLimitedError:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _collect(self) -> None:
        """Sends what waits, batch by batch, until nothing does."""
        while self._waiting:
            asked = -1
            while asked != len(self._waiting) and len(self._waiting) < MOST_ROWS:
                asked = len(self._waiting)
                await asyncio.sleep(self.quiet_s)
            batch, self._waiting = self._waiting[:MOST_ROWS], self._waiting[MOST_ROWS:]
            try:
                await self._send(batch)
            except Exception as error:
                for waiting in batch:
                    if not waiting.future.done():
                        waiting.future.set_exception(error)

    async def _send(self, batch: Sequence[_Waiting]) -> None:
        self.check()
        name = f"{self.ledger.run_id}-{secrets.token_hex(6)}"
        rows = self._write(lambda connection: self._reserve(connection, name, batch))
        if not rows:
            return
        remote_id = await self._create(name, rows)
        results = await self._take_in(name, remote_id)
        for row, waiting in rows:
            result = results.get(row)
            if isinstance(result, Paid):
                _answer(waiting, result)
            elif isinstance(result, TeacherRefusedError):
                _answer(waiting, NoReplyError(str(result)))
            else:
                _answer(waiting, result or OutcomeUnknownError(f"batch {remote_id} gave no reply to one request"))

    async def _create(self, name: str, rows: Sequence[tuple[int, _Waiting]]) -> str:
        """The batch's id, written down; TeacherError where there is none."""
        try:
            file_id = await self.endpoint.upload(name, [(row, waiting.request) for row, waiting in rows])
        except TeacherError as error:
            # Whatever became of the file: without a batch nothing of it is asked.
            self._write(partial(lost_batches.give_up, name=name, why=str(error)))
            raise
        self._write(partial(lost_batches.uploaded, name=name, file_id=file_id))
        try:
            remote_id = await self.endpoint.create(name, file_id)
        except OutcomeUnknownError:
            # It may be there all the same, or come. Where that cannot be asked, rows stay reserved until a resume.
            if (found := await self._sought(name, file_id)) is None:
                raise
            remote_id = found
        except TeacherError as error:
            self._write(partial(lost_batches.give_up, name=name, why=str(error)))
            raise
        self._write(partial(lost_batches.created, name=name, remote_id=remote_id))
        return remote_id

    def _reserve(self, connection: Connection, name: str, batch: Sequence[_Waiting]) -> list[tuple[int, _Waiting]]:
        connection.execute(
            text("INSERT INTO batches (name, run_id, state, created_at) VALUES (:name, :run, 'open', :now)"),
            {"name": name, "run": self.ledger.run_id, "now": time.time()},
        )
        rows: list[tuple[int, _Waiting]] = []
        first: dict[str, _Waiting] = {}
        for waiting in batch:
            if (same := first.get(waiting.key)) is not None:
                _follow(same, waiting)
                continue
            try:
                row = self.ledger.reserve(waiting.key, waiting.request, waiting.origin, connection, name)
            except CeilingReachedError as error:
                _answer(waiting, error)
                continue
            if isinstance(row, Paid):
                _answer(waiting, row)
            elif row is None:
                _answer(waiting, RateLimitedError("another worker is asking for this now"))
            else:
                first[waiting.key] = waiting
                rows.append((row, waiting))
        if not rows:
            connection.execute(text("DELETE FROM batches WHERE name = :name"), {"name": name})
        return rows

    async def _take_in(self, name: str, remote_id: str) -> dict[int, Paid | TeacherError]:
        """Waits until the batch is over and writes what came of each row, in one transaction."""
        state = await self._over(remote_id)
        results = await self.endpoint.results(state)
        if state.problem and not results:
            self._write(partial(lost_batches.give_up, name=name, why=state.problem))
            raise TeacherRefusedError(f"{self.teacher.name} refused the batch {remote_id}: {state.problem}")
        return self._write(lambda connection: self._settle(connection, name, state, results))

    async def _over(self, remote_id: str) -> BatchState:
        pause, longest = self.poll_s
        while True:
            try:
                state = await self.endpoint.state(remote_id)
                if state.over:
                    return state
            except (OutcomeUnknownError, RateLimitedError):
                pass  # asking how far it is costs nothing: it is asked again
            await self._wait(pause)
            pause = min(longest, 1.5 * pause)

    def _settle(
        self, connection: Connection, name: str, state: BatchState, results: dict[int, Reply | TeacherError]
    ) -> dict[int, Paid | TeacherError]:
        paid: dict[int, Paid | TeacherError] = {}
        rows = connection.execute(text("SELECT id, key FROM queries WHERE batch = :name"), {"name": name}).all()
        for row, key in rows:
            result = results.get(row)
            if isinstance(result, Reply):
                paid[row] = self.ledger.settle(row, key, result, connection)
            elif result is None and state.status == "completed":
                close_query(row, "unknown", "the batch is complete, and this row is not in it", connection)
            elif isinstance(result, OutcomeUnknownError):
                close_query(row, "unknown", str(result), connection)
                paid[row] = result
            else:
                error = result or RateLimitedError(f"the batch ended as {state.status} before this request")
                close_query(row, "released", str(error), connection)
                paid[row] = error
        connection.execute(text("UPDATE batches SET state = 'over' WHERE name = :name"), {"name": name})
        return paid

    def _write(self, change: Callable[[Connection], _T]) -> _T:
        """One transaction for a whole batch; what it holds up is short beside the batch."""
        with self.ledger.store.transaction() as connection:
            return change(connection)


def _answer(waiting: _Waiting, result: Paid | SeedPilotError) -> None:
    if waiting.future.done():
        return
    if isinstance(result, Paid):
        waiting.future.set_result(result)
    else:
        waiting.future.set_exception(result)


def _follow(first: _Waiting, second: _Waiting) -> None:
    """Two visits that want the same query share its outcome."""

    def over(future: asyncio.Future[Paid]) -> None:
        if second.future.done() or future.cancelled():
            return
        if (error := future.exception()) is not None:
            second.future.set_exception(error)
        else:
            second.future.set_result(future.result())

    first.future.add_done_callback(over)
