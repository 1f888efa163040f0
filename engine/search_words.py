"""What a run is found by: its id, its name, its files' names, and who teaches and learns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def words_of(run_id: str, name: str, plan: Mapping[str, Any]) -> str:
    """One line, case-folded, as it stands beside the run in the store. Any plan will do, also one of an old version:
    what it does not have is not found by it."""

    def of(*path: str) -> str:
        value: Any = plan
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else ""

    # Of files only the names: the folder that runs lie in would be found in every one of them.
    files = [of("task"), of("student"), of("seeds", "path"), of("test", "path"), of("unlabelled", "path")]
    named = [PurePath(file).name if file.startswith("/") else file for file in files]
    asked = [of(who, what) for who in ("teacher", "augmenter") for what in ("kind", "model", "base_url")]
    return " ".join(part for part in (run_id, name, *named, *asked) if part).casefold()
