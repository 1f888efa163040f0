"""Runs one SELECT on a SQLite database, read-only and within limits; the script behind `sql.py`.

The process bounds memory and spilled files; SQLite bounds the rest: an authorizer that allows reading
and nothing else, a step and a time limit through the progress handler, lengths, rows and bytes.
"""

import json
import resource
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

MEMORY_BYTES = 1 << 30
SPILL_BYTES = 64 << 20
SECONDS = 10.0
STEPS = 200_000_000
STEPS_BETWEEN_LOOKS = 10_000
ROWS = 100_000
BYTES = 16 << 20
LENGTHS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 500,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
REFUSED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "randomblob", "zeroblob", "fts3_tokenizer"}


def authorize(action: int, first: Any, second: Any, database: Any, trigger: Any) -> int:
    """Reading, and functions that neither touch files nor make memory out of nothing."""
    if action in ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and str(second).lower() not in REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def run(path: str, sql: str) -> dict[str, Any]:
    """`{"rows": [...]}` or `{"error": why}`."""
    uri = Path(path).resolve().as_uri() + "?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA trusted_schema = 0")
    for limit, value in LENGTHS.items():
        connection.setlimit(limit, value)
    connection.set_authorizer(authorize)
    deadline, steps = time.monotonic() + SECONDS, 0

    def tick() -> int:
        nonlocal steps
        steps += STEPS_BETWEEN_LOOKS
        return int(steps > STEPS or time.monotonic() > deadline)

    connection.set_progress_handler(tick, STEPS_BETWEEN_LOOKS)
    try:
        cursor = connection.execute(sql)
        rows, size = [], 0
        for row in cursor:
            rows.append([plain(value) for value in row])
            size += sum(len(value) if isinstance(value, str) else 8 for value in rows[-1])
            if len(rows) > ROWS or size > BYTES:
                return {"error": "the result is too large"}
    except (sqlite3.Error, sqlite3.Warning) as error:
        if "interrupted" in str(error):
            return {"error": "it took too long"}
        return {"error": str(error)[:200]}
    finally:
        connection.close()
    return {"rows": rows}


def plain(value: Any) -> Any:
    """A cell as JSON can hold it; bytes as text, so that they compare."""
    if isinstance(value, bytes):
        return "x'" + value.hex() + "'"
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return value


def main() -> None:
    """Answers questions, one a line, until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPILL_BYTES, SPILL_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = run(question["database"], question["sql"])
        except MemoryError:
            answer = {"error": "it needed too much memory"}
        except sqlite3.Error as error:
            answer = {"error": str(error)[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
