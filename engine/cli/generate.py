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
from engine.cli.generate_flags import ready_from
from engine.cli.mapping import add_map
from engine.data_card import ALONE
from engine.domain import Strategy
from engine.full_prepare import PreparedFull
from engine.full_report import report_of
from engine.heart import release_if_dead
from engine.records import RunState
from engine.runs import file_full
from engine.settings import Settings
from engine.store import Store

TOLD_EVERY_S = 5.0
"""Progress is told so often where nobody watches a terminal."""


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

    ready = ready_from(given)
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
    if not told["kept"]:
        lines.append(f"{ALONE}, the seeds alone; its card says why.")
    elif not told["complete"]:
        lines.append("The data set is not complete; its card says why.")
    return "\n".join(lines)
