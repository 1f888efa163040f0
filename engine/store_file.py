"""The store's file: how it is opened and migrated, read and written, and the room that is held for last words.

Every change is one short transaction begun as a writer (`BEGIN IMMEDIATE`), so two processes never act on the same
reading.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from engine.database import opened, translated
from engine.migrations import migrate

BALLAST_BYTES = 2_000_000


class StoreFile:
    """Opens (and where needed creates or migrates) the store in that file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path.parent
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self.engine = opened(path)
            with self.transaction() as connection:
                migrate(connection, path)
        except (OSError, DatabaseError) as error:  # also a file that is no database
            raise translated(error, path) from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One writing transaction; a full disk becomes DiskFullError."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
        except (OperationalError, sqlite3.OperationalError) as error:
            raise translated(error, self.path) from error

    def hold_ballast(self) -> None:
        """Takes some room on the disk, to be given free when the disk is full: what was received can
        then still be written, and why the run stopped."""
        try:
            (self.home / "ballast").write_bytes(b"\0" * BALLAST_BYTES)
        except OSError as error:
            raise translated(error, self.path) from error

    def drop_ballast(self) -> None:
        """Gives that room free."""
        (self.home / "ballast").unlink(missing_ok=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that reads; a store that cannot be read becomes StoreError."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise translated(error, self.path) from error
