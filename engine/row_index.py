"""Every example of a run in a table on the disk: found by strategy, seed, reason and words, a page at a time.

The table is made of the pools' files and of what was changed by hand, and made again where they are others now. It is
an index and no store: deleting it loses nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import hand_edits
from engine.curation import KEPT
from engine.hand_edits import DROP, DROPPED, EDIT, Change
from engine.pools import EXAMPLES, REJECTED
from engine.records import PoolRow

FILE = "rows.sqlite"
_SHAPE = 1
"""Of the table; another one is made again."""
_CREATE = """
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, pool TEXT NOT NULL, seed_id TEXT, visit INTEGER, reason TEXT NOT NULL,
    edited INTEGER NOT NULL, question TEXT, answer TEXT, words TEXT NOT NULL,
    file TEXT NOT NULL, place INTEGER NOT NULL);
CREATE INDEX rows_by_reason ON rows (reason, pool);
CREATE INDEX rows_by_key ON rows (pool, seed_id, visit);
CREATE TABLE made (stamp TEXT NOT NULL);
"""
_INSERT = (
    "INSERT INTO rows (pool, seed_id, visit, reason, edited, question, answer, words, file, place) "
    "VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)"
)
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are wanted; empty: all."""

    pool: str = ""
    reason: str = ""
    """`kept`, or why there is no example."""
    seed_id: str = ""
    words: str = ""
    """Stands in the question or the answer, in whatever case."""
    edited: bool = False
    """Only what was edited by hand."""


@dataclass(frozen=True, slots=True)
class Row:
    """One example, or a visit that gave none."""

    id: int
    pool: str
    seed_id: str | None
    visit: int | None
    reason: str
    edited: bool
    question: str | None
    answer: str | None


class RowIndex:
    """The rows of one run."""

    def __init__(self, folder: Path, pools: Sequence[PoolRow]) -> None:
        """`folder` is the run's; reads all of the pools' files where the table is missing or old."""
        self._folder, self._pools = folder, {pool.name: Path(pool.folder) for pool in pools}
        self._path = folder / FILE
        if self._made_of() != self._stamp():
            self._make()

    def count(self, wanted: Filter) -> int:
        """How many rows there are."""
        where, values = _where(wanted)
        with self._open() as rows:
            return int(rows.execute(f"SELECT count(*) FROM rows {where}", values).fetchone()[0])  # noqa: S608

    def page(self, wanted: Filter, start: int, size: int) -> list[Row]:
        """So many rows from the one at `start`, in the order in which they were made."""
        where, values = _where(wanted)
        query = (
            "SELECT id, pool, seed_id, visit, reason, edited, question, answer FROM rows "  # noqa: S608
            f"{where} ORDER BY id LIMIT ? OFFSET ?"
        )
        with self._open() as rows:
            found = rows.execute(query, (*values, size, start)).fetchall()
        return [Row(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7]) for row in found]

    def reasons(self, pool: str = "") -> dict[str, int]:
        """Rows by reason; they add up."""
        where, values = _where(Filter(pool=pool))
        query = f"SELECT reason, count(*) FROM rows {where} GROUP BY reason"  # noqa: S608
        with self._open() as rows:
            return dict(rows.execute(query, values).fetchall())

    def edited(self) -> int:
        """How many rows were edited by hand."""
        return self.count(Filter(edited=True))

    def bought(self, row: Row) -> dict[str, Any]:
        """All that is known of a row, as it was bought."""
        with self._open() as rows:
            file, place = rows.execute("SELECT file, place FROM rows WHERE id = ?", (row.id,)).fetchone()
        with (self._pools[row.pool] / file).open("rb") as lines:
            lines.seek(place)
            return dict(json.loads(lines.readline()))

    def change(self, changes: Sequence[Change]) -> None:
        """Notes changes beside the run, and in the table."""
        hand_edits.note(self._folder, changes)
        with self._open() as rows, rows:
            for change in changes:
                self._apply(rows, change)
            rows.execute("UPDATE made SET stamp = ?", (self._stamp(),))

    # --- the table ----------------------------------------------------------------------------------

    def _apply(self, rows: sqlite3.Connection, change: Change) -> None:
        found = rows.execute(
            "SELECT id, file, place FROM rows WHERE pool = ? AND seed_id = ? AND visit = ? AND file = ?",
            (*change.key, EXAMPLES),
        ).fetchone()
        if found is None:
            return
        with (self._pools[change.pool] / EXAMPLES).open("rb") as lines:
            lines.seek(found[2])
            bought = json.loads(lines.readline())
        edits = change.action == EDIT
        question = change.question if edits else bought["question"]
        answer = change.answer if edits else bought["answer"]
        rows.execute(
            "UPDATE rows SET reason = ?, edited = ?, question = ?, answer = ?, words = ? WHERE id = ?",
            (
                DROPPED if change.action == DROP else KEPT,
                int(edits),
                question,
                answer,
                _words(question, answer),
                found[0],
            ),
        )

    def _make(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        stamp = self._stamp()
        with closing(sqlite3.connect(partial)) as rows:
            rows.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _CREATE)
            for pool, folder in self._pools.items():
                for file in (EXAMPLES, REJECTED):
                    for some in _batches(_read(pool, folder, file)):
                        rows.executemany(_INSERT, some)
            for change in hand_edits.standing(self._folder).values():
                self._apply(rows, change)
            rows.execute("INSERT INTO made VALUES (?)", (stamp,))
            rows.commit()
        partial.replace(self._path)

    def _made_of(self) -> str:
        if not self._path.exists():
            return ""
        try:
            with self._open() as rows:
                return str(rows.execute("SELECT stamp FROM made").fetchone()[0])
        except (sqlite3.DatabaseError, TypeError):
            return ""

    def _stamp(self) -> str:
        files = [folder / name for folder in self._pools.values() for name in (EXAMPLES, REJECTED)]
        files.append(self._folder / hand_edits.FILE)
        found = [
            (str(file), stat.st_size, stat.st_mtime_ns) for file in files if file.exists() for stat in [file.stat()]
        ]
        return json.dumps([_SHAPE, found])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as rows:
            yield rows


def _where(wanted: Filter) -> tuple[str, tuple[Any, ...]]:
    asked = {
        "pool = ?": wanted.pool,
        "reason = ?": wanted.reason,
        "seed_id = ?": wanted.seed_id,
        "instr(words, ?)": " ".join(wanted.words.casefold().split()),
    }
    parts = {part: value for part, value in asked.items() if value}
    said = [*parts, *(["edited"] if wanted.edited else [])]
    return (f"WHERE {' AND '.join(said)}" if said else ""), tuple(parts.values())


def _read(pool: str, folder: Path, file: str) -> Iterator[tuple[Any, ...]]:
    if not (folder / file).exists():
        return
    place = 0
    with (folder / file).open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            question, answer = row.get("question"), row.get("answer")
            visit = row.get("sample_index", row.get("visit"))
            reason = KEPT if file == EXAMPLES else row["reason"]
            yield pool, row.get("seed_id"), visit, reason, question, answer, _words(question, answer), file, place
            place += len(line)


def _words(question: str | None, answer: str | None) -> str:
    """What is searched."""
    return " ".join(f"{question or ''}\n{answer or ''}".casefold().split())


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    waiting: list[tuple[Any, ...]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= _AT_ONCE:
            yield waiting
            waiting = []
    yield waiting
