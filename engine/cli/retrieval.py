"""`seedpilot retrieval ...`: check a collection, run a pilot on it, and what its result says."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from engine.cli.frame import Commands, command, dumps, tell
from engine.costs import Price
from engine.errors import InputError
from engine.plan import SANDBOX, PilotPlan, check_plan, read_plan
from engine.prices import quote_by_name
from engine.records import RETRIEVAL, RunState
from engine.retrieval import advice
from engine.retrieval.data import read_collection
from engine.retrieval.filing import file_retrieval, result_of_run
from engine.retrieval.prepared import PreparedRetrieval, prepare_retrieval
from engine.runs import plan_of
from engine.settings import Settings
from engine.store import Store

FEEDBACK = "feedback"


def add(commands: Commands) -> None:
    """Declares the commands."""
    group = commands.add_parser("retrieval", help="Dense retrieval: query expansions distilled into the encoder.")
    inner = group.add_subparsers(required=True, metavar="COMMAND")

    check = command(
        inner,
        "check",
        _check,
        "Reads a collection in BEIR layout and counts it, or says everything that is wrong with it.",
        "seedpilot retrieval check ./scifact --json",
    )
    check.add_argument("collection", type=Path)
    check.add_argument("--json", action="store_true")

    pilot = command(
        inner,
        "pilot",
        _pilot,
        "Measures SoftQE, its rivals for the same queries, and expansion at search time. Without flags: the sandbox.",
        "seedpilot retrieval pilot --collection ./scifact --encoder BAAI/bge-small-en-v1.5 \\\n"
        "    --teacher https://api.openai.com/v1 --model gpt-4o-mini --key-env OPENAI_API_KEY --ceiling-usd 2",
    )
    pilot.add_argument("--plan", type=Path, help="a plan with a table [retrieval]; other flags are then left out")
    pilot.add_argument("--collection", default=SANDBOX, help="a folder in BEIR layout, or sandbox")
    pilot.add_argument("--out-of-domain", metavar="DIR", help="a further collection, for tests alone")
    pilot.add_argument(
        "--encoder", help="a folder, a hub id, sandbox, or scratch: made from the passages (default for a folder)"
    )
    pilot.add_argument("--query-prefix", help="what the encoder expects before a query")
    pilot.add_argument("--passage-prefix", help="and before a passage")
    pilot.add_argument(
        "--teacher", default=SANDBOX, metavar="URL",
        help="an endpoint, recorded replies (.jsonl), sandbox, or feedback: expansions from BM25's first passages",
    )  # fmt: skip
    pilot.add_argument("--model", help="the model that the endpoint serves")
    pilot.add_argument("--key-env", metavar="VARIABLE", help="the environment variable that holds the key")
    pilot.add_argument("--usd-per-million", nargs=2, type=float, metavar=("INPUT", "OUTPUT"))
    pilot.add_argument("--concurrency", type=int, metavar="N", help="requests under way at a time")
    pilot.add_argument("--ceiling-usd", type=float, metavar="USD", help="the most money that is charged")
    pilot.add_argument("--queries", type=int, metavar="N", help="the most teacher queries that are charged")
    pilot.add_argument("--train-queries", type=int, metavar="N", help="training queries that are used, from the first")
    pilot.add_argument("--calls", type=int, metavar="N", help="teacher queries of each strategy (default: one a query)")
    pilot.add_argument("--test-queries", type=int, metavar="N", help="test queries of a side, from the first")
    pilot.add_argument("--no-expanded-tests", action="store_true", help="leave expansion at search time out")
    pilot.add_argument(
        "--weight", type=float, action="append", metavar="W", help="of the distillation; may be repeated"
    )
    pilot.add_argument("--replicates", type=int, metavar="N", help="training seeds")
    pilot.add_argument("--steps", type=int, metavar="N")
    pilot.add_argument("--learning-rate", type=float, metavar="RATE")
    pilot.add_argument("--latency-searches", type=int, metavar="N", help="searches that are timed for each way")
    pilot.add_argument("--dry-run", action="store_true", help="show queries and cost, and stop")
    pilot.add_argument("--json", action="store_true")

    show = command(inner, "show", _show, "Shows a pilot's result.", "seedpilot retrieval show RUN --json")
    show.add_argument("run")
    show.add_argument("--json", action="store_true")

    told = command(
        inner,
        "advice",
        _advice,
        "Quality against price and latency, with the teacher of the pilot or with another one at search time.",
        "seedpilot retrieval advice RUN --model gpt-4o-mini --teacher-ms 900 --json",
    )
    told.add_argument("run")
    told.add_argument("--model", help="who would expand searches: its listed price")
    told.add_argument("--usd-per-million", nargs=2, type=float, metavar=("INPUT", "OUTPUT"), help="or your own price")
    told.add_argument("--teacher-ms", type=float, metavar="MS", help="what it would take for one expansion")
    told.add_argument("--json", action="store_true")


def _check(given: argparse.Namespace) -> int:
    found = read_collection(given.collection)
    told: dict[str, Any] = {
        "collection": found.name,
        "passages": len(found.passages),
        "train": len(found.train),
        "dev": len(found.dev),
        "test": {side: len(queries) for side, queries in found.sides().items()},
        "counts": dict(found.counts),
        "notes": list(found.notes),
    }
    if given.json:
        print(dumps(told))
    else:
        test = ", ".join(f"{count} test queries {side}" for side, count in told["test"].items())
        print(f"{found.name}: {len(found.passages):,} passages, {len(found.train)} training queries, "
              f"{len(found.dev)} to choose by, {test}")  # fmt: skip
        print("\n".join([*(f"{count:,} {what}" for what, count in found.counts.items()), *found.notes]))
    return 0


def _pilot(given: argparse.Namespace) -> int:
    plan = read_plan(given.plan) if given.plan else _plan_of(given)
    prepared = prepare_retrieval(plan)
    tell(_estimate(prepared))
    for warning in prepared.warnings:
        tell(f"note: {warning}")
    if given.dry_run:
        queries = {strategy.value: count for strategy, count in prepared.queries.items()}
        told: dict[str, Any] = {"queries": queries, "ceiling_queries": prepared.ceiling.queries}
        told["ceiling_usd"] = prepared.ceiling.usd
        told |= {"expected_usd": prepared.expected_usd, "label": prepared.label, "warnings": list(prepared.warnings)}
        if given.json:
            print(dumps(told))
        return 0
    store = Store(Settings().store_path)
    return run_here(file_retrieval(plan, store), store, as_json=given.json)


def run_here(run_id: str, store: Store, *, as_json: bool) -> int:
    """Runs a retrieval pilot in this process, or goes on with it, and prints its result."""
    from engine import worker

    teacher = plan_of(store.run(run_id)).teacher
    key = SecretStr(getpass(f"Key for {teacher.base_url}: ")) if teacher.key_typed and sys.stdin.isatty() else None
    tell(f"run {run_id}, in {store.folder(run_id)}; stopped, `seedpilot resume {run_id}` goes on with it")
    state = worker.run(run_id, store, key)
    _print(store, run_id, as_json=as_json)
    if message := store.run(run_id).message:
        tell(message)
    return 0 if state == RunState.DONE else 1


def _plan_of(given: argparse.Namespace) -> PilotPlan:
    own = given.collection != SANDBOX
    retrieval = {
        "collection": given.collection,
        "out_of_domain": given.out_of_domain,
        "encoder": given.encoder or ("scratch" if own else SANDBOX),
        "expand_tests": not given.no_expanded_tests,
        "feedback": given.teacher == FEEDBACK,
        "weights": given.weight,
        **{
            name: getattr(given, name)
            for name in (
                "query_prefix", "passage_prefix", "train_queries", "calls", "test_queries", "replicates", "steps",
                "learning_rate", "latency_searches",
            )
        },
    }  # fmt: skip
    teacher: dict[str, Any] = {"key_env": given.key_env, "concurrency": given.concurrency}
    if given.teacher.startswith(("http://", "https://")):
        teacher |= {"kind": "openai_compatible", "base_url": given.teacher, "model": given.model}
    elif given.teacher.endswith(".jsonl"):
        teacher |= {"kind": "replay", "replies": given.teacher}
    elif given.teacher not in (SANDBOX, FEEDBACK):
        raise InputError(
            f"--teacher {given.teacher}: expected an address like http://127.0.0.1:8000/v1, a .jsonl file of recorded "
            f"replies, {SANDBOX} or {FEEDBACK}"
        )
    if given.usd_per_million:
        teacher |= dict(zip(("usd_per_million_input", "usd_per_million_output"), given.usd_per_million, strict=True))
    ceiling = {"usd": given.ceiling_usd, "queries": given.queries}
    raw = {
        "name": f"retrieval on {Path(given.collection).name}"[:80],
        "teacher": {name: value for name, value in teacher.items() if value is not None},
        "ceiling": {name: value for name, value in ceiling.items() if value is not None},
        "retrieval": {name: value for name, value in retrieval.items() if value is not None},
    }
    return check_plan(raw, "flags")


def _estimate(prepared: PreparedRetrieval) -> str:
    queries = ", ".join(f"{count} {strategy.value}" for strategy, count in prepared.queries.items())
    cost = "unknown" if prepared.expected_usd is None else f"${prepared.expected_usd:.4f}"
    most = "unknown" if prepared.ceiling.usd is None else f"${prepared.ceiling.usd:.4f}"
    label = f" ({prepared.label})" if prepared.label else ""
    return (
        f"{prepared.collection.name}{label}: {len(prepared.collection.passages):,} passages; {prepared.needed} teacher "
        f"queries ({queries}; ceiling {prepared.ceiling.queries}), expected cost {cost}, at most {most}"
    )


def _show(given: argparse.Namespace) -> int:
    store = Store(Settings().store_path)
    _checked(store, given.run)
    _print(store, given.run, as_json=given.json)
    return 0


def _advice(given: argparse.Namespace) -> int:
    result = _checked(Store(Settings().store_path), given.run)
    own = given.usd_per_million or (None, None)
    price, sources = None, []
    if given.model or given.usd_per_million:
        quoted = quote_by_name(given.model or "", *own)
        price = Price(quoted.input_usd, quoted.output_usd)
        sources.append(f"price: {quoted.source.partition(';')[0]}")
    if given.teacher_ms is not None:
        sources.append("time: as you assume it")
    found = advice.advise(result, advice.Assumed(price, given.teacher_ms, "; ".join(sources) or "as measured"))
    print(dumps(advice.as_json(found)) if given.json else _advice_text(result, found))
    return 0


def _checked(store: Store, run_id: str) -> dict[str, Any]:
    """A run's result; InputError where it has none."""
    run = store.run(run_id)
    if not run_id.startswith(RETRIEVAL):
        raise InputError(f"run {run_id} is no retrieval pilot; `seedpilot show {run_id}` shows it")
    result = result_of_run(store, run_id)
    if result is None:
        raise InputError(
            f"run {run_id} is {run.state.value} and has no result yet; `seedpilot resume {run_id}` goes on"
        )
    return result


def _print(store: Store, run_id: str, *, as_json: bool) -> None:
    run, result = store.run(run_id), result_of_run(store, run_id)
    if as_json:
        found = None if result is None else advice.as_json(advice.advise(result))
        print(
            dumps({"run": run_id, "state": run.state.value, "message": run.message, "result": result, "advice": found})
        )
    elif result is None:
        print(f"{run_id}: {run.state.value}; there is no result")
    else:
        print(_advice_text(result, advice.advise(result)))


def _advice_text(result: dict[str, Any], found: advice.RetrievalAdvice) -> str:
    label = f"   [{result['label']}]" if result["label"] else ""
    lines = [f"{result['run']}  {result['name']}{label}", found.headline, ""]
    sides = list(result["collection"]["test"])
    lines.append(f"{'nDCG@10 (80 % interval)':<46}" + "".join(f"{side:<26}" for side in sides))
    for arm in result["arms"]:
        cells = [arm["sides"].get(side, {}).get(advice.NDCG) for side in sides]
        told = [f"{c['mean']:.3f} ({c['low80']:.3f} to {c['high80']:.3f})" if c else "not measured" for c in cells]
        lines.append(f"{advice.NAMES.get(arm['arm'], arm['arm']):<46}" + "".join(f"{cell:<26}" for cell in told))
    lines += ["", f"{'':<46}{'ms a search':<14}{'teacher ms':<14}{'$ / 1,000':<14}$ once"]
    for way in found.ways:
        figures = (way.search_ms, way.teacher_ms, way.usd_per_thousand, way.usd_once)
        marks = (".2f", ".1f", ".4f", ".4f")
        told = ["unknown" if f is None else format(f, mark) for f, mark in zip(figures, marks, strict=True)]
        lines.append(f"{way.name:<46}" + "".join(f"{cell:<14}" for cell in told))
    return "\n".join([*lines, "", *found.sentences])
