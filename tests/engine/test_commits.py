"""Group commit: answered after the disk has it, whatever else the same transaction holds."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine.commits import MOST_CHANGES, GroupCommit
from engine.errors import InputError, StoreError
from engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "seedpilot.sqlite")
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    return store


def numbers(store: Store) -> list[int]:
    """As another process sees them."""
    with sqlite3.connect(store.path) as rows:
        return [n for (n,) in rows.execute("SELECT n FROM numbers ORDER BY n")]


def insert(n: int, connection: Connection) -> int:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (n,))
    return n


def test_each_is_answered_once_another_process_can_read_it(store: Store):
    async def one(commits: GroupCommit, n: int) -> None:
        assert await commits.write(partial(insert, n)) == n
        assert n in numbers(store)

    async def run() -> None:
        commits = GroupCommit(store.transaction)
        await asyncio.gather(*(one(commits, n) for n in range(3 * MOST_CHANGES)))

    asyncio.run(run())
    assert numbers(store) == list(range(3 * MOST_CHANGES))


def test_a_change_that_refuses_takes_none_of_the_others_with_it(store: Store):
    def refuse(_: Connection) -> None:
        raise InputError("no")

    async def run() -> list[object]:
        commits = GroupCommit(store.transaction)
        changes = [commits.write(partial(insert, 1)), commits.write(refuse), commits.write(partial(insert, 2))]
        return await asyncio.gather(*changes, return_exceptions=True)

    first, refused, last = asyncio.run(run())
    assert (first, last) == (1, 2)
    assert isinstance(refused, InputError)
    assert numbers(store) == [1, 2]


def test_where_the_database_fails_nobody_of_that_transaction_is_told_that_it_is_written(store: Store):
    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    async def run() -> list[object]:
        commits = GroupCommit(store.transaction)
        together = [commits.write(partial(insert, 1)), commits.write(broken), commits.write(partial(insert, 2))]
        outcomes = await asyncio.gather(*together, return_exceptions=True)
        assert await commits.write(partial(insert, 3)) == 3, "the next transaction is a new one"
        return list(outcomes)

    assert all(isinstance(outcome, StoreError) for outcome in asyncio.run(run()))
    assert numbers(store) == [3]


def test_a_change_is_written_even_if_its_asker_was_cancelled(store: Store):
    async def run() -> None:
        commits = GroupCommit(store.transaction)
        task = asyncio.create_task(_written(commits, 1))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await commits.write(partial(insert, 2))

    asyncio.run(run())
    assert numbers(store) == [1, 2]


async def _written(commits: GroupCommit, n: int) -> None:
    await commits.write(partial(insert, n))


def test_a_callback_that_writes_by_itself_in_between_waits_for_no_transaction_that_waits_for_it(store: Store):
    def by_itself(n: int) -> None:
        with store.transaction() as connection:
            insert(n, connection)

    async def run() -> None:
        commits, loop = GroupCommit(store.transaction), asyncio.get_running_loop()
        for round_ in range(30):
            writes = [asyncio.ensure_future(commits.write(partial(insert, 10 * round_ + n))) for n in range(3)]
            for n in (3, 4, 5):  # now, and after one and two turns of the loop
                loop.call_soon(by_itself, 10 * round_ + n)
                await asyncio.sleep(0)
            await asyncio.wait_for(asyncio.gather(*writes), 5)

    asyncio.run(run())
    assert len(numbers(store)) == 180


def test_it_serves_one_loop_after_the_other(store: Store):
    commits = GroupCommit(store.transaction)
    for n in range(3):
        asyncio.run(_written(commits, n))
    assert numbers(store) == [0, 1, 2]
