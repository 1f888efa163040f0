"""What this machine can do: versions, cores, memory, disk, GPU, the store, and an endpoint if one is named."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from engine.confinement import why_missing
from engine.errors import SeedPilotError
from engine.settings import Settings, key_from_environment
from engine.store import Store
from engine.student import check_student

PACKAGES = ("streamlit", "plotly", "torch", "transformers", "peft", "openai", "scikit-learn", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    found: str
    """What there is, and what to do where that is not enough."""


def examine(settings: Settings, endpoint: str | None = None, key_env: str | None = None) -> list[Finding]:
    """Looks at everything; never raises."""
    findings = [Finding("python", True, platform.python_version())]
    findings += [_package(name) for name in PACKAGES]
    memory = psutil.virtual_memory()
    findings.append(
        Finding("memory", memory.available > 2e9, f"{memory.available / 1e9:.0f} of {memory.total / 1e9:.0f} GB free")
    )
    findings.append(Finding("cores", True, str(os.cpu_count())))
    findings.append(_gpu())
    findings += [_store(settings), _disk(settings), _sandbox(), _confinement()]
    if endpoint is not None:
        findings.append(_endpoint(endpoint, key_env))
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "is not installed; run `make run`, or pip install -e .")


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("gpu", True, "none; students train on the CPU")
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    lines = listed.stdout.strip()
    return Finding("gpu", listed.returncode == 0, lines or listed.stderr.strip() or "nvidia-smi says nothing")


def _store(settings: Settings) -> Finding:
    try:
        runs = len(Store(settings.store_path).runs())
    except SeedPilotError as error:
        return Finding("store", False, str(error))
    return Finding("store", True, f"{settings.store_path}, {runs} runs")


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(folder).free
    return Finding("disk", free > 1e9, f"{free / 1e9:.1f} GB free in {folder}")


def _sandbox() -> Finding:
    try:
        student = check_student("sandbox")
    except SeedPilotError as error:
        return Finding("sandbox student", False, str(error))
    return Finding("sandbox student", True, f"{student.parameters:,} parameters" if student.parameters else "there")


def _confinement() -> Finding:
    missing = why_missing()
    return Finding("confined code", True, f"none; code is not scored ({missing})" if missing else "the cage holds")


def _endpoint(url: str, key_env: str | None) -> Finding:
    if not url.startswith(("http://", "https://")):
        return Finding("endpoint", False, f"{url!r} is no address; expected http://... or https://...")
    key = key_from_environment(key_env) if key_env else None
    request = urllib.request.Request(f"{url.rstrip('/')}/models")  # noqa: S310 - the scheme is checked above
    if key is not None:
        request.add_header("Authorization", f"Bearer {key.get_secret_value()}")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return Finding("endpoint", True, f"{url} answers ({reply.status})")
    except urllib.error.HTTPError as error:
        # Any answer shows that it can be reached; some endpoints list no models.
        return Finding("endpoint", error.code not in (401, 403), f"{url} answers {error.code} {error.reason}")
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Finding("endpoint", False, f"{url} cannot be reached ({reason}); is the server running?")
