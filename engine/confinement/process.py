"""One confined run: starts the cage, reads what comes back, ends it in time."""

from __future__ import annotations

import base64
import functools
import json
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.confinement import filter as calls
from engine.errors import SeedPilotError

_CAGE = Path(__file__).with_name("cage.py")
NOT_BUILT = 97
"""Exit status of `cage.py` where it could not build the cage."""
MOST_REPLY_BYTES = 1_000_000

_BOOT = """
import io, json, os, sys
_in = json.loads(sys.stdin.buffer.read())
_out = os.dup(1)
_null = os.open("/dev/null", os.O_RDWR)
for _fd in (0, 1, 2):
    os.dup2(_null, _fd)
def _reporter(token, out, write=os.write, dumps=json.dumps):
    def report(value):
        write(out, (dumps({"token": token, "value": value}) + "\\n").encode())
    return report
_names = {"__name__": "driver", "payload": _in["payload"], "report": _reporter(_in.pop("token"), _out)}
exec(compile(_in.pop("driver"), "driver", "exec"), _names)
"""


class ConfinementMissingError(SeedPilotError):
    """This machine cannot confine a process; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a confined process may use."""

    wall_s: int = 30
    """Seconds on the clock: more than its processor time, since a busy machine is not the code's fault."""
    cpu_s: int = 5
    """Seconds of processor time."""
    memory_bytes: int = 1 << 30
    """Address space; what it needs beyond that raises MemoryError inside."""
    scratch_bytes: int = 16 << 20
    """Size of its writable folder, which lies in memory, and of one file in it."""


@dataclass(frozen=True, slots=True)
class Confined:
    """How a run ended."""

    value: Any
    """What the driver reported; None where it reported nothing."""
    problem: str
    """Empty, or why there is no report: `took too long`, `wrote too much`, `ended before its report`."""


def run(driver: str, payload: Any, limits: Limits | None = None) -> Confined:
    """Runs the driver's source with `payload` (any JSON value) and `report(value)` in its namespace.

    The driver is ours; what it executes need not be. One process, about 0.1 s. Raises
    ConfinementMissingError where no cage can be built.
    """
    limits = limits or Limits()
    token = secrets.token_hex(16)
    base = Path(tempfile.mkdtemp(prefix="seedpilot-cage-"))
    try:
        (base / "root").mkdir()
        given = base / "input"
        given.write_text(json.dumps({"token": token, "driver": driver, "payload": payload}), encoding="utf-8")
        config = {
            "root": str(base / "root"),
            "shown": shown_paths(),
            "filter": base64.b64encode(calls.compiled()).decode(),
            "command": [sys.executable, "-I", "-B", "-c", _BOOT],
            "memory_bytes": limits.memory_bytes,
            "cpu_s": limits.cpu_s,
            "scratch_bytes": limits.scratch_bytes,
            "wall_s": limits.wall_s,
        }
        with given.open("rb") as stdin:
            process = subprocess.Popen(  # noqa: S603 our own script, no shell
                [sys.executable, "-I", "-S", str(_CAGE), json.dumps(config)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        said, problem = _listen(process, time.monotonic() + limits.wall_s)
        status = process.wait()
    finally:
        shutil.rmtree(base, ignore_errors=True)
    if status == NOT_BUILT and not problem:
        raise ConfinementMissingError(said.decode(errors="replace").strip()[:300] or "the cage could not be built")
    reported = [row for line in said.splitlines() if (row := _json(line)) and row.get("token") == token]
    if reported:
        return Confined(reported[-1].get("value"), "")
    return Confined(None, problem or "ended before its report")


@functools.cache
def shown_paths() -> tuple[str, ...]:
    """What a confined process can read: Python, its packages, the system's libraries, three devices."""
    wanted = [f"{prefix}/{part}" for prefix in (sys.base_prefix, sys.prefix) for part in ("bin", "lib", "lib64")]
    wanted += [f"{sys.prefix}/pyvenv.cfg", "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache"]
    wanted += ["/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/urandom"]
    return tuple(dict.fromkeys(path for path in wanted if Path(path).exists()))


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, str]:
    """All that the process says, or as much as it may; it is dead or dying when this returns."""
    if process.stdout is None:
        raise ValueError("the process was started without a pipe")
    said, problem = b"", ""
    with selectors.DefaultSelector() as selector, process.stdout as pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                problem = "took too long"
                break
            read = os.read(pipe.fileno(), 65_536)
            if not read:
                break
            said += read
            if len(said) > MOST_REPLY_BYTES:
                problem = "wrote too much"
                break
        if problem:
            process.kill()  # the confined process dies with it
    return said, problem


def _json(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
