"""JSONL, CSV and Parquet files as numbered rows; what is no row says why, and no line is passed over unsaid.

Text is UTF-8, with or without a byte-order mark, or UTF-16 with one; lines end as they like; a file may be gzipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.lib
from pyarrow import parquet

from engine.errors import InputError
from engine.rows import as_text

Row = tuple[int, "dict[str, Any] | str"]
"""Line number (a Parquet's row number) and the row, or what is wrong there."""

FORMATS = "a JSONL, CSV or Parquet file, which may be gzipped (.gz)"
LOOK_BYTES = 1_000_000
"""So much of a text file is read for a look at its first rows."""
MOST_BYTES = 4 * 2**30
"""A gzipped file that unpacks to more is refused."""
LONGEST_CELL = 2**30
"""Characters of one cell of a CSV; the csv module's own limit is shorter than many a prompt."""


def unit(name: str) -> str:
    """What a number of a row counts in that file: `line` or `row`."""
    return "row" if _plain(name).endswith(".parquet") else "line"


def content_of(path: Path) -> bytes:
    """The bytes of a file; InputError where it cannot be read."""
    if path.is_dir():
        raise InputError(
            f"{path}: is a folder; give a file in it, or hub:{path}#train where it is a data set as on the hub"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of {FORMATS}") from error


def parse_rows(content: bytes, name: str) -> Iterator[Row]:
    """The rows in a file's bytes; `name` decides the format by its ending and stands in the messages.

    Raises InputError where the file as a whole is wrong: empty, of another format, in another encoding (then
    every line that shows it is named).
    """
    if not content:
        raise InputError(f"{name}: the file is empty; expected one row a line")
    content = _unpacked(content, name)
    if _plain(name).endswith(".parquet"):
        return _parquet_rows(content, name)
    text = _decoded(content, name)
    if not text.strip():
        raise InputError(f"{name}: the file is empty; expected one row a line")
    return _reader(name)(text)


def first_rows(path: Path, count: int = 5) -> list[dict[str, str]]:
    """The first rows of a file as text, for a look at it."""
    return [{name: as_text(value) for name, value in row.items()} for row in beginning(path, count)]


def beginning(path: Path, count: int) -> list[dict[str, Any]]:
    """The first rows of a file as they are; what cannot be read is passed over here, since reading the file tells
    it."""
    try:
        if _plain(path.name).endswith(".parquet") and path.suffix.lower() != ".gz":
            rows: Iterator[Row] = _parquet_rows(path, path.name, batch=count)
        else:
            rows = _reader(path.name)(_start(path))
        return list(islice((row for _, row in rows if isinstance(row, dict)), count))
    except (InputError, OSError, EOFError, zlib.error):
        return []


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _reader(name: str) -> Callable[[str], Iterator[Row]]:
    if _plain(name).endswith(".csv"):
        return _csv_rows
    if _plain(name).endswith(".jsonl"):
        return _jsonl_rows
    raise InputError(
        f"{name}: expected a file that ends in .jsonl, .csv or .parquet, or in one of these and .gz"
        + ("; save a JSON list as JSONL, one object a line" if _plain(name).endswith(".json") else "")
    )


def _start(path: Path) -> str:
    """The beginning of a text file, up to its last whole line."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        start = gzip.GzipFile(fileobj=raw).read(LOOK_BYTES) if packed else raw.read(LOOK_BYTES)
    if len(start) == LOOK_BYTES:
        start = start[: start.rfind(b"\n") + 1] or start
    return start.decode(_encoding(start), errors="replace")


def _unpacked(content: bytes, name: str) -> bytes:
    if content.startswith(b"PK\x03\x04"):
        raise InputError(f"{name}: is a ZIP archive or an Excel file; unpack it, or save the sheet as CSV UTF-8")
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: is no whole gzip file ({error}); copy it again") from error
    if len(unpacked) > MOST_BYTES:
        raise InputError(f"{name}: unpacks to more than {MOST_BYTES // 2**30} GB; give a part of it")
    return unpacked


def _encoding(content: bytes) -> str:
    return "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        whole = error
    problems = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            before = line[max(0, error.start - 20) : error.start].decode("utf-8", errors="replace")
            problems.append((number, f"byte 0x{line[error.start]:02X} after {before!r}"))
    advice = 'save it as UTF-8 (in Excel: "CSV UTF-8")'
    if not problems:
        raise InputError(f"{name}: is not UTF-8 text ({whole.reason}); {advice}") from whole
    shown, more = problems[:20], len(problems) - 20
    raise InputError(
        [f"{name}, line {number}: is not UTF-8 text ({why}); {advice}" for number, why in shown]
        + ([f"{name}: and {more} more lines that are not UTF-8"] if more > 0 else [])
    ) from whole


def _jsonl_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if "\\ud" in line.lower():
                json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            yield number, "holds half a character (a lone surrogate such as \\ud83d); write the file as UTF-8"
        except ValueError as error:
            yield number, f"is no valid JSON ({error})"
        except RecursionError:
            yield number, "is no valid JSON (nested too deeply)"
        else:
            yield number, row if isinstance(row, dict) else "is no JSON object"


def _csv_rows(text: str) -> Iterator[Row]:
    """Rows by the line on which they begin. Commas separate cells, or semicolons or tabs where the first line has
    no comma; a column without a name (a written index, a comma too many) is passed over."""
    csv.field_size_limit(LONGEST_CELL)
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            begun, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = [name.strip() for name in cells]
                if twice := sorted({name for name in names if name and names.count(name) > 1}):
                    yield begun, f"column {twice[0]!r} stands twice in the first line; give each column its own name"
                    return
                continue
            if any(cell.strip() for cell in cells[len(names) :]):
                yield begun, f"has {len(cells)} cells, expected {len(names)}; put cells with {delimiter!r} into quotes"
                continue
            yield begun, {name: cell for name, cell in zip(names, cells, strict=False) if name}
    except csv.Error as error:
        # A quote that is never closed reaches to the end of the file: what lies behind its beginning is not read.
        yield start, f"is no valid CSV from here on ({error})"


def _parquet_rows(source: bytes | Path, name: str, batch: int = 1024) -> Iterator[Row]:
    try:
        file = parquet.ParquetFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise InputError(f"{name}: is no readable Parquet file ({error})") from error
    if not file.metadata.num_rows:
        raise InputError(f"{name}: the file is empty; expected at least one row")
    return _rows_of(file, name, batch)


def _rows_of(file: parquet.ParquetFile, name: str, batch: int) -> Iterator[Row]:
    number = 0
    try:
        for part in file.iter_batches(batch_size=batch):
            for row in part.to_pylist():
                number += 1
                yield number, as_json(row)
    except (pyarrow.lib.ArrowException, OSError) as error:
        yield number + 1, f"cannot be read from here on ({error}); copy the file again"


def as_json(value: Any) -> Any:
    """A value of a typed table as JSON has it: dates and bytes as text, null for what is no number."""
    if isinstance(value, dict):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [as_json(part) for part in value]
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return f"<{len(value)} bytes>"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)
