"""Rows of a data set on the hub, or of a folder laid out like one, as a JSONL file of this machine.

`hub:OWNER/NAME[:CONFIG][@REVISION][#SPLIT]`, or a folder (`hub:./folder#train`). The `datasets` package reads it
(`pip install -e '.[hub]'`), from version 4 on unable to run a data set's own code; only Parquet and JSON are read.
Rows are streamed, so that no more of a large data set is loaded than is asked for, and kept for a day.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi
from pyarrow.dataset import ParquetFragmentScanOptions

from engine.errors import InputError
from engine.plan import HUB
from engine.row_files import as_json
from engine.settings import Settings

MOST_ROWS = 20_000
"""Rows that are read where nobody says a number."""
MOST_BYTES, MOST_S = 2**30, 300.0
"""A data set whose first rows are larger, or take longer to come, is refused."""
WAIT_S = 20.0
"""So long the hub may take to say whether there is such a data set."""
KEPT_S = 24 * 3600.0
"""A data set without a revision may change: after a day it is read again. A filed run has its own copy."""
FORM = "hub:OWNER/NAME, with :CONFIG, @REVISION and #SPLIT where they are wanted, like hub:openai/gsm8k:main#train"
_READ = ("parquet", "json")
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


class Source(NamedTuple):
    """What stands behind `hub:`."""

    name: str
    """Hub id, or a folder's path."""
    config: str | None
    revision: str | None
    split: str

    @property
    def folder(self) -> bool:
        """Whether it lies on this machine."""
        return self.name.startswith((".", "/", "~"))


class Local(NamedTuple):
    """A file of this machine, and what is to be said about how it came here."""

    path: Path
    note: str | None


def parse(text: str) -> Source:
    """What a source like `hub:openai/gsm8k:main@abc#train` names; InputError where it is none."""
    rest, _, split = text.removeprefix(HUB).partition("#")
    rest, _, revision = rest.partition("@")
    name, _, config = rest.partition(":")
    found = Source(name, config or None, revision or None, split or "train")
    if not found.folder and not _ID.fullmatch(name):
        raise InputError(f"{text}: is no data set; expected {FORM}")
    return found


def local(path: str, rows: int | None = None) -> Local:
    """The file at that path, or the first rows (None: 20,000) of that data set as a file.

    InputError where the package is missing, the hub cannot be reached, or there is no such data set, config or
    split; it says which there are.
    """
    if not path.startswith(HUB):
        return Local(Path(path), None)
    source, most = parse(path), rows or MOST_ROWS
    digest = hashlib.sha256(f"{path}\n{most}".encode()).hexdigest()[:16]
    folder = Settings().home / "hub" / digest
    kept = None if source.folder else _kept(folder)
    if kept is None:
        kept = _fetched(path, source, most, folder)
    return Local(kept, f"{path}: the first {most:,} rows were read." if ".first-" in kept.name else None)


def _kept(folder: Path) -> Path | None:
    found = next(folder.glob("*.jsonl"), None)
    return found if found is not None and time.time() - found.stat().st_mtime < KEPT_S else None


def _fetched(text: str, source: Source, most: int, folder: Path) -> Path:
    try:
        import datasets  # the extra `hub`; slow to import, and needed for such sources only
    except ImportError as error:
        raise InputError(
            f"{text}: reading the hub needs the `datasets` package; run pip install -e '.[hub]', or download a file "
            "of the data set and give its path"
        ) from error
    if source.folder and not Path(source.name).expanduser().is_dir():
        raise InputError(f"{text}: there is no folder {source.name}; expected {FORM}, or hub:./FOLDER")
    try:
        name, revision = str(Path(source.name).expanduser()), None
        if not source.folder:
            # Asked first: without a network the package itself tries for half a minute. All files are of one commit.
            name, revision = source.name, _commit(source)
        builder = datasets.load_dataset_builder(name, source.config, revision=revision)
        _check_format(text, builder)
        if hasattr(builder.config, "fragment_scan_options"):
            # Row group by row group: buffered ahead, a few rows of a large file take 32 MB of it.
            builder.config.fragment_scan_options = ParquetFragmentScanOptions(pre_buffer=False)
        rows = iter(builder.as_streaming_dataset(split=source.split).decode(False))
        return _written(text, source, rows, most, folder, revision)
    except InputError:
        raise
    except Exception as error:  # of many kinds, by whichever library reads the data set
        raise InputError(_why(text, error)) from error


def _commit(source: Source) -> str | None:
    return HfApi().dataset_info(source.name, revision=source.revision, timeout=WAIT_S).sha


def _check_format(text: str, builder: Any) -> None:
    kind = type(builder).__module__.rpartition(".")[2]
    if kind not in _READ:
        raise InputError(
            f"{text}: is stored as {kind}; only Parquet and JSON are read. The hub keeps a Parquet copy of most "
            "data sets: try it with @refs/convert/parquet"
        )


def _written(
    text: str, source: Source, rows: Iterator[dict[str, Any]], most: int, folder: Path, revision: str | None
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "rows.partial"
    count = size = 0
    cut = False
    started = time.monotonic()
    with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for row in rows:
            if count == most:
                cut = True
                break
            size += file.write(json.dumps(as_json(row), ensure_ascii=False) + "\n")
            if size > MOST_BYTES:
                raise InputError(f"{text}: its first {count:,} rows are more than 1 GB; give fewer (count), or a file")
            if time.monotonic() - started > MOST_S:
                raise InputError(
                    f"{text}: {count:,} rows came in {MOST_S / 60:.0f} minutes; give fewer (count), or download a file "
                    "of the data set and give its path"
                )
            count += 1
    if not count:
        raise InputError(f"{text}: holds no row")
    parts = [Path(source.name).name if source.folder else source.name.replace("/", "--"), source.config, source.split]
    parts += [revision[:7] if revision else None, f"first-{most}" if cut else None]
    name = ".".join(re.sub(r"[^\w-]+", "-", part) for part in parts if part)
    for older in folder.glob("*.jsonl"):
        older.unlink()
    return partial.replace(folder / f"{name}.jsonl")


def _why(text: str, error: Exception) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "RepositoryNotFoundError" in kinds:  # also where it is gated, for whom it is not open to
        return (
            f"{text}: there is no such data set, or it is not open to you; expected {FORM}; "
            "for a gated one ask for access on its page and log in with `hf auth login`"
        )
    if kinds & {"ConnectError", "ConnectionError", "TimeoutException", "TimeoutError", "OfflineModeIsEnabled"}:
        return (
            f"{text}: the hub cannot be reached ({_said(error)}); check the network (and HF_ENDPOINT), "
            "or download a file of the data set and give its path"
        )
    return f"{text}: cannot be read ({_said(error)}); expected {FORM}"


def _said(error: Exception) -> str:
    """The message on one line, without what a signed address holds."""
    first = " ".join(str(error).split())[:300] or type(error).__name__
    return re.sub(r"\?\S+", "", first)
