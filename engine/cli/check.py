"""The check before a pilot: a few paid queries that say whether the teacher is worth a pilot."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from engine.check_report import read_report
from engine.check_size import ceiling_of, queries_at_most, seeds_to_check
from engine.cli.frame import Commands, command, dumps, tell
from engine.cli.mapping import add_map, with_mapping
from engine.errors import InputError
from engine.plan import PilotPlan, check_plan, read_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_check
from engine.settings import Settings
from engine.store import Store


def add(commands: Commands) -> None:
    """Declares the command."""
    check = command(
        commands,
        "check",
        _check,
        "Asks the teacher some of your seeds before a pilot; the pilot does not buy them again.",
        "seedpilot check plan.toml --json",
    )
    check.add_argument("plan", type=Path)
    check.add_argument("--seeds", type=int, help="seeds to ask (default: the plan's check.seeds, 50)")
    check.add_argument(
        "--ceiling-queries", type=int, help="the most queries it may be charged (default: what it needs, and a tenth)"
    )
    check.add_argument(
        "--seeds-only",
        metavar="RIGHT/SCORED",
        help="what the student trained on the seeds alone got right, like 33/80 (default: from your earlier pilots)",
    )
    add_map(check, plan=True)
    check.add_argument("--json", action="store_true")


def _check(given: argparse.Namespace) -> int:
    from engine import worker

    plan = with_mapping(_changed(read_plan(given.plan), given), given.map)
    prepared = prepare(plan)
    if prepared.division is not None:
        tell(prepared.division.told)
    tell(
        f"{len(seeds_to_check(prepared))} seeds, at most {queries_at_most(prepared)} teacher queries "
        f"(ceiling {ceiling_of(prepared)})"
    )
    store = Store(Settings().store_path)
    run_id = file_check(plan, store)
    typed = plan.teacher.key_typed and sys.stdin.isatty()
    key = SecretStr(getpass(f"Key for {plan.teacher.base_url}: ")) if typed else None
    state = worker.run(run_id, store, key)
    found = read_report(store.folder(run_id))
    message = store.run(run_id).message
    told = {"run": run_id, "state": state.value, "message": message} | (found or {})
    print(dumps(told) if given.json else _text(told))
    if message:
        tell(message)
    return 0 if state == RunState.DONE else 1


def _changed(plan: PilotPlan, given: argparse.Namespace) -> PilotPlan:
    """The plan with what the flags say; InputError as for a plan."""
    changes: dict[str, Any] = {"seeds": given.seeds, "ceiling_queries": given.ceiling_queries}
    if given.seeds_only is not None:
        right, _, scored = given.seeds_only.partition("/")
        if not (right.isdecimal() and scored.isdecimal()):
            raise InputError(f"--seeds-only: found {given.seeds_only!r}, expected right/scored, like 33/80")
        changes |= {"student_right": int(right), "student_scored": int(scored)}
    raw = plan.model_dump(mode="json", exclude_none=True)
    raw["check"] = raw.get("check", {}) | {name: value for name, value in changes.items() if value is not None}
    return check_plan(raw, "plan and flags")


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['run']}: {told['state']}"]
    if "teacher" not in told:
        return lines[0]
    teacher, repeats, paid = told["teacher"], told["repeats"], told["queries"]
    share = teacher["accuracy"]
    lines.append(
        "teacher: no answer could be scored"
        if share is None
        else f"teacher: {100 * share['mean']:.1f} % right ({100 * share['low80']:.1f} to {100 * share['high80']:.1f}), "
        f"{teacher['right']} of {teacher['right'] + teacher['wrong']} seeds, {teacher['not_scored']} not scored"
    )
    lines.append(
        f"three answers to {repeats['seeds']} seeds: {repeats['distinct']} of {repeats['given']} distinct, "
        f"{repeats['right']} of {repeats['scored']} right"
    )
    lead = told["comparison"]
    lines.append(
        "against the student trained on the seeds alone: not measured yet; the pilot does it before it pays strategies"
        if lead is None
        else f"against the student trained on the seeds alone: {100 * lead['difference']:+.1f} points "
        f"({100 * lead['low80']:+.1f} to {100 * lead['high80']:+.1f})"
    )
    lines.append(f"{paid['queries']} queries of at most {paid['ceiling']}")
    for row in told["disagreements"]:
        lines.append(
            f"\n{row['outcome'].replace('_', ' ')}: {row['reason']}\n  question: {row['question']}\n"
            f"  gold:     {row['gold']}\n  reply:    {row['reply'] if row['reply'] is not None else '(none)'}"
        )
    for row in told["examples"]:
        seed = row["seed"] or {"question": "(not asked)", "answer": None}
        lines.append(
            f"\n{row['strategy']}\n  seed:     {seed['question']}\n            {seed['answer'] or '(no answer)'}\n"
            f"  question: {row['question'] or '(none)'}\n  answer:   {row['answer'] or '(none)'}"
            + (f"\n  without an example: {', '.join(row['reasons'])}" if row["reasons"] else "")
        )
    return "\n".join(lines)
