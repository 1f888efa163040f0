"""What a long run has seen before, in a private table on the disk: memory does not grow with the examples.

SQLite's temporary databases: a file without a name that the operating system removes with the process, of which no more
than CACHE_KIB is held in memory.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.database import translated
from engine.similarity import COPY, Features, Hashes, jaccard

CACHE_KIB = 2048
"""Of a table's pages in memory, at most; what is larger lies on the disk (or in the system's own cache of it)."""
_PLACE = Path(tempfile.gettempdir(), "a temporary table")


class Marks:
    """Whole numbers, each once."""

    def __init__(self) -> None:
        self._table = _table("CREATE TABLE marks (mark INTEGER PRIMARY KEY)")

    def new(self, mark: int) -> bool:
        """Keeps a number of 64 bits with a sign; whether it was not there."""
        with _told():
            return self._table.execute("INSERT OR IGNORE INTO marks VALUES (?)", (mark,)).rowcount == 1

    def __contains__(self, mark: int) -> bool:
        with _told():
            return self._table.execute("SELECT 1 FROM marks WHERE mark = ?", (mark,)).fetchone() is not None


class Questions:
    """Questions that were kept, each new one compared with all of them: MinHash bands find the likely ones.

    BANDS of ROWS minima find 99 % of the pairs with J 0.85, where they begin to count as one, and all but one in 5,000
    of those with J 0.95; a likely one is then compared by its sketch. The texts are not held: an entry takes BANDS
    short rows and four bytes for each of its shingles, SKETCH at most, on the disk.
    """

    BANDS, ROWS = 8, 5
    SKETCH = 128
    """So many of a text's smallest shingles are kept: all of a question of 60 words."""
    LIKELY = 32
    """Likely ones that a band may name, the latest first: a pool of one template must not compare ever longer."""

    def __init__(self) -> None:
        draw = np.random.default_rng(2024)
        drawn = draw.integers(1, 2**63, self.BANDS * self.ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._multipliers = drawn.reshape(self.BANDS, self.ROWS, 1)
        self._table = _table(
            "CREATE TABLE bands (key INTEGER, place INTEGER, PRIMARY KEY (key, place)) WITHOUT ROWID",
            "CREATE TABLE sketches (place INTEGER PRIMARY KEY, sketch BLOB)",
        )
        self._count = 0
        self._asked: tuple[Features, list[int]] | None = None  # what is kept was asked about just before

    def has(self, asked: Features) -> bool:
        """Whether a kept question is the same, nearly word for word."""
        places = {place for key in self._bands(asked) for place in self._likely(key)}
        sketch = _sketch(asked.shingles)
        return any(_alike(sketch, self._sketch(place)) >= COPY for place in sorted(places))

    def add(self, kept: Features) -> None:
        """Keeps one more. One without words or digits is like no other, and takes no place."""
        keys = self._bands(kept)
        if not keys:
            return
        with _told():
            rows = [(key, self._count) for key in keys]
            self._table.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", rows)
            sketch = _sketch(kept.shingles).tobytes()
            self._table.execute("INSERT INTO sketches VALUES (?, ?)", (self._count, sketch))
        self._count += 1

    def _likely(self, key: int) -> list[int]:
        latest = "SELECT place FROM bands WHERE key = ? ORDER BY place DESC LIMIT ?"
        with _told():
            return [place for (place,) in self._table.execute(latest, (key, self.LIKELY))]

    def _sketch(self, place: int) -> NDArray[np.uint32]:
        with _told():
            (found,) = self._table.execute("SELECT sketch FROM sketches WHERE place = ?", (place,)).fetchone()
        return np.frombuffer(found, dtype=np.uint32)

    def _bands(self, asked: Features) -> list[int]:
        """Keys that two texts share if they are alike; numbers and context are part of each: others never meet."""
        if not len(asked.shingles):
            return []
        if self._asked is not None and self._asked[0] is asked:
            return self._asked[1]
        told = "\x00".join([asked.context, *sorted(asked.numbers)]).encode(errors="surrogatepass")
        facts = hashlib.blake2b(told, digest_size=8).digest()
        keys = []
        for band, rows in enumerate(self._multipliers):
            minima = (asked.shingles * rows).min(axis=1)
            keys.append(number(facts + bytes([band]) + minima.tobytes()))
        self._asked = asked, keys
        return keys


def number(said: bytes) -> int:
    """A number of 64 bits with a sign that stands for those bytes, the same in every process."""
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little", signed=True)


def _sketch(shingles: Hashes) -> NDArray[np.uint32]:
    """The upper halves of the smallest hashes, ascending: of two texts the same part is looked at."""
    return (shingles[: Questions.SKETCH] >> np.uint64(32)).astype(np.uint32)


def _alike(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> float:
    """J from two sketches: exact for whole texts, else from the smallest of both together (bottom-k, Broder 1997)."""
    if max(len(first), len(second)) < Questions.SKETCH:
        return jaccard(first, second)
    smallest = np.union1d(first, second)[: Questions.SKETCH]
    return float(np.mean(np.isin(smallest, first) & np.isin(smallest, second)))


def _table(*made: str) -> sqlite3.Connection:
    with _told():
        # No name: a file of its own that nobody else sees and that is gone with the process, however it ends.
        connection = sqlite3.connect("", isolation_level=None)
        for line in ("PRAGMA journal_mode = OFF", f"PRAGMA cache_size = -{CACHE_KIB}", *made):
            connection.execute(line)
    return connection


@contextmanager
def _told() -> Iterator[None]:
    """A full disk is told as one, with the folder that is full."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, _PLACE) from error
