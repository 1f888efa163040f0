"""What jobs leave in their folders as JSON: written whole or not at all, with a mark of what it was made from."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.domain import CellJob, CellResult, GoldLikelihood

DONE = "done.json"
"""An adapter's folder that holds it is complete."""
JOB = "job.json"
"""Beside a cell's data: the recipe that it is trained with, and what is kept beside its result."""
LOWERED = "lowered.json"
"""Beside a pack's checkpoint: what was made smaller since memory ended (`lowered`, in words)."""
KILLED = "killed.json"
"""Beside a pack's checkpoint: how often the system ended its process for its memory (`times`)."""
FEWER = "processes.json"
"""Among the packs: that fewer processes run at once since the system ended one (`lowered`, in words)."""


def job_mark(job: CellJob) -> str:
    """The same for jobs that must give the same result, wherever they lie."""
    return fingerprint(asdict(job) | {"out": None, "key": None})


def training_mark(job: CellJob) -> str:
    """The same for jobs that must give the same adapter."""
    return fingerprint([job.student, [asdict(example) for example in job.examples], asdict(job.recipe), job.seed])


def is_trained(job: CellJob) -> bool:
    """Whether the job's adapter is there, complete and of this very training, or its answers already are."""
    out = Path(job.out)
    adapter, result = read_json(out / "adapter" / DONE), read_json(out / "result.json")
    return (adapter is not None and adapter.get("training") == training_mark(job)) or (
        result is not None and result.get("job") == job_mark(job)
    )


def result_of(known: dict[str, Any]) -> CellResult:
    """The result that a job left, from its JSON."""
    gold = tuple(None if one is None else GoldLikelihood(**one) for one in known.get("gold", ()))
    return CellResult(**known | {"answers": tuple(known["answers"]), "gold": gold, "unasked": ()})


def fingerprint(value: object) -> str:
    """SHA-256 of a value of plain parts."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_json(path: Path, value: object) -> None:
    """Writes beside the place, then moves it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    part.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in that file; None where there is none, or half of one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_full(error: Exception) -> bool:
    """Whether the disk, or what this user may have of it, is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return True
    # safetensors passes the system's message on as text.
    return any(said in str(error) for said in ("No space left", "File too large", "quota exceeded"))
