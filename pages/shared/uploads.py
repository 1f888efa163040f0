"""Uploaded files, kept beside the store at once: an upload vanishes with its browser tab."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from engine.errors import StoreError
from engine.row_files import first_rows
from engine.settings import Settings

LONGEST_CELL = 2000
MOST_UNPACKED = 200_000_000
"""Bytes that a packed upload may unpack to, as an upload may have: a page holds its rows in memory."""
KEPT_S = 24 * 3600.0
"""An upload that no run took is deleted after a day; a run has its own copy."""


def ask(label: str, endings: list[str], key: str, help: str) -> Path | None:
    """Asks for a file; where it lies now, also after a visit to another page. None: nothing yet."""
    kept = f"{key}_path"

    def keep() -> None:
        file = st.session_state[key]
        st.session_state[kept] = None if file is None else _write(Path(file.name).name, file.getvalue())

    st.file_uploader(label, type=endings, key=key, help=help, on_change=keep)
    path: Path | str | None = st.session_state.get(kept)
    if isinstance(path, str):  # it could not be written: the message says why
        raise StoreError(path)
    if path is not None and st.session_state.get(key) is None:
        st.caption(f":material/description: {path.name}, uploaded before. Another file takes its place.")
    return path


def there(key: str) -> bool:
    """Whether there is anything to say of the file of that key: it lies here, or could not be written."""
    return st.session_state.get(f"{key}_path") is not None


def look(path: Path) -> list[dict[str, str]]:
    """The first rows of an uploaded file, as text, long cells cut."""
    return [{name: text[:LONGEST_CELL] for name, text in row.items()} for row in first_rows(path)]


def keep(files: Mapping[str, bytes]) -> Path:
    """The folder that holds these files, by their names; StoreError where they cannot be written."""
    content = b"".join(name.encode() + b"\0" + hashlib.sha256(data).digest() for name, data in sorted(files.items()))
    folder = _home() / hashlib.sha256(content).hexdigest()[:16]
    if not all((folder / name).exists() for name in files):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, data in files.items():
                (folder / name).write_bytes(data)
        except OSError as error:
            raise StoreError(_unwritten(folder, error)) from error
    return folder


def _write(name: str, content: bytes) -> Path | str:
    if _unpacks_to_too_much(content):
        return (
            f"{name} unpacks to more than {MOST_UNPACKED // 1_000_000} MB; give a part of it, or name the file in a "
            "plan for the command line"
        )
    home = _home()
    folder = home / hashlib.sha256(content).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        for other in home.iterdir():
            if time.time() - other.stat().st_mtime > KEPT_S and other != folder:
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        return _unwritten(folder, error)
    return folder / name


def _unpacks_to_too_much(content: bytes) -> bool:
    if not content.startswith(b"\x1f\x8b"):
        return False
    left = MOST_UNPACKED
    try:
        with gzip.open(io.BytesIO(content)) as file:
            while left >= 0 and (part := file.read(1_000_000)):
                left -= len(part)
    except (OSError, EOFError, zlib.error):  # reading the file says what is wrong with it
        return False
    return left < 0


def _home() -> Path:
    return Settings().home / "uploads"


def _unwritten(folder: Path, error: OSError) -> str:
    return f"The file could not be kept in {folder} ({error.strerror}); free some space there, then upload it again"
