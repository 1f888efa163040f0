"""Plans and runs: make one, look at it, pause, cancel and resume it; and the worker that runs what was filed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from engine.cli import retrieval
from engine.cli.frame import Commands, command, dumps, tell
from engine.cli.mapping import add_map, with_mapping
from engine.errors import InputError
from engine.heart import ask
from engine.pilot_worth import pilot_worth
from engine.plan import EXAMPLE, read_plan
from engine.prepare import Prepared, prepare
from engine.recipe_sources import Origin, Sourced, as_lines
from engine.records import DRY_RUN, HELD, RESUMABLE, RETRIEVAL, RunState
from engine.runs import file_pilot, plan_of, summary
from engine.settings import Settings
from engine.stopping import CANCEL, PAUSE, STOP
from engine.store import Store


def add(commands: Commands) -> None:
    """Declares the commands."""
    pilot = command(commands, "pilot", _pilot, "Runs a pilot to its end.", "seedpilot pilot plan.toml --json")
    pilot.add_argument("plan", type=Path)
    add_map(pilot, plan=True)
    pilot.add_argument("--dry-run", action="store_true", help="show queries, cost and time, and stop")
    pilot.add_argument(
        "--measure", action="store_true", help="with --dry-run: ask two examples of each strategy first, which is paid"
    )
    pilot.add_argument("--json", action="store_true")

    plan = command(commands, "plan", _plan, "Prints an example of a plan.", "seedpilot plan --example > plan.toml")
    plan.add_argument("--example", action="store_true", required=True)

    command(commands, "worker", _worker, "Runs what the pages filed, oldest first, and ends.", "seedpilot worker")

    show = command(
        commands, "show", _show, "Shows a run with its measurements.", "seedpilot show 20261121-093000-ab12 --json"
    )
    show.add_argument("run")
    show.add_argument("--json", action="store_true")

    for request, says in (
        (PAUSE, "Pauses a run within five seconds."),
        (CANCEL, "Cancels a run within five seconds; what it generated is kept."),
        (STOP, "Stops a pilot and keeps what is trained: that is scored, the rest is not run, and the run is done."),
    ):
        asked = command(commands, request, _ask, says, f"seedpilot {request} 20261121-093000-ab12")
        asked.add_argument("run")
        asked.set_defaults(request=request)

    resume = command(commands, "resume", _resume, "Goes on with a run, here.", "seedpilot resume 20261121-093000-ab12")
    resume.add_argument("run")
    resume.add_argument("--json", action="store_true")


def _pilot(given: argparse.Namespace) -> int:
    plan = with_mapping(read_plan(given.plan), given.map)
    prepared = prepare(plan)
    if prepared.division is not None:
        tell(prepared.division.told)
    tell(_estimate_text(prepared))
    worth = pilot_worth(prepared)
    tell(f"worth: {worth.told}")
    for warning in (*prepared.warnings, *([worth.warning] if worth.warning else [])):
        tell(f"note: {warning}")
    if given.measure and not given.dry_run:
        raise InputError("--measure: belongs to --dry-run; a pilot measures its own pace")
    if given.dry_run:
        measured = _measured(prepared) if given.measure else None
        if given.json:
            division = None if prepared.division is None else asdict(prepared.division)
            extra = {"measured": measured} if measured else {}
            print(dumps(asdict(prepared.estimate) | {"division": division, "worth": asdict(worth)} | extra))
        return 0
    store = Store(Settings().store_path)
    return _run_here(file_pilot(plan, store), store, as_json=given.json)


def _measured(prepared: Prepared) -> dict[str, Any]:
    """Asks a few queries, tells what they were like, and what all of them will then take."""
    from engine import run_kinds

    found = run_kinds.measure(prepared, Store(Settings().store_path))
    if found is None:
        raise InputError("the teacher answered none of the dry run's queries; `seedpilot runs` says more")
    queries = prepared.estimate.queries
    # Means over both models' queries have no price of their own.
    usd = found.usd(queries, prepared.price) if prepared.plan.augmenter is None else None
    seconds = found.time_s(queries, prepared.plan.teacher)
    cost = "unknown" if usd is None else f"${usd:.2f}"
    tell(
        f"measured on {found.queries} queries: {found.seconds:.2f} s each; all {queries} will take about "
        f"{max(1, round(seconds / 60))} min of asking and cost {cost} (the replies are kept for the pilot)"
    )
    return asdict(found) | {"usd": usd, "asking_s": seconds}


def _run_here(run_id: str, store: Store, *, as_json: bool) -> int:
    """Runs a run in this process and prints its summary."""
    from engine import worker

    teacher = plan_of(store.run(run_id)).teacher
    key = SecretStr(getpass(f"Key for {teacher.base_url}: ")) if teacher.key_typed and sys.stdin.isatty() else None
    tell(f"run {run_id}, in {store.folder(run_id)}")
    state = worker.run(run_id, store, key)
    told = summary(store, run_id)
    print(dumps(told) if as_json else _run_text(told))
    if told["message"]:
        tell(told["message"])
    return 0 if state == RunState.DONE else 1


def _plan(given: argparse.Namespace) -> int:
    print(EXAMPLE, end="")
    return 0


def _worker(given: argparse.Namespace) -> int:
    from engine import worker

    worker.run_queue(Store(Settings().store_path))
    return 0


def _show(given: argparse.Namespace) -> int:
    told = summary(Store(Settings().store_path), given.run)
    print(dumps(told) if given.json else _run_text(told))
    return 0


def _ask(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    ask(store, given.run, given.request)
    run = store.run(given.run)
    if given.request == STOP and run.state not in HELD:
        return _run_here(run.id, store, as_json=False)
    print(f"{run.id}: {run.state.value}, {given.request} asked")
    return 0


def _resume(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    run = store.run(given.run)
    if run.id.startswith(DRY_RUN):
        raise InputError(
            f"run {run.id} is a dry run: it measured a few queries, and is no pilot to go on with. What it asked is "
            "kept and not bought again: start the pilot (`seedpilot pilot PLAN.toml`) or the data set (`seedpilot "
            "generate`) itself"
        )
    if run.state not in HELD | RESUMABLE | {RunState.QUEUED}:
        raise InputError(f"run {run.id} is {run.state.value}; there is nothing to resume")
    if run.id.startswith(RETRIEVAL):
        return retrieval.run_here(run.id, store, as_json=given.json)
    return _run_here(given.run, store, as_json=given.json)


def _estimate_text(prepared: Prepared) -> str:
    estimate = prepared.estimate
    expected = "unknown" if estimate.expected_usd is None else f"${estimate.expected_usd:.2f}"
    least = "unknown" if estimate.lower_usd is None else f"${estimate.lower_usd:.2f}"
    most = "unknown" if estimate.upper_usd is None else f"${estimate.upper_usd:.2f}"
    seconds = "unknown" if estimate.seconds is None else f"about {max(1, round(estimate.seconds / 60))} min (rough)"
    return (
        f"{len(prepared.cells)} cells, {estimate.queries} teacher queries (ceiling {estimate.ceiling_queries}), "
        f"cost {expected} expected ({least} at least, {most} at most; price: {estimate.price_source.split(';')[0]}), "
        f"time {seconds}; "
        f"memory {'unknown' if estimate.memory is None else estimate.memory.told}; "
        f"differences between strategies under about {estimate.detectable_points:.1f} points will drown in noise "
        f"({estimate.detectable_items_points:.1f} by the test items alone)"
    )


LOST = {
    "too_long": "too long to train on",
    "cut_prompts": "questions read in part",
    "unended": "answers without an end",
}


def _run_text(told: dict[str, Any]) -> str:
    queries = told["queries"]
    cost = "cost unknown" if queries["usd"] is None else f"${queries['usd']:.4f}"
    label = f"   SANDBOX ({', '.join(told['sandbox'])})" if told["sandbox"] else ""
    lines = [
        f"{told['run']}  {told['name']}: {told['state']}{label}",
        f"{queries['settled']} queries answered, {queries['unknown']} of unknown outcome, {cost}",
    ]
    lines += map(cell_line, told["cells"])
    lines += [_pool_line(pool["pool"], found) for pool in told["pools"] for found in pool["budgets"]]
    lines += [told["comparison"][said] for said in ("verdict", "noise") if told["comparison"][said]]
    if (partial := told["comparison"]["partial_credit"]) and partial["verdict"]:
        lines.append(f"with partial credit: {partial['verdict']}")
    if told["control"]:
        lines.append(told["control"]["said"])
    if told["settings"]:
        settings = [Sourced(**one | {"origin": Origin(one["origin"])}) for one in told["settings"]]
        lines += ["settings, and where each came from:", *as_lines(settings)]
    lines.append(f"before: {told['advice']['before']['headline']}")
    if told["advice"]["after"]:
        lines.append(f"after:  {told['advice']['after']['headline']}")
    return "\n".join(lines)


def cell_line(cell: dict[str, Any]) -> str:
    """One cell of a run in words."""
    accuracy = cell["accuracy"]
    result = (
        cell["state"] + (f": {cell['message']}" if cell["message"] else "")
        if accuracy is None
        else f"{100 * accuracy['mean']:.1f} % ({100 * accuracy['low80']:.1f} to {100 * accuracy['high80']:.1f}), "
        f"{cell['correct']} of {cell['scored']}, {cell['not_scored']} not scored, {cell['examples']} examples"
        + "".join(f", {cell[name]} {said}" for name, said in LOST.items() if cell[name])
    )
    return f"  {cell['arm']:<20} {cell['seeds']:>5} seeds {cell['budget']:>7} queries #{cell['replicate']}  {result}"


def _pool_line(pool: str, found: dict[str, Any]) -> str:
    """What a pool kept within a budget, how different that is, and the price of one."""

    def share(name: str) -> str:
        return "unknown" if found[name] is None else f"{100 * found[name]:.0f} %"

    each = "unknown" if found["usd_per_kept"] is None else f"${found['usd_per_kept']:.6f}"
    return (
        f"  {pool:<30} {found['budget']:>7} queries: {found['kept']} of {found['visits']} kept, "
        f"{share('distinct_pairs')} distinct word pairs, {share('nearest')} from the nearest, "
        f"{share('new_words')} new words, {each} each"
    )
