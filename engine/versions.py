"""Which SeedPilot and which packages did the work: written down when a worker takes a run, shown in its report."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.job_files import read_json, write_json
from engine.settings import ROOT

FILE = "versions.json"
"""In a run's folder."""
PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "scipy", "scikit-learn")
"""Those that a run's numbers come from."""


def versions() -> dict[str, Any]:
    """What works here now; `commit` is None where this is no checkout, `changed` says that files differ from it."""
    commit, changed = _commit()
    return {
        "seedpilot": _version("seedpilot"),
        "commit": commit,
        "changed": changed,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def keep_versions(folder: Path) -> None:
    """Adds them to those of a run, once for each change: a run may be resumed by a later version."""
    now = versions()
    found = kept_versions(folder)
    if not found or {**found[-1], "at": None} != {**now, "at": None}:
        write_json(folder / FILE, {"versions": [*found, {**now, "at": time.time()}]})


def kept_versions(folder: Path) -> list[dict[str, Any]]:
    """Those of a run, oldest first; empty for a run of before they were kept."""
    found = (read_json(folder / FILE) or {}).get("versions", [])
    return list(found) if isinstance(found, list) else []


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> tuple[str | None, bool | None]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return None, None

    def said(*what: str) -> str | None:
        command = [git, "-C", str(ROOT), *what]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    changed = said("status", "--porcelain", "--untracked-files=no")
    return said("rev-parse", "HEAD"), None if changed is None else bool(changed)
