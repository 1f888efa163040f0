"""What a dry run wrote, as its folder keeps it; pages read it without anything that generates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.items import read_rows

WRITTEN = "written.jsonl"
"""In the run's folder: what came of each visit, before anything is compared with anything."""


def written_in(folder: Path) -> tuple[dict[str, Any], ...]:
    """`strategy`, `seed` (its text), `question`, `answer`, and `rejected` (why it is no example; None where it is one).

    A row for each visit; empty where nothing is there.
    """
    path = folder / WRITTEN
    return read_rows(path) if path.exists() else ()
