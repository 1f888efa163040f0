"""`seedpilot ...`: everything that the pages can do, headless.

`--json` prints one JSON object and nothing else on standard output. Errors go to standard error, with
exit status 2 for bad input and 1 where the work failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from engine.advice import as_json, recommend
from engine.domain import Recommendation, Situation, TaskType
from engine.errors import InputError, SeedPilotError
from engine.plan import EXAMPLE, read_plan
from engine.points import read_points
from engine.prepare import Prepared, prepare
from engine.records import RESUMABLE, Run, RunState
from engine.runs import file_pilot, plan_of, summary
from engine.settings import ROOT, Settings
from engine.store import Store
from engine.tasks import load_task


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; ends the process with the command's exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        status = given.action(given)
    except InputError as error:
        print(error, file=sys.stderr)
        status = 2
    except SeedPilotError as error:
        print(error, file=sys.stderr)
        status = 1
    except BrokenPipeError:  # `seedpilot runs | head`
        sys.stderr.close()
        status = 0
    except OSError as error:
        print(
            f"{error.filename or 'the disk'}: {error.strerror or error}; check the path and the room on the disk",
            file=sys.stderr,
        )
        status = 1
    except KeyboardInterrupt:
        print("Stopped. `seedpilot runs` lists what there is; `seedpilot resume RUN` goes on.", file=sys.stderr)
        status = 1
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seedpilot", description="How to spend the next teacher query.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], says: str, example: str) -> Any:
        added = commands.add_parser(
            name,
            help=says,
            description=says,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(action=action)
        return added

    app = command("app", _app, "Opens the dashboard on 127.0.0.1.", "seedpilot app --port 8501")
    app.add_argument("--port", type=int, default=8501)

    advise = command(
        "recommend",
        _recommend,
        "Says how to spend the budget.",
        "seedpilot recommend --task math --seeds 100 --queries 3000 --json",
    )
    advise.add_argument("--task", required=True, help=f"{', '.join(TaskType)}, or the path of a task.toml")
    advise.add_argument("--seeds", type=int, required=True, help="labelled examples")
    advise.add_argument("--queries", type=int, help="teacher queries that can be paid")
    advise.add_argument("--budget-usd", type=float, help="instead of --queries, with --usd-per-query")
    advise.add_argument("--usd-per-query", type=float, help="what one query of the teacher costs")
    advise.add_argument("--augmenter", choices=("strong", "weak"), default="strong", help="who writes questions")
    advise.add_argument("--calls", choices=("all", "paper"), default="all", help="count every call, or one an example")
    advise.add_argument("--points", type=Path, help="CSV of your own measured points")
    advise.add_argument("--json", action="store_true")

    pilot = command("pilot", _pilot, "Runs a pilot to its end.", "seedpilot pilot plan.toml --json")
    pilot.add_argument("plan", type=Path)
    pilot.add_argument("--dry-run", action="store_true", help="show queries, cost and time, and stop")
    pilot.add_argument("--json", action="store_true")

    plan = command("plan", _plan, "Prints an example of a plan.", "seedpilot plan --example > plan.toml")
    plan.add_argument("--example", action="store_true", required=True)

    command("worker", _worker, "Runs what the pages filed, oldest first, and ends.", "seedpilot worker")

    runs = command("runs", _runs, "Lists the runs.", "seedpilot runs --json")
    runs.add_argument("--json", action="store_true")

    show = command("show", _show, "Shows a run with its measurements.", "seedpilot show 20261121-093000-ab12 --json")
    show.add_argument("run")
    show.add_argument("--json", action="store_true")

    for request, says in (("pause", "Pauses a run."), ("cancel", "Cancels a run; what it generated is kept.")):
        asked = command(request, _ask, says, f"seedpilot {request} 20261121-093000-ab12")
        asked.add_argument("run")
        asked.set_defaults(request=request)

    resume = command("resume", _resume, "Goes on with a run, here.", "seedpilot resume 20261121-093000-ab12")
    resume.add_argument("run")
    resume.add_argument("--json", action="store_true")

    doctor = command(
        "doctor", _doctor, "Says what this machine can do.", "seedpilot doctor --endpoint http://127.0.0.1:8000/v1"
    )
    doctor.add_argument("--endpoint", help="base URL of an OpenAI-compatible endpoint")
    doctor.add_argument("--key-env", help="name of the environment variable that holds its key")
    doctor.add_argument("--json", action="store_true")
    return parser


def _app(given: argparse.Namespace) -> int:
    os.chdir(ROOT)
    serve = [sys.executable, "-m", "pages.shared.serve", "--server.port", str(given.port)]
    os.execv(sys.executable, serve)  # noqa: S606 - our own interpreter, no shell


def _recommend(given: argparse.Namespace) -> int:
    queries = given.queries
    if (queries is None) == (given.budget_usd is None):
        raise InputError("give the budget once: --queries N, or --budget-usd X with --usd-per-query P")
    if queries is None:
        if given.usd_per_query is None:
            raise InputError("--budget-usd needs --usd-per-query: no price is ever guessed")
        if not given.usd_per_query > 0 or not given.budget_usd > 0:
            raise InputError("--budget-usd and --usd-per-query: expected amounts above 0")
        queries = int(given.budget_usd / given.usd_per_query + 1e-9)
    if given.task not in set(TaskType) and not given.task.endswith(".toml"):
        raise InputError(f"--task: found {given.task!r}, expected {', '.join(TaskType)}, or the path of a task.toml")
    kind = TaskType(given.task) if given.task in set(TaskType) else load_task(given.task).type
    points = read_points(given.points, given.calls) if given.points else ()
    advice = recommend(Situation(kind, given.seeds, queries, given.augmenter, given.calls), points)
    print(_dumps(as_json(advice)) if given.json else _advice_text(advice))
    return 0


def _pilot(given: argparse.Namespace) -> int:
    plan = read_plan(given.plan)
    prepared = prepare(plan)
    _tell(_estimate_text(prepared))
    for warning in prepared.warnings:
        _tell(f"note: {warning}")
    if given.dry_run:
        if given.json:
            print(_dumps(asdict(prepared.estimate)))
        return 0
    store = Store(Settings().store_path)
    return _run_here(file_pilot(plan, store), store, as_json=given.json)


def _run_here(run_id: str, store: Store, *, as_json: bool) -> int:
    """Runs a run in this process and prints its summary."""
    from engine import worker

    teacher = plan_of(store.run(run_id)).teacher
    key = SecretStr(getpass(f"Key for {teacher.base_url}: ")) if teacher.key_typed and sys.stdin.isatty() else None
    _tell(f"run {run_id}, in {store.folder(run_id)}")
    state = worker.run(run_id, store, key)
    told = summary(store, run_id)
    print(_dumps(told) if as_json else _run_text(told))
    if told["message"]:
        _tell(told["message"])
    return 0 if state == RunState.DONE else 1


def _plan(given: argparse.Namespace) -> int:
    print(EXAMPLE, end="")
    return 0


def _worker(given: argparse.Namespace) -> int:
    from engine import worker

    worker.run_queue(Store(Settings().store_path))
    return 0


def _runs(given: argparse.Namespace) -> int:
    runs = Store(Settings().store_path).runs()
    if given.json:
        print(_dumps({"runs": [_run_row(run) for run in runs]}))
    else:
        for run in runs:
            started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created_at))
            print(f"{run.id}  {run.state.value:<15}  {started}  {run.name}")
        if not runs:
            print("No runs yet. `seedpilot plan --example > plan.toml` and `seedpilot pilot plan.toml` make the first.")
    return 0


def _show(given: argparse.Namespace) -> int:
    told = summary(Store(Settings().store_path), given.run)
    print(_dumps(told) if given.json else _run_text(told))
    return 0


def _ask(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    store.ask(given.run, given.request)
    print(f"{given.run}: {store.run(given.run).state.value}, {given.request} asked")
    return 0


def _resume(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    run = store.run(given.run)
    if run.state not in RESUMABLE | {RunState.QUEUED, RunState.RUNNING}:
        raise InputError(f"run {run.id} is {run.state.value}; there is nothing to resume")
    return _run_here(given.run, store, as_json=given.json)


def _doctor(given: argparse.Namespace) -> int:
    from engine.doctor import examine

    findings = examine(Settings(), given.endpoint, given.key_env)
    if given.json:
        print(_dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<16} {finding.found}")
    return 0 if all(finding.good for finding in findings) else 1


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state.value,
        "message": run.message,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }


def _advice_text(advice: Recommendation) -> str:
    lines = [advice.headline, f"Budget ratio: {advice.situation.budget_ratio:.1f} queries per seed.", ""]
    for outlook in advice.outlooks:
        accuracy = outlook.accuracy
        expected = (
            "refused"
            if accuracy is None
            else f"{100 * accuracy.mean:.0f} % ({100 * accuracy.low80:.0f} to {100 * accuracy.high80:.0f})"
        )
        lines.append(
            f"  {outlook.strategy.value:<20} {outlook.examples:>8} examples   accuracy {expected:<16}"
            f" likely best {100 * outlook.p_best:.0f} %{'   assumed' if outlook.assumed else ''}"
        )
    lines += ["", *(f"- {reason.text} [{', '.join(reason.sources)}]" for reason in advice.reasons)]
    lines += [f"! {caveat.text} [{', '.join(caveat.sources)}]" for caveat in advice.caveats]
    return "\n".join(line.replace(" []", "") for line in lines)


def _estimate_text(prepared: Prepared) -> str:
    estimate = prepared.estimate
    expected = "unknown" if estimate.expected_usd is None else f"${estimate.expected_usd:.2f}"
    most = "unknown" if estimate.upper_usd is None else f"${estimate.upper_usd:.2f}"
    seconds = "unknown" if estimate.seconds is None else f"about {max(1, round(estimate.seconds / 60))} min (rough)"
    return (
        f"{len(prepared.cells)} cells, {estimate.queries} teacher queries (ceiling {estimate.ceiling_queries}), "
        f"cost {expected} expected and {most} at most, time {seconds}; "
        f"differences under {estimate.detectable_points:.1f} points cannot be told from noise"
    )


def _run_text(told: dict[str, Any]) -> str:
    queries = told["queries"]
    cost = "cost unknown" if queries["usd"] is None else f"${queries['usd']:.4f}"
    label = f"   SANDBOX ({', '.join(told['sandbox'])})" if told["sandbox"] else ""
    lines = [
        f"{told['run']}  {told['name']}: {told['state']}{label}",
        f"{queries['settled']} queries answered, {queries['unknown']} of unknown outcome, {cost}",
    ]
    for cell in told["cells"]:
        accuracy = cell["accuracy"]
        result = (
            cell["state"] + (f": {cell['message']}" if cell["message"] else "")
            if accuracy is None
            else f"{100 * accuracy['mean']:.1f} % ({100 * accuracy['low80']:.1f} to {100 * accuracy['high80']:.1f}), "
            f"{cell['correct']} of {cell['scored']}, {cell['not_scored']} not scored, {cell['examples']} examples"
        )
        lines.append(
            f"  {cell['arm']:<20} {cell['seeds']:>5} seeds {cell['budget']:>7} queries #{cell['replicate']}  {result}"
        )
    lines.append(f"before: {told['advice']['before']['headline']}")
    if told["advice"]["after"]:
        lines.append(f"after:  {told['advice']['after']['headline']}")
    return "\n".join(lines)


def _dumps(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
