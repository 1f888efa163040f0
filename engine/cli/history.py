"""The runs that there are: listed and searched, compared side by side, deleted."""

from __future__ import annotations

import argparse
import time
from datetime import date
from typing import Any

from engine.cli.frame import Commands, command, confirmed, dumps, tell
from engine.deletion import Deletion, delete, deletion
from engine.errors import InputError
from engine.history import Wanted, search
from engine.records import Run, RunState
from engine.run_comparison import Comparison, Gap, Line, compare
from engine.settings import Settings
from engine.store import Store


def add(commands: Commands) -> None:
    """Declares the commands."""
    runs = command(commands, "runs", _runs, "Lists the runs.", "seedpilot runs --search 'tickets qwen' --state done")
    runs.add_argument(
        "--search", default="", metavar="WORDS", help="all of them in id, name, task, student, teacher or file names"
    )
    runs.add_argument("--state", action="append", choices=[state.value for state in RunState], help="may be repeated")
    runs.add_argument("--since", metavar="DAY", help="filed on that day or later, like 2026-11-21")
    runs.add_argument("--until", metavar="DAY", help="filed on that day or before")
    runs.add_argument("--json", action="store_true")

    side_by_side = command(
        commands,
        "compare",
        _compare,
        "Compares runs, pair by pair where they were tested on the same items.",
        "seedpilot compare 20261121-093000-ab12 20261121-101500-cd34",
    )
    side_by_side.add_argument("runs", nargs="+", metavar="RUN")
    side_by_side.add_argument("--json", action="store_true")

    gone = command(
        commands,
        "delete",
        _delete,
        "Deletes a run with its files, and asks first; what it paid for stays in the ledger.",
        "seedpilot delete 20261121-093000-ab12",
    )
    gone.add_argument("run")
    gone.add_argument("--yes", action="store_true", help="do not ask")
    gone.add_argument("--json", action="store_true")


def _runs(given: argparse.Namespace) -> int:
    days: dict[str, date | None] = {}
    problems = []
    for name in ("since", "until"):
        typed = getattr(given, name)
        try:
            days[name] = None if typed is None else date.fromisoformat(typed)
        except ValueError:
            problems.append(f"--{name}: found {typed!r}, expected a day like 2026-11-21")
    if problems:
        raise InputError(problems)
    wanted = Wanted(given.search, [RunState(state) for state in given.state or ()], **days)
    found = search(Store(Settings().store_path), wanted).runs
    if given.json:
        print(dumps({"runs": [_run_row(run) for run in found]}))
        return 0
    for run in found:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created_at))
        print(f"{run.id}  {run.state.value:<15}  {started}  {run.name}")
    if not found:
        print(
            "No run was found; `seedpilot runs` lists all of them."
            if wanted != Wanted(states=[])
            else "No runs yet. `seedpilot plan --example > plan.toml` and `seedpilot pilot plan.toml` make the first."
        )
    return 0


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state.value,
        "message": run.message,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }


def _delete(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    before = deletion(store, given.run)
    if before.problem:
        raise InputError(before.problem)
    for line in _told(before):
        tell(line)
    if not confirmed(f"Delete {given.run}?", yes=given.yes):
        tell("Nothing was deleted.")
        return 1
    done = delete(store, given.run)
    if given.json:
        print(dumps({"run": done.run.id, "freed_bytes": done.frees, "files": done.files, "kept_replies": done.replies}))
    else:
        print(f"{done.run.id}: deleted, {size(done.frees)} freed")
    return 0


def _told(found: Deletion) -> list[str]:
    lines = [
        f"{found.run.id} ({found.run.state.value}): {found.run.name}",
        f"goes: {found.folder}, {found.files:,} files, {size(found.frees)}; the results of {found.cells:,} cells",
        f"stays: {found.replies:,} paid replies in the ledger, which no other run will have to buy again",
    ]
    return lines + ([f"stays: {found.elsewhere}, a data set folder of your own"] if found.elsewhere else [])


def size(count: float) -> str:
    """`340 B`, `12 kB`, `3.4 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


# --- compare ----------------------------------------------------------------------------------------------


def _compare(given: argparse.Namespace) -> int:
    found = compare(Store(Settings().store_path), given.runs)
    print(dumps(_as_json(found)) if given.json else "\n".join(_lines(found)))
    return 0


def _lines(found: Comparison) -> list[str]:
    lines = []
    for letter, side in zip("ABCDEF", found.sides, strict=False):
        usd = "price unknown" if side.paid.usd is None else f"${side.paid.usd:.2f}"
        lines.append(
            f"{letter}  {side.run.id}  {side.run.state.value}  {side.paid.queries:,} queries, {usd}  {side.run.name}"
        )
    if found.differ:
        lines.append("their plans differ in:")
        lines += [f"  {name}: {' | '.join(map(str, values))}" for name, values in found.differ.items()]
    lines.append("accuracy, mean over the adapters (80 % interval of one):")
    lines += [
        f"  {_named(line):<50} {' | '.join(_level(line, at) for at in range(len(line.results)))}"
        for line in found.lines
    ]
    letters = {side.run.id: letter for letter, side in zip("ABCDEF", found.sides, strict=False)}
    if found.gaps:
        lines.append("points on the same items (95 % interval; p over all pairs):")
        lines += [_gap(gap, letters) for gap in found.gaps]
    lines += [f"{letters[one]} and {letters[other]} are not paired: {why}" for one, other, why in found.unpaired]
    return lines


def _named(line: Line | Gap) -> str:
    variant = "" if line.variant == "plain" else f" ({line.variant})"
    place = (
        f", {line.seeds} seeds, {line.budget:,} queries"
        if line.budget
        else f", {line.seeds} seeds"
        if line.seeds
        else ""
    )
    return f"{line.arm.value}{variant}{place}"


def _level(line: Line, at: int) -> str:
    level = line.results[at]
    return "-" if level is None else f"{level.mean:.1%} ({100 * level.low80:.0f}-{100 * level.high80:.0f})"


def _gap(gap: Gap, letters: dict[str, str]) -> str:
    better = f", {letters[gap.winner]} is better" if gap.winner else ", no difference that can be told"
    found = gap.found
    return (
        f"  {letters[gap.one]} - {letters[gap.other]}  {_named(gap):<44} {100 * found.difference:+.1f} "
        f"({100 * found.low:+.1f} to {100 * found.high:+.1f}) on {found.items} items, p {gap.adjusted_p:.3f}{better}"
    )


def _as_json(found: Comparison) -> dict[str, Any]:
    """As `seedpilot compare --json` prints it: accuracies and differences are fractions."""
    return {
        "runs": [
            {
                "run": side.run.id,
                "name": side.run.name,
                "state": side.run.state.value,
                "queries": side.paid.queries,
                "usd": side.paid.usd,
                "test_items": None if side.tested is None else len(side.tested.keys),
            }
            for side in found.sides
        ],
        "differ": {name: list(values) for name, values in found.differ.items()},
        "cells": [
            {
                "arm": line.arm.value,
                "variant": line.variant,
                "seeds": line.seeds,
                "budget": line.budget,
                "results": [
                    None if level is None else {"mean": level.mean, "low80": level.low80, "high80": level.high80}
                    for level in line.results
                ],
                "adapters": list(line.runs),
            }
            for line in found.lines
        ],
        "differences": [
            {
                "one": gap.one,
                "other": gap.other,
                "arm": gap.arm.value,
                "variant": gap.variant,
                "seeds": gap.seeds,
                "budget": gap.budget,
                "difference": {"mean": gap.found.difference, "low95": gap.found.low, "high95": gap.found.high},
                "items": gap.found.items,
                "p": gap.found.p,
                "p_holm": gap.adjusted_p,
                "winner": gap.winner,
            }
            for gap in found.gaps
        ],
        "not_paired": [{"one": one, "other": other, "why": why} for one, other, why in found.unpaired],
    }
