"""Text-to-SQL: a reply is right where it gives the gold's result on the real SQLite database.

Results are compared as rows, with repeats and in the order of their columns; the order of the rows
counts where the gold query orders them. Numbers agree to nine digits.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from engine.domain import Item, Score
from engine.rows import RowReader, as_text, make_item
from engine.tasks.helper import Helper
from engine.tasks.outcomes import not_scored, right, wrong
from engine.tasks.records import json_object

Rows = list[tuple[Any, ...]]
LONGEST_SCHEMA = 20_000
"""Characters of a schema in a prompt."""
LONGEST_QUERY = 20_000
_FENCED = re.compile(r"```(?:sql|sqlite)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_START = re.compile(r"\bSELECT\b|\bWITH\s+(?:RECURSIVE\s+)?\w+\s*(?:\(|AS\b)", re.IGNORECASE)
_STATEMENT = re.compile(
    r"\s*(?:ALTER|ANALYZE|ATTACH|BEGIN|COMMIT|CREATE|DELETE|DETACH|DROP|EXPLAIN|INSERT|PRAGMA|REINDEX|RELEASE|REPLACE|"
    r"ROLLBACK|SAVEPOINT|UPDATE|VACUUM)\s",
    re.IGNORECASE,
)
_END = re.compile(r";[ \t]*\n|\n[ \t]*\n")
_READS = (exp.Select, exp.SetOperation)
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Pragma)
_run = Helper("_sql_helper.py", deadline_s=20.0)


def find_query(reply: str) -> str | None:
    """The query in a reply: the last code fence, a JSON object's `sql` or `query`, the whole reply where
    it is a statement, or in prose what follows the first SELECT or WITH; None where there is none."""
    if fenced := _FENCED.findall(reply):
        text = fenced[-1]
    elif (record := json_object(reply)) is not None:
        text = next((str(record[name]) for name in ("sql", "query", "answer") if name in record), "")
    elif _STATEMENT.match(reply):
        text = reply
    else:
        start = _START.search(reply)
        text = reply[start.start() :] if start else ""
    if not fenced:
        text = _END.split(text, maxsplit=1)[0]  # what stands below an unfenced query explains it
    return text.strip().rstrip(";").strip() or None


def parse_answer(reply: str) -> str | None:
    """The query alone, on one line where it has no comment; None where there is none."""
    query = find_query(reply)
    return query if query is None or "--" in query else " ".join(query.split())


def why_refused(query: str) -> str | None:
    """Why a query is not run: it is no single SELECT that sqlglot can read. None for one that may run."""
    if len(query) > LONGEST_QUERY:
        return "the query is too long"
    try:
        statements = [one for one in sqlglot.parse(query, read="sqlite") if one is not None]
    except (sqlglot.errors.SqlglotError, RecursionError):
        return "the query cannot be read"
    if len(statements) != 1:
        return "not one statement"
    root = statements[0]
    if not isinstance(root, _READS) or any(root.find(kind) for kind in _WRITES):
        return "not a SELECT"
    return None


@functools.lru_cache(maxsize=4096)
def orders(query: str) -> bool:
    """Whether the query itself orders its rows, not only a part of it."""
    root = sqlglot.parse_one(query, read="sqlite")
    return root.args.get("order") is not None


def result(database: Path, query: str) -> Rows | str:
    """The rows of a query, or why there are none."""
    refused = why_refused(query)
    if refused:
        return refused
    answer = _run.ask({"database": str(database), "sql": query})
    if answer is None:
        return "it took too long or needed too much memory"
    return answer["error"] if "error" in answer else [tuple(map(_cell, row)) for row in answer["rows"]]


def _cell(value: Any) -> Any:
    return float(f"{value:.9g}") if isinstance(value, float) else value


def sql(find_database: Callable[[str], Path | None]) -> Callable[[Item, str], Score]:
    """A scorer of queries; the item's `db_id` names its database."""
    gold_rows = functools.lru_cache(maxsize=4096)(result)

    def score(item: Item, reply: str) -> Score:
        database = find_database(item.fields.get("db_id", ""))
        if database is None:
            return not_scored(f"no database {item.fields.get('db_id', '')!r}")
        gold = find_query(item.answer)
        expected = gold_rows(database, gold) if gold else "there is no query"
        if gold is None or isinstance(expected, str):
            return not_scored(f"the gold query: {expected}")
        query = find_query(reply)
        if query is None:
            return wrong("no query in the reply")
        found = result(database, query)
        if isinstance(found, str):
            return wrong(found)
        same = found == expected if orders(gold) else Counter(found) == Counter(expected)
        if not same:
            return wrong("another order" if Counter(found) == Counter(expected) else "another result")
        return right(reason="" if expected else "both results are empty")

    return score


def databases(folder: Path | None) -> Callable[[str], Path | None]:
    """Finds `NAME.sqlite`, `NAME.db` or `NAME/NAME.sqlite` in a folder; never a file outside it."""

    @functools.cache
    def find(name: str) -> Path | None:
        if folder is None or not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
            return None
        tried = [folder / f"{name}{ending}" for ending in (".sqlite", ".db", ".sqlite3")]
        tried += [folder / name / path.name for path in tried]
        return next((path for path in tried if path.is_file()), None)

    return find


@functools.lru_cache(maxsize=512)
def schema(database: Path) -> str:
    """The CREATE TABLE statements of a database, cut at a length that a prompt can hold."""
    connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL").fetchall()
    finally:
        connection.close()
    return ";\n".join(str(row[0]).strip() for row in found)[:LONGEST_SCHEMA]


def rows(find_database: Callable[[str], Path | None], question: str, answer: str | None) -> RowReader:
    """Reads `question`, the gold `query` (None: there is none) and `db_id`; the schema of the database is the
    context."""
    wanted = [question, *([answer] if answer else []), "db_id"]

    def read(row: Mapping[str, Any]) -> Item | str:
        texts = {name: as_text(row.get(name)) for name in wanted}
        if empty := [name for name, text in texts.items() if not text]:
            return f"column {empty[0]!r} is missing or empty (found: {', '.join(map(str, row)) or 'no column'})"
        database = find_database(texts["db_id"])
        if database is None:
            return (
                f"no database {texts['db_id']!r}; expected {texts['db_id']}.sqlite in a folder `database` beside the "
                "file, or in the folder that task.toml names as scorer.databases"
            )
        try:
            context = schema(database)
        except sqlite3.Error as error:
            return f"{database}: is no SQLite database ({error})"
        return make_item(row, texts[question], texts[answer] if answer else "", context, {"db_id": texts["db_id"]})

    return read
