"""A batch that was sent, and whose id is not known: its worker was killed, or the endpoint's answer did not arrive.

The endpoint's list is asked for its name. One that the list does not show may still come: a slow endpoint finishes a
creation after everybody has gone. So the uploaded file is deleted first, without which nothing can be created, and the
list is asked again for a while. Only then is a batch taken for never created. Where files cannot be deleted, nobody
can know: its queries stay charged as unknown, and every later worker looks for it once more.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy import Connection, text

from engine.errors import OutcomeUnknownError, RateLimitedError
from engine.store import Store
from engine.teachers.openai_batch import OpenAIBatches

LOOKED_FOR_S = 60.0
"""So long the list is asked after the file was deleted; a creation is one short request."""
UNSEEN = "unseen"
"""A batch of which nobody knows whether it was created. The other states: `open` (reserved or under way), `over` (taken
in), `given up` (never created, or refused)."""


async def seek(
    endpoint: OpenAIBatches,
    write: Callable[[Callable[[Connection], None]], None],
    name: str,
    file_id: str,
    pause: Callable[[float], Awaitable[None]],
    poll_s: tuple[float, float],
    looked_for_s: float,
) -> str | None:
    """The id of that batch, written down; None where there is none to take in, and its queries are closed.

    TeacherError where the endpoint cannot be asked: nothing is known then, and nothing is released.
    """
    gone = False
    found = await endpoint.find(name)
    if found is None:
        gone = bool(file_id) and await endpoint.forget(file_id)
        found = await _look(endpoint, name, pause, poll_s, looked_for_s)
    if found is None:
        if gone:
            write(partial(give_up, name=name, why="the endpoint has no batch of that name"))
        else:
            write(partial(leave_unknown, name=name, why="whether the batch was created is not known"))
        return None
    write(partial(created, name=name, remote_id=found))
    if gone and (await endpoint.state(found)).status == "failed":
        write(partial(give_up, name=name, why="the batch was created after its file was deleted"))
        return None
    return found


async def _look(
    endpoint: OpenAIBatches,
    name: str,
    pause: Callable[[float], Awaitable[None]],
    poll_s: tuple[float, float],
    looked_for_s: float,
) -> str | None:
    until, wait = time.monotonic() + looked_for_s, poll_s[0]
    while True:
        late = time.monotonic() > until
        try:
            if (found := await endpoint.find(name)) is not None or late:
                return found
        except (OutcomeUnknownError, RateLimitedError):
            if late:
                raise  # nothing is known; before that, looking is done again, it costs nothing
        await pause(wait)
        wait = min(poll_s[1], 1.5 * wait)


def open_batches(store: Store, run_id: str) -> list[tuple[str, str | None, str | None, str]]:
    """Name, file, id at the endpoint and state of what an earlier worker of the run left open, oldest first."""
    with store.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT name, file_id, remote_id, state FROM batches WHERE run_id = :run "
                "AND state IN ('open', 'unseen') ORDER BY created_at"
            ),
            {"run": run_id},
        ).all()
    return [(str(row[0]), row[1], row[2], str(row[3])) for row in rows]


def uploaded(connection: Connection, name: str, file_id: str) -> None:
    """Says that the file is there and the batch is created next."""
    connection.execute(text("UPDATE batches SET file_id = :id WHERE name = :name"), {"id": file_id, "name": name})


def created(connection: Connection, name: str, remote_id: str) -> None:
    """Says which batch it is at the endpoint."""
    connection.execute(text("UPDATE batches SET remote_id = :id WHERE name = :name"), {"id": remote_id, "name": name})


def give_up(connection: Connection, name: str, why: str) -> None:
    """Releases the queries of a batch that was never created, or that the endpoint refused whole."""
    _close(connection, name, "released", "given up", why)


def leave_unknown(connection: Connection, name: str, why: str) -> None:
    """Keeps the queries of a batch charged of which nobody knows whether it was created."""
    _close(connection, name, "unknown", UNSEEN, why)


def _close(connection: Connection, name: str, queries: str, batch: str, why: str) -> None:
    given = {"why": why[:500], "name": name, "queries": queries, "batch": batch}
    connection.execute(
        text(
            "UPDATE queries SET state = :queries, detail = :why "
            "WHERE batch = :name AND state IN ('reserved', 'unknown')"
        ),
        given,
    )
    connection.execute(text("UPDATE batches SET state = :batch, detail = :why WHERE name = :name"), given)
