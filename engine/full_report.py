"""What came of a full run, in numbers: a file in its folder that pages and the command line read."""

from __future__ import annotations

from typing import Any

from engine.job_files import read_json
from engine.store import Store

REPORT = "data_set.json"
"""In the run's folder."""


def report_of(store: Store, run_id: str) -> dict[str, Any] | None:
    """What came of a full run, as `seedpilot generate --json` prints it; None where it wrote no folder."""
    return read_json(store.folder(run_id) / REPORT)
