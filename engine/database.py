"""The SQLite file under the store: how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from engine.errors import DiskFullError, StoreError

BUSY_TIMEOUT_S = 30


def opened(path: Path) -> Engine:
    """The engine of that file; its connections begin no transaction of their own."""
    engine = create_engine(
        f"sqlite:///{path}", poolclass=QueuePool, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # `transaction` begins writers itself, and readers need no transaction: the driver begins none.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a committed reservation survives a power cut, as the money rules ask.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def reader(path: Path) -> sqlite3.Connection:
    """A connection of its own for reading by key, thousands of times a second, from one thread; each
    reading sees what was committed until then."""
    return sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S
    )


def direct(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection, inside the same transaction: for the ledger's few statements, which run
    for every query and take a tenth of the time without SQLAlchemy around them."""
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def translated(error: DatabaseError | sqlite3.Error | OSError, path: Path) -> StoreError:
    """Our error for a database error: full disk, or a file that cannot be used."""
    text_ = str(error)
    if "disk is full" in text_ or "No space left" in text_ or "File too large" in text_:
        return DiskFullError(
            f"the disk that holds {path.parent} is full; what was paid for until now is kept. "
            "Free some space there, then resume the run"
        )
    return StoreError(f"the store {path} cannot be used ({text_.splitlines()[0]}); check that its folder is writable")
