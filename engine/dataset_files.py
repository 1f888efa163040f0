"""The files of a data set folder, written row by row: the forms that trainers read, and two tables in Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
from pyarrow import parquet

from engine.trainer_configs import CHAT_PAIRS, FILES, MESSAGES, PAIRS

PROVENANCE, REJECTED = "provenance", "rejected"
AT_ONCE = 1_000
"""Rows that are written to a Parquet at a time."""

_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\u0085\u2028\u2029"}
"""JSON holds them as they are; readers that cut a text into lines by `splitlines` would cut a row in two."""
_IDS = pa.list_(pa.int64())
PROVENANCE_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("source", pa.string()),
        ("seed_id", pa.string()),
        ("strategy", pa.string()),
        ("visit", pa.int64()),
        ("prompts", pa.string()),
        ("teacher", pa.string()),
        ("augmenter", pa.string()),
        ("temperature", pa.float64()),
        ("max_answer_tokens", pa.int64()),
        ("max_question_tokens", pa.int64()),
        ("votes", pa.int64()),
        ("query_ids", _IDS),
        ("usd", pa.float64()),
        ("edited_at", pa.string()),
    ]
)
"""`visit` counts the visits to that seed, from 0; `usd` is the price of the row's queries, which others may share;
`edited_at` is null but where a person changed the row."""
REJECTED_SCHEMA = pa.schema(
    [
        ("strategy", pa.string()),
        ("seed_id", pa.string()),
        ("visit", pa.int64()),
        ("reason", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("query_ids", _IDS),
    ]
)


class Rows:
    """The files that hold every row, each in the same order."""

    def __init__(self, files: Mapping[str, TextIO], origin: Callable[[Mapping[str, Any]], None]) -> None:
        self._files, self._origin = files, origin
        self.count = 0

    @classmethod
    @contextmanager
    def into(cls, folder: Path) -> Iterator[Rows]:
        """All the files of a folder, open for as long as the block lasts."""
        with ExitStack() as stack:
            files = {n: stack.enter_context((folder / f).open("w", encoding="utf-8")) for n, f in FILES.items()}
            yield cls(files, stack.enter_context(parquet_rows(folder / f"{PROVENANCE}.parquet", PROVENANCE_SCHEMA)))

    def write(self, source: str, messages: Sequence[Mapping[str, str]], origin: Mapping[str, Any]) -> None:
        """One row: a chat whose last turn is what is learned."""
        *asked, answer = messages
        # A student without a chat template reads the contents, one a line, as in a pilot.
        forms: dict[str, dict[str, Any]] = {
            MESSAGES: {"messages": messages},
            PAIRS: {"prompt": "".join(f"{one['content']}\n" for one in asked), "completion": answer["content"]},
            CHAT_PAIRS: {"prompt": asked, "completion": [answer]},
        }
        for name, form in forms.items():
            line = json.dumps({**form, "source": source}, ensure_ascii=False)
            self._files[name].write(line.translate(_LINE_ENDS) + "\n")
        self._origin({"row": self.count, "source": source, **origin})
        self.count += 1


@contextmanager
def parquet_rows(path: Path, schema: pa.Schema) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Writes rows as they come; what a row does not say is null."""
    waiting: list[Mapping[str, Any]] = []
    with parquet.ParquetWriter(path, schema) as writer:

        def write(row: Mapping[str, Any]) -> None:
            waiting.append(row)
            if len(waiting) >= AT_ONCE:
                flush()

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist([dict(row) for row in waiting], schema=schema))
            waiting.clear()

        yield write
        flush()


def origin_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A kept example's row of the table of provenance."""
    sampling = row.get("sampling", {})
    return {
        **{name: row.get(name) for name in ("seed_id", "strategy", "prompts", "teacher", "augmenter", "usd")},
        **{name: sampling.get(name) for name in ("temperature", "max_answer_tokens", "max_question_tokens", "votes")},
        "visit": row.get("sample_index"),
        "query_ids": row.get("query_ids"),
        "edited_at": row.get("edited", {}).get("at"),
    }


def repeated(strategy: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the table of what was left out, for an example whose words another one has."""
    named = {name: row.get(name) for name in ("seed_id", "question", "answer", "query_ids")}
    return {**named, "strategy": strategy, "visit": row.get("sample_index"), "reason": "duplicate"}
