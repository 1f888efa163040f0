"""A run's report: one HTML file, or its values as JSON; and the plan out of a report."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from engine.cli.frame import Commands, command, dumps, tell
from engine.errors import InputError
from engine.plan import to_toml
from engine.report.facts import changed_files, facts
from engine.report.page import as_html
from engine.report.taken_out import facts_in, plan_in
from engine.settings import Settings
from engine.store import Store


def add(commands: Commands) -> None:
    """Declares the command."""
    report = command(
        commands,
        "report",
        _report,
        "Writes a run's report: one HTML file that opens offline and prints, or JSON.",
        "seedpilot report 20261121-093000-ab12 --out report.html\n"
        "  seedpilot report --plan-of report.html --out plan.toml && seedpilot pilot plan.toml",
    )
    report.add_argument("run", nargs="?")
    report.add_argument("--out", type=Path, metavar="FILE", help="where it is written (HTML, or JSON with --json)")
    report.add_argument("--plan-of", type=Path, metavar="REPORT", help="takes the plan (TOML) out of that report")
    report.add_argument("--json", action="store_true", help="the values instead of the page")


def _report(given: argparse.Namespace) -> int:
    problems = _problems(given)
    if problems:
        raise InputError(problems)
    if given.plan_of is not None:
        return _plan(given.plan_of, given.out)
    told = facts(Store(Settings().store_path), given.run)
    said = dumps(told) if given.json else as_html(told)
    if given.out is None:
        print(said)
    else:
        given.out.write_text(said, encoding="utf-8")
        tell(f"{given.out}: the report of {given.run}, {len(said.encode()) / 1000:,.0f} kB")
    return 0


def _problems(given: argparse.Namespace) -> list[str]:
    found = []
    if (given.run is None) == (given.plan_of is None):
        found.append("report: give a run (`seedpilot runs` lists them), or --plan-of REPORT")
    if given.out is None and given.plan_of is None and not given.json:
        found.append("--out: is missing; name the file, like --out report.html, or give --json")
    if given.out is not None:
        folder = given.out.absolute().parent
        if given.out.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            found.append(f"--out {given.out}: no file can be written there; give a place that you may write to")
    return found


def _plan(report: Path, out: Path | None) -> int:
    told = facts_in(report)
    plan = to_toml(plan_in(told))
    for problem in changed_files(told):
        tell(f"note: {problem}")
    if out is None:
        print(plan, end="")
    else:
        out.write_text(plan, encoding="utf-8")
        tell(f"{out}: the plan of {told['run']['id']}; `seedpilot pilot {out}` runs it again")
    return 0
