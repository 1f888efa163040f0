"""`seedpilot bench NAME`: runs a benchmark of `benchmarks/` in a process of its own and adds what it ran on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from engine.cli.frame import Commands, command, dumps
from engine.errors import InputError, SeedPilotError
from engine.settings import ROOT

FOLDER = ROOT / "benchmarks"


def add(commands: Commands) -> None:
    """Declares the command."""
    bench = command(
        commands,
        "bench",
        _bench,
        "Runs a benchmark beside its rivals.",
        "seedpilot bench generation --json",
    )
    bench.add_argument("name", help=", ".join(names(FOLDER)))
    # Everything after the name is the benchmark's own, but for --json, which may stand on either side of it.
    bench.add_argument("--json", action="store_true")
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="options of the benchmark")


def names(folder: Path) -> list[str]:
    """The benchmarks in that folder, by name."""
    return sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))


def _bench(given: argparse.Namespace) -> int:
    if given.name not in names(FOLDER):
        raise InputError(f"{given.name!r} is no benchmark; there are: {', '.join(names(FOLDER)) or 'none'}")
    rest = [argument for argument in given.rest if argument != "--json"]
    command = [sys.executable, "-m", f"benchmarks.{given.name}", *rest]
    if {"-h", "--help"} & set(rest):
        return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - the name is one of our modules
    before = machine()
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)  # noqa: S603
    if ran.returncode:
        raise SeedPilotError(f"benchmarks.{given.name} ended with status {ran.returncode}; its messages are above")
    rows = json.loads(ran.stdout)
    told = {"name": given.name, "rows": rows, "machine": before | {"noise_after": noise()}}
    print(dumps(told) if given.json or "--json" in given.rest else _text(told))
    return 0


def machine() -> dict[str, Any]:
    """What the benchmark runs on, and how busy and how steady that was before it began."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "noise": noise(),
    }


def noise(times: int = 40) -> float:
    """Median over minimum of the time for the same work: 1.0 is a machine that does nothing else."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        sum(i * i for i in range(40_000))
        took.append(time.perf_counter() - begun)
    return round(sorted(took)[times // 2] / min(took), 2)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['name']}, on {', '.join(f'{key} {value}' for key, value in told['machine'].items())}"]
    lines += ["  " + "   ".join(f"{key} {value}" for key, value in row.items()) for row in told["rows"]]
    return "\n".join(lines)
