"""The store's tables, as numbered steps; opening the store applies what is missing.

A step is never changed once it has landed: a new one follows it. `meta.version` is written last, in
the step's own transaction, so a step is either whole or absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, text

from engine.errors import StoreError
from engine.search_words import words_of


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


def m002_running_totals(connection: Connection) -> None:
    """What each run is charged, kept by the database itself at every change of a query: the ceiling is
    checked before each query, and adding up a hundred thousand rows each time would take longer than asking.

    A batch is a file of queries that the endpoint answers within a day; its row is there before anything
    is uploaded, and `remote_id` once the endpoint has taken it.
    """
    for statement in (
        "CREATE TABLE charges (run_id TEXT PRIMARY KEY, queries INTEGER NOT NULL, usd REAL NOT NULL)",
        """INSERT INTO charges
            SELECT run_id, count(*), sum(coalesce(reply_usd, reserved_usd, 0)) FROM queries
            WHERE state != 'released' GROUP BY run_id""",
        """CREATE TRIGGER queries_charged AFTER INSERT ON queries WHEN new.state != 'released' BEGIN
            INSERT INTO charges VALUES (new.run_id, 1, coalesce(new.reply_usd, new.reserved_usd, 0))
            ON CONFLICT (run_id) DO UPDATE SET queries = queries + 1, usd = usd + excluded.usd; END""",
        """CREATE TRIGGER queries_charged_anew AFTER UPDATE OF state, reply_usd, reserved_usd ON queries BEGIN
            UPDATE charges SET
                queries = queries + (new.state != 'released') - (old.state != 'released'),
                usd = usd + iif(new.state != 'released', coalesce(new.reply_usd, new.reserved_usd, 0), 0)
                          - iif(old.state != 'released', coalesce(old.reply_usd, old.reserved_usd, 0), 0)
            WHERE run_id = new.run_id; END""",
        """CREATE TABLE batches (
            name TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs(id), state TEXT NOT NULL,
            remote_id TEXT, detail TEXT, created_at REAL NOT NULL)""",
        "ALTER TABLE queries ADD COLUMN batch TEXT REFERENCES batches(name)",
        "CREATE INDEX queries_on_their_way ON queries (key) WHERE state = 'reserved'",
    ):
        connection.exec_driver_sql(statement)


def m003_uploaded_files(connection: Connection) -> None:
    """The file of a batch at its endpoint, written down before the batch is created: without one, no batch can have
    been. Of batches from before this step it is not known (empty)."""
    connection.exec_driver_sql("ALTER TABLE batches ADD COLUMN file_id TEXT")
    connection.exec_driver_sql("UPDATE batches SET file_id = ''")


def m004_deleted_runs(connection: Connection) -> None:
    """When a run was deleted. Its row stays: what its account was charged is never forgotten, and other runs find the
    replies that it paid for."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN deleted_at REAL")
    connection.exec_driver_sql("CREATE INDEX runs_by_date ON runs (created_at)")


def m005_search_words(connection: Connection) -> None:
    """What a run is found by, beside it: reading a thousand plans at each letter that is typed would take too long."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    for run_id, name, plan in connection.exec_driver_sql("SELECT id, name, plan FROM runs").all():
        connection.execute(
            text("UPDATE runs SET words = :words WHERE id = :id"),
            {"words": words_of(run_id, name, json.loads(plan)), "id": run_id},
        )


def m006_owners(connection: Connection) -> None:
    """Who filed a run, as the identity provider named them; NULL: whoever sat at the machine."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN owner TEXT")
    connection.exec_driver_sql("CREATE INDEX runs_by_owner ON runs (owner, created_at)")


def m007_stage_base(connection: Connection) -> None:
    """What of a stage was there when its clock started: it says nothing of the pace."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN stage_base REAL NOT NULL DEFAULT 0")


STEPS: tuple[Callable[[Connection], None], ...] = (
    m001_runs_cells_queries,
    m002_running_totals,
    m003_uploaded_files,
    m004_deleted_runs,
    m005_search_words,
    m006_owners,
    m007_stage_base,
)


def migrate(connection: Connection, path: Path) -> None:
    """Brings the store in that file to the newest version, inside the caller's transaction; StoreError, and nothing is
    written, where a newer SeedPilot wrote it."""
    connection.execute(text("CREATE TABLE IF NOT EXISTS meta (version INTEGER NOT NULL)"))
    version = connection.execute(text("SELECT version FROM meta")).scalar()
    if version is not None and version > len(STEPS):
        raise StoreError(
            f"the store {path} was written by a newer SeedPilot (it has version {version}, this one knows versions up "
            f"to {len(STEPS)}): take a newer SeedPilot, or set SEEDPILOT_HOME to another folder. Nothing was changed"
        )
    if version is None:
        connection.execute(text("INSERT INTO meta VALUES (0)"))
        version = 0
    for number, step in enumerate(STEPS[version:], start=version + 1):
        step(connection)
        connection.execute(text("UPDATE meta SET version = :n"), {"n": number})
