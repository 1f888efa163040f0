"""`seedpilot atlas ...`: measure the strategies on the sandbox's worlds, how far that is, and what it shows."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from engine.atlas.design import FIRST, SECOND, WORLDS
from engine.atlas.progress import status
from engine.atlas.table import load
from engine.cli.frame import Commands, command, dumps, tell
from engine.errors import InputError
from engine.settings import Settings
from engine.student import check_student


def add(commands: Commands) -> None:
    """Declares the commands."""
    group = commands.add_parser("atlas", help="The strategies measured on the sandbox's worlds.")
    inner = group.add_subparsers(required=True, metavar="COMMAND")
    folder = Settings().data / "atlas"

    building = command(
        inner,
        "build",
        _build,
        "Measures the atlas's cells, the most informative first; what is there is not measured again.",
        "seedpilot atlas build --hours 8 --workers 4 --student data/sandbox/worlds-student",
    )
    building.add_argument("--hours", type=float, default=1.0, help="no batch is begun that would end later (default 1)")
    building.add_argument("--workers", type=int, default=1, help="processes, each with one thread (default 1)")
    building.add_argument("--out", type=Path, default=folder, help="folder of the Parquet files")
    building.add_argument(
        "--worlds", nargs="+", default=list(WORLDS), metavar="WORLD", help=f"of {', '.join(WORLDS)} (default: all)"
    )
    building.add_argument("--student", type=Path, required=True, help="folder of the student")
    building.add_argument("--second-student", type=Path, help="one of another size, for its slice")
    building.add_argument("--json", action="store_true")

    state = command(
        inner,
        "status",
        _status,
        "Cells done of planned by world, seconds per cell, and the time that is left.",
        "seedpilot atlas status --workers 4",
    )
    state.add_argument("--workers", type=int, default=1, help="processes that the time left is told for")
    board = command(
        inner,
        "scoreboard",
        _scoreboard,
        "Published claims over what is measured: held, failed or undecided in each world, with intervals.",
        "seedpilot atlas scoreboard --into docs/atlas.md",
    )
    board.add_argument("--into", type=Path, metavar="PAGE", help="writes the tables between the page's marks as well")
    for one in (state, board):
        one.add_argument("--out", type=Path, default=folder, help="folder of the Parquet files")
        one.add_argument("--json", action="store_true")


def _build(given: argparse.Namespace) -> int:
    if unknown := [name for name in given.worlds if name not in WORLDS]:
        raise InputError(f"--worlds: found {unknown[0]!r}, expected some of {', '.join(WORLDS)}")
    if given.workers < 1 or given.hours <= 0:
        raise InputError(f"--workers {given.workers} --hours {given.hours:g}: expected at least 1 worker and some time")
    students = {FIRST: given.student, **({SECOND: given.second_student} if given.second_student else {})}
    for path in students.values():
        check_student(str(path))
    from engine.atlas.build import build  # it knows torch, and takes a second

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # processes end, and what is written stays
    try:
        built = build(
            given.out,
            {slot: str(path) for slot, path in students.items()},
            hours=given.hours,
            workers=given.workers,
            worlds=given.worlds,
            tell=tell,
        )
    except KeyboardInterrupt:
        tell(f"Stopped. What was measured is kept in {given.out}; the same command goes on from there.")
        return 1
    told = {
        "cells": built.cells,
        "failed": list(built.failed),
        "left": built.left,
        "seconds": round(built.seconds, 1),
        "out": str(given.out),
    }
    text = (
        f"{built.cells} cells measured in {built.seconds / 60:.1f} min, {len(built.failed)} failed, {built.left} left"
    )
    print(dumps(told) if given.json else text)
    return 1 if built.failed else 0


def _status(given: argparse.Namespace) -> int:
    found = status(load(given.out), given.workers)
    print(dumps(found) if given.json else _status_text(found))
    return 0


def _scoreboard(given: argparse.Namespace) -> int:
    from engine.atlas.scoreboard import scoreboard, text, written_into

    cells = load(given.out)
    if not cells:
        raise InputError(f"{given.out}: holds no measured cell; `seedpilot atlas build` measures them")
    found = scoreboard(cells)
    if given.into is not None:
        written_into(given.into, found)
    print(dumps(found) if given.json else text(found))
    return 0


def _status_text(found: dict[str, Any]) -> str:
    def row(one: dict[str, Any], name: str) -> Sequence[str]:
        seconds, hours = one.get("seconds_a_cell"), one["hours_left"]
        processor = one.get("cpu_seconds_a_cell")
        return (
            name,
            f"{one['done']} of {one['planned']}",
            ""
            if seconds is None
            else f"{seconds:.1f} s a cell" + ("" if processor is None else f" ({processor:.1f} of the processor)"),
            "" if hours is None else f"{hours:.1f} h left",
        )

    rows = [row(one, one["world"]) for one in found["worlds"]] + [row(found, "all")]
    workers = f"time left is for {found['workers']} worker{'s' if found['workers'] > 1 else ''} of one thread"
    return "\n".join([*(f"{a:<9}{b:<14}{c:<40}{d}" for a, b, c, d in rows), workers])
