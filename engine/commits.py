"""Group commit: many small writes of one event loop in few durable transactions.

A commit waits for the disk, and a hundred commits wait a hundred times. Here every change that is
asked for while one commit is on its way goes into the next one. A caller is answered after the commit
that holds its change: what it then does (sending a request that costs money) rests on the disk.

The statements run in the loop's own thread, and only the commit, which waits for the disk, runs in
another: a thread that ran the statements would wait for the interpreter's lock after each of them,
milliseconds at a time on a busy loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

_T = TypeVar("_T")

MOST_CHANGES = 32
"""In one transaction: few enough that the first requests of a crowd are sent while the next are written
down (with 500 the crowd moved in step, and waited in step), many enough that slow disks keep up."""

Change = Callable[[Connection], Any]
_Waiting = tuple[Change, asyncio.Future[Any]]


class GroupCommit:
    """Writes changes in the order in which they were asked for; a change that raises takes none of the
    others with it, and must not have written anything before it raises."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction
        self._writer: _Writer | None = None

    def write(self, change: Callable[[Connection], _T]) -> Awaitable[_T]:
        """What `change` returned, once it is on the disk; or what it, or the commit, raised.

        The change is written even if the caller is cancelled while it waits.
        """
        loop = asyncio.get_running_loop()
        if self._writer is None or self._writer.loop is not loop:
            # One writer a loop: what a loop that was torn down left half done stays with its writer.
            self._writer = _Writer(loop, self._transaction)
        future: asyncio.Future[_T] = loop.create_future()
        self._writer.add((change, future))
        return future


class _Writer:
    """Runs one transaction after the other while changes are waiting. Callbacks and no task, so that a
    loop that cancels its tasks at its end still gets their last words onto the disk."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transaction: Callable[[], AbstractContextManager[Connection]]
    ) -> None:
        self.loop = loop
        self._transaction = transaction
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="group-commit")
        self._waiting: list[_Waiting] = []
        self._busy = False

    def add(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if not self._busy:
            self._busy = True
            # Not at once: the tasks that are ready now come into the same transaction.
            self.loop.call_soon(self._begin)

    def _begin(self) -> None:
        if not self._waiting:
            self._busy = False
            return
        batch, self._waiting = self._waiting[:MOST_CHANGES], self._waiting[MOST_CHANGES:]
        opened = self._transaction()
        try:
            # Here, and with nothing between it and the statements: a callback that wants to write by itself
            # would wait for this transaction, and this transaction for the loop that the callback holds.
            connection = opened.__enter__()
        except Exception as error:
            self._answer([(future, None, error) for _, future in batch])
            return
        self._change(opened, connection, batch)

    def _change(
        self, opened: AbstractContextManager[Connection], connection: Connection, batch: list[_Waiting]
    ) -> None:
        answers: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        broken: BaseException | None = None
        for change, future in batch:
            try:
                answers.append((future, change(connection), None))
            except (DBAPIError, sqlite3.Error) as fault:
                # The database itself failed (a full disk): nothing of this transaction will be there.
                broken = fault
                break
            except Exception as refused:
                answers.append((future, None, refused))
        ended = (type(broken), broken, broken.__traceback__) if broken else (None, None, None)

        def committed(_: object, failed: BaseException | None) -> None:
            lost = failed or broken
            self._answer([(f, None, lost) for _, f in batch] if lost else answers)

        self._in_thread(lambda: opened.__exit__(*ended), committed)

    def _answer(self, answers: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
        for future, value, error in answers:
            if future.done():
                continue  # its caller was cancelled
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        self.loop.call_soon(self._begin)

    def _in_thread(self, work: Callable[[], Any], then: Callable[[Any, BaseException | None], None]) -> None:
        def run() -> None:
            value, error = None, None
            try:
                value = work()
            except Exception as raised:
                error = raised
            with suppress(RuntimeError):  # the loop was closed: nobody is waiting any more
                self.loop.call_soon_threadsafe(then, value, error)

        self._threads.submit(run)
