"""The flags of `seedpilot generate` as the plan that they ask for; every fault of flags, plan and files at once."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from engine.cli.mapping import with_mapping
from engine.domain import Strategy
from engine.errors import InputError
from engine.full_prepare import PreparedFull, prepare_full
from engine.plan import SANDBOX, PilotPlan, check_plan, read_plan
from engine.settings import key_from_environment

OPENAI = "https://api.openai.com"
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


def ready_from(given: argparse.Namespace) -> PreparedFull:
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
