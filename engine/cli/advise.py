"""`seedpilot recommend`: how to spend the budget."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.advice import as_json, recommend
from engine.cli.frame import Commands, command, dumps
from engine.domain import Recommendation, Situation, TaskType
from engine.errors import InputError
from engine.points import read_points
from engine.tasks import load_task


def add(commands: Commands) -> None:
    """Declares the commands."""
    advise = command(
        commands,
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
    print(dumps(as_json(advice)) if given.json else _advice_text(advice))
    return 0


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
