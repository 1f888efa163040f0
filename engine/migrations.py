"""The store's tables, as numbered steps; opening the store applies what is missing.

A step is never changed once it has landed: a new one follows it. `meta.version` is written last, in
the step's own transaction, so a step is either whole or absent.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, text


def m001_runs_cells_queries(connection: Connection) -> None:
    """Runs (what was asked), cells (what was measured), queries (the ledger: what was paid)."""
    for statement in (
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL, start_token TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL, request TEXT, message TEXT NOT NULL DEFAULT '',
            stage TEXT NOT NULL DEFAULT '', done REAL NOT NULL DEFAULT 0, total REAL NOT NULL DEFAULT 0,
            stage_started_at REAL, worker_pid INTEGER, worker_started_at REAL, heartbeat_at REAL,
            created_at REAL NOT NULL, finished_at REAL)""",
        """CREATE TABLE cells (
            run_id TEXT NOT NULL REFERENCES runs(id), key TEXT NOT NULL, cell TEXT NOT NULL,
            state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '', measurement TEXT, outcomes TEXT,
            detail TEXT, folder TEXT, PRIMARY KEY (run_id, key))""",
        """CREATE TABLE pools (
            run_id TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, counts TEXT NOT NULL,
            folder TEXT NOT NULL, PRIMARY KEY (run_id, name))""",
        # reply_usd is what the reply cost by its own token counts; NULL with a reply means that the
        # endpoint reported no usage (or there is no price), and the reservation then stands.
        """CREATE TABLE queries (
            id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs(id), key TEXT NOT NULL,
            strategy TEXT NOT NULL, seed_id TEXT NOT NULL, sample_index INTEGER NOT NULL,
            teacher TEXT NOT NULL, state TEXT NOT NULL, reserved_usd REAL, reply_usd REAL,
            input_tokens INTEGER, output_tokens INTEGER, reply TEXT, finish_reason TEXT,
            detail TEXT, created_at REAL NOT NULL, settled_at REAL)""",
        "CREATE UNIQUE INDEX queries_settled_once ON queries (key) WHERE state = 'settled'",
        "CREATE INDEX queries_by_run ON queries (run_id, state)",
    ):
        connection.execute(text(statement))


STEPS: tuple[Callable[[Connection], None], ...] = (m001_runs_cells_queries,)


def migrate(connection: Connection) -> None:
    """Brings the store to the newest version, inside the caller's transaction."""
    connection.execute(text("CREATE TABLE IF NOT EXISTS meta (version INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT version FROM meta")).scalar()
    if version is None:
        connection.execute(text("INSERT INTO meta VALUES (0)"))
        version = 0
    for number, step in enumerate(STEPS[version:], start=version + 1):
        step(connection)
        connection.execute(text("UPDATE meta SET version = :n"), {"n": number})
