"""`seedpilot generate`: a whole data set from the seeds, under a ceiling that holds, as a folder to train on."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.cli.frame import Commands, command, dumps, tell
from engine.cli.mapping import add_map, with_mapping
from engine.domain import Strategy
from engine.errors import InputError
from engine.full_prepare import PreparedFull, prepare_full
from engine.full_report import report_of
from engine.heart import release_if_dead
from engine.plan import SANDBOX, PilotPlan, check_plan, read_plan
from engine.records import RunState
from engine.runs import file_full
from engine.settings import Settings, key_from_environment
from engine.store import Store

OPENAI = "https://api.openai.com"
TOLD_EVERY_S = 5.0
"""Progress is told so often where nobody watches a terminal."""
FLAGS = {
    "ceiling.usd": "--ceiling-usd",
    "ceiling.queries": "--queries",
    "teacher.base_url": "--teacher",
    "teacher.model": "--model",
    "teacher.usd_per_million_input and usd_per_million_output": "--usd-per-million INPUT OUTPUT",
    "augmenter.base_url": "--augmenter",
    "augmenter.model": "--augmenter-model",
    "unlabelled.path": "--unlabelled",
    "unlabelled.keep_label_shares": "--keep-label-shares",
    "grid.strategies": "--strategy",
    "full.spending": "--strategy",
    "test.holdout": "--holdout",
    "test.path": "--test",
    "seeds.map": "--map",
}
"""What a plan calls a setting -> the flag of it."""


def add(commands: Commands) -> None:
    """Declares the command."""
    generate = command(
        commands,
        "generate",
        _generate,
        "Generates a whole data set: JSONL, provenance, a card, configs for TRL and Axolotl. Asked again it goes on, "
        "and buys nothing twice.",
        "seedpilot generate --task math --strategy new_question=600 --strategy answer_augmentation=200 \\\n"
        "    --seeds seeds.jsonl --test test.jsonl --teacher https://api.openai.com/v1 --model gpt-4o-mini \\\n"
        "    --key-env OPENAI_API_KEY --ceiling-usd 2 --out our-data",
    )
    generate.add_argument("--plan", type=Path, help="a pilot's plan: files, split, teacher, prompts and recipe of it")
    generate.add_argument("--task", help="a named task, or the path of a task.toml")
    generate.add_argument(
        "--strategy",
        action="append",
        default=[],
        metavar="NAME[=QUERIES]",
        help=f"one of {', '.join(Strategy)}; once for each part of a spending plan",
    )
    generate.add_argument("--queries", type=int, help="the most queries that are charged, for the whole plan")
    generate.add_argument("--seeds", metavar="FILE", help="JSONL, CSV, Parquet, hub:OWNER/NAME, or sandbox")
    generate.add_argument("--test", metavar="FILE", help="test items: nothing near them is kept")
    generate.add_argument("--holdout", type=int, metavar="N", help="split off so many test items, as a pilot does")
    generate.add_argument("--unlabelled", metavar="FILE", help="your own inputs without answers, for real_question")
    generate.add_argument(
        "--keep-label-shares", action="store_true", help="of real_question: keep labels in the shares of the seeds"
    )
    add_map(generate, plan=True)
    generate.add_argument(
        "--teacher", metavar="URL", help="an endpoint, a local model's folder, recorded replies (.jsonl), or sandbox"
    )
    generate.add_argument("--model", help="the model that the endpoint serves")
    generate.add_argument("--key-env", metavar="VARIABLE", help="the environment variable that holds the key")
    generate.add_argument(
        "--usd-per-million", nargs=2, type=float, metavar=("INPUT", "OUTPUT"), help="what a million tokens cost you"
    )
    generate.add_argument("--augmenter", metavar="URL", help="who writes questions (default: the teacher)")
    generate.add_argument("--augmenter-model", metavar="MODEL")
    generate.add_argument("--augmenter-key-env", metavar="VARIABLE")
    generate.add_argument("--ceiling-usd", type=float, metavar="USD", help="the most money that is charged")
    generate.add_argument("--concurrency", type=int, metavar="N", help="requests under way at a time")
    generate.add_argument("--student", metavar="DIR_OR_HUB_ID", help="the student that the configs name")
    generate.add_argument("--no-seeds", action="store_true", help="leave the seeds out of the data set")
    generate.add_argument("--out", type=Path, required=True, metavar="DIR", help="the data set folder")
    generate.add_argument("--json", action="store_true")


def _generate(given: argparse.Namespace) -> int:
    from engine import worker

    ready = _ready(given)
    prepared = ready.prepared
    if prepared.division is not None:
        tell(prepared.division.told)
    for warning in prepared.warnings:
        tell(f"note: {warning}")
    estimate = prepared.estimate
    cost = "unknown" if estimate.expected_usd is None else f"${estimate.expected_usd:.4f}"
    most = prepared.plan.ceiling.usd or estimate.upper_usd
    tell(
        f"{estimate.queries} queries (ceiling {estimate.ceiling_queries}), expected cost {cost}, "
        f"at most {'unknown' if most is None else f'${most:.4f}'}"
    )
    store = Store(Settings().store_path)
    run_id = file_full(ready, store, lambda run: release_if_dead(run, store))
    tell(f"run {run_id}; the same command goes on with it")
    with _progress(store, run_id):
        state = worker.run(run_id, store)
    message = store.run(run_id).message
    told = {"run": run_id, "state": state.value, "message": message, **(report_of(store, run_id) or _nothing(ready))}
    print(dumps(told) if given.json else _text(told))
    if message:
        tell(message)
    return 0 if state == RunState.DONE else 1


def _nothing(ready: PreparedFull) -> dict[str, Any]:
    """The same keys where no folder was written."""
    asked = {
        "queries": sum(ready.full.spending.values()),
        "ceiling_queries": ready.prepared.estimate.ceiling_queries,
    }
    unknown = dict.fromkeys(("settled", "unknown", "replies", "usd", "replies_usd", "usd_per_kept"))
    return {**asked, **unknown, "kept": 0, "seeds": 0, "counts": {}, "budgets": {}, "complete": False, "folder": None}


# --- from flags to a plan ---------------------------------------------------------------------------------


def _ready(given: argparse.Namespace) -> PreparedFull:
    """The full run that the flags ask for; InputError with every problem of flags, plan and files at once."""
    problems: list[str] = []
    spending = _spending(given, problems)
    raw = _raw(given, spending, problems)
    plan = None
    try:
        plan = with_mapping(check_plan(raw, "flags"), given.map)
    except InputError as error:
        problems += error.problems
    for flag, variable in _variables(given, raw):
        if key_from_environment(variable) is None:
            problems.append(f"{flag}: the environment variable {variable} is not set; put the key into it")
    # Files are looked at even where a flag is wrong: all is told at once.
    try:
        ready = prepare_full(plan or _sound_part(raw))
    except InputError as error:
        problems += error.problems
    if problems:
        own = given.plan is None
        raise InputError(list(dict.fromkeys(_as_flags(problem) if own else problem for problem in problems)))
    return ready


def _spending(given: argparse.Namespace, problems: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    bare: list[str] = []
    for one in given.strategy:
        name, equals, queries = one.partition("=")
        if name not in tuple(Strategy):
            problems.append(f"--strategy {one}: found {name!r}, expected one of {', '.join(Strategy)}")
        elif name in found or name in bare:
            problems.append(f"--strategy {one}: {name} is named twice; add up its queries")
        elif not equals:
            bare.append(name)
        elif not queries.isdecimal() or int(queries) < 2:
            problems.append(f"--strategy {one}: expected a whole number of queries from 2 on, like {name}=600")
        else:
            found[name] = int(queries)
    if not given.strategy:
        problems.append("--strategy: is missing; name one, like --strategy new_question --queries 600")
    if given.queries is not None and given.queries < 2:
        problems.append(f"--queries {given.queries}: expected at least 2 (one example costs up to 2 queries)")
    elif bare and (given.queries is None or len(bare) > 1 or found):
        problems.append(
            f"--strategy {', '.join(bare)}: says no number of queries; give --queries for one strategy, and "
            "NAME=QUERIES for each of several"
        )
    elif bare:
        found[bare[0]] = given.queries
    elif given.queries is not None and sum(found.values()) > given.queries:
        problems.append(
            f"--queries {given.queries}: the strategies are given {sum(found.values())} in all, more than this ceiling"
        )
    return found


def _raw(given: argparse.Namespace, spending: dict[str, int], problems: list[str]) -> dict[str, Any]:
    """The plan as a file would hold it."""
    raw: dict[str, Any] = {}
    if given.plan is not None:
        try:
            pilot = read_plan(given.plan).model_copy(update={"variants": (), "teachers": {}, "judge": None})
            raw = pilot.model_dump(mode="json", exclude_none=True)
        except InputError as error:
            problems += error.problems
    else:
        missing = [f"--{name}" for name in ("task", "seeds", "teacher") if getattr(given, name) is None]
        problems += [f"{flag}: is missing; give it, or a pilot's --plan" for flag in missing]
    out = given.out.expanduser().absolute()
    own_split = given.plan is not None and raw.get("seeds", {}).get("path", SANDBOX) != SANDBOX
    raw["name"] = out.name[:80] or "data"
    raw["full"] = {
        "folder": str(out),
        "with_seeds": not given.no_seeds,
        # What a pilot has tested on stays out of the seeds, unless other files are given now.
        "held_out": given.holdout is not None or (own_split and given.seeds is None and given.test is None),
        "spending": spending or {Strategy.ANSWER_AUGMENTATION.value: 2},
    }
    strategies = list(raw["full"]["spending"])
    raw["grid"] = {"strategies": strategies, "budgets": sorted({2, *spending.values()}), "replicates": 1}
    raw["ceiling"] = {}
    if given.queries is not None and given.queries >= 1:
        raw["ceiling"]["queries"] = given.queries
    if given.ceiling_usd is not None:
        raw["ceiling"]["usd"] = given.ceiling_usd
    for name, value in (("task", given.task), ("student", given.student)):
        if value is not None:
            raw[name] = value
    for name in ("seeds", "test", "unlabelled"):
        if (path := getattr(given, name)) is not None:
            raw[name] = {"path": path}
    if given.keep_label_shares:
        raw["unlabelled"] = {**raw.get("unlabelled", {}), "keep_label_shares": True}
    if given.seeds is not None and given.test is None and given.plan is not None:
        raw.pop("test", None)
    if given.holdout is not None:
        raw["test"] = {**raw.get("test", {}), "holdout": given.holdout}
    _asked(given, raw)
    return raw


def _asked(given: argparse.Namespace, raw: dict[str, Any]) -> None:
    """Teacher and augmenter as tables of the plan."""
    if given.teacher is not None:
        raw["teacher"] = _model(given.teacher, given.model, given.key_env)
    elif given.model is not None or given.key_env is not None:
        changes = {"model": given.model, "key_env": given.key_env}
        raw["teacher"] = {**raw.get("teacher", {}), **{name: v for name, v in changes.items() if v is not None}}
    teacher = raw.setdefault("teacher", {})
    if given.usd_per_million is not None:
        teacher["usd_per_million_input"], teacher["usd_per_million_output"] = given.usd_per_million
    if given.concurrency is not None:
        teacher["concurrency"] = given.concurrency
    if given.augmenter is not None:
        raw["augmenter"] = _model(given.augmenter, given.augmenter_model, given.augmenter_key_env)


def _model(asked: str, model: str | None, key_env: str | None) -> dict[str, Any]:
    """Who `--teacher` means: an address, the sandbox, recorded replies, or a model on this machine."""
    if asked == SANDBOX:
        return {"kind": "sandbox"}
    if "://" in asked:
        usual = "OPENAI_API_KEY" if asked.startswith(OPENAI) else None
        found = {"kind": "openai_compatible", "base_url": asked, "model": model, "key_env": key_env or usual}
        return {name: value for name, value in found.items() if value is not None}
    if asked.endswith(".jsonl"):
        return {"kind": "replay", "replies": asked}
    return {"kind": "transformers_local", "model": asked}


def _variables(given: argparse.Namespace, raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for flag, name in (("--key-env", "teacher"), ("--augmenter-key-env", "augmenter")):
        if variable := raw.get(name, {}).get("key_env"):
            yield flag, variable


def _sound_part(raw: dict[str, Any]) -> PilotPlan:
    """Files and folder of a plan that is wrong elsewhere, so that what is wrong with them is told too."""
    full = {**raw["full"], "spending": {Strategy.ANSWER_AUGMENTATION.value: 2}}
    files: dict[str, Any] = {name: raw[name] for name in ("task", "seeds", "test", "student") if name in raw}
    try:
        return check_plan(files | {"full": full})
    except InputError:  # told already
        return check_plan({"full": full})


def _as_flags(problem: str) -> str:
    problem = problem.removeprefix("flags: ").removeprefix("flags, ")
    for name, flag in FLAGS.items():
        problem = problem.replace(name, flag)
    return problem


# --- what is told -----------------------------------------------------------------------------------------


@contextmanager
def _progress(store: Store, run_id: str) -> Iterator[None]:
    """Tells on standard error how far the run is, while it runs."""
    over = threading.Event()
    terminal = sys.stderr.isatty()

    def watch() -> None:
        said, at = "", 0.0
        while not over.wait(0.5):
            run = store.run(run_id)
            now = f"{run.stage}: {run.done:,.0f} of {run.total:,.0f}"
            if run.seconds_left is not None:
                now += f", about {run.seconds_left:,.0f} s left"
            if not run.stage or now == said or (not terminal and time.monotonic() - at < TOLD_EVERY_S):
                continue
            said, at = now, time.monotonic()
            print(f"\r{now}\033[K" if terminal else now, end="" if terminal else "\n", file=sys.stderr, flush=True)
        if terminal and said:
            print(file=sys.stderr)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _differing(row: dict[str, Any]) -> str:
    """How different the examples of so many queries are: where the shares fall, more queries repeat what is there."""
    parts = {"distinct_pairs": "of word pairs are different", "new_words": "of words are in no seed"}
    said = [f"{100 * row[name]:.0f} % {what}" for name, what in parts.items() if row[name] is not None]
    if row["nearest"] is not None:
        said.append(f"{100 * row['nearest']:.0f} % of an example is not in the most similar other one")
    return f"after {row['budget']:,} queries {row['kept']:,} kept: " + (", ".join(said) or "nothing to compare")


def _text(told: dict[str, Any]) -> str:
    if told["folder"] is None:
        return f"{told['run']}: {told['state']}; no data set was written"
    lines = [f"{told['folder']}: {told['kept']:,} examples kept, {told['seeds']:,} seeds beside them"]
    for strategy, counts in told["counts"].items():
        lines.append(f"{strategy:<22} " + ", ".join(f"{count:,} {reason}" for reason, count in counts.items()))
        lines += [f"{'':<22} {_differing(row)}" for row in told["budgets"].get(strategy, ())]
    spent = "unknown" if told["usd"] is None else f"${told['usd']:.4f}"
    each = "unknown" if told["usd_per_kept"] is None else f"${told['usd_per_kept']:.6f}"
    lines.append(
        f"{told['settled']:,} replies bought of at most {told['ceiling_queries']:,} queries, charged {spent}; "
        f"a kept example costs {each}"
    )
    if not told["complete"]:
        lines.append("The data set is not complete; its card says why.")
    return "\n".join(lines)
