"""Everything that a run's report says, as plain values, read from the store, the run's folder and the plan."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import prices
from engine.advice import as_json
from engine.check_report import read_report as check_report
from engine.domain import Baseline, CurveBand, Recommendation, Strategy
from engine.errors import SeedPilotError
from engine.evidence import published
from engine.full_report import report_of
from engine.ledger import account
from engine.plan import SANDBOX, ModelPlan, PilotPlan, to_toml
from engine.records import CHECK, FULL, RETRIEVAL, CellRow, Run
from engine.report.plainly import keys_of, without_keys
from engine.retrieval.filing import result_of_run
from engine.runs import advice, plan_of, summary
from engine.spent import spent
from engine.store import Store
from engine.student import check_student
from engine.versions import kept_versions, versions

FORMAT = 1
"""Of these values; a reader of another one is told."""
SHOWN = 3
"""Examples of each pool that are shown."""
HASHED_BYTES = 2_000_000_000
"""Larger files are named with their size, and not read."""


def facts(store: Store, run_id: str) -> dict[str, Any]:
    """The report's values; accuracies are fractions, what is unknown is null. InputError where there is no such run."""
    run, cells = store.run(run_id), store.cells(run_id)
    plan = plan_of(run)
    found: dict[str, Any] = {
        "format": FORMAT,
        "made_at": _day(time.time()),
        "run": {
            "id": run.id,
            "name": run.name,
            "state": run.state.value,
            "message": run.message,
            "filed": _day(run.created_at),
            "finished": None if run.finished_at is None else _day(run.finished_at),
            "sandbox": list(plan.sandbox_parts),
        },
        "plan": plan.model_dump(mode="json"),
        "plan_toml": to_toml(plan),
        "ledger": _ledger(store, run_id),
        "prices": _prices(plan, run),
        "random_seeds": _random_seeds(plan, cells),
        "versions": {"when_it_worked": kept_versions(store.folder(run_id)), "now": versions()},
        "files": _files(plan, cells),
    }
    found |= _results(store, run, cells)
    found["examples"] = _examples(store, run_id)
    found["check"] = check_report(store.folder(run_id)) if run_id.startswith(CHECK) else None
    found["retrieval"] = result_of_run(store, run_id) if run_id.startswith(RETRIEVAL) else None
    found["data_set"] = report_of(store, run_id) if run_id.startswith(FULL) else None
    struck: dict[str, Any] = without_keys(found, keys_of(plan))
    return struck


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


# --- what was measured and decided ------------------------------------------------------------------------


def _results(store: Store, run: Run, cells: Sequence[CellRow]) -> dict[str, Any]:
    if run.id.startswith(RETRIEVAL):  # no strategy of examples: the advice speaks about other things
        return _NOTHING | {"no_results": None, "evidence": _evidence(())}
    try:
        before, after = advice(run, list(cells), store.pools(run.id))
        told = summary(store, run.id)
    except SeedPilotError as error:
        return _NOTHING | {"no_results": str(error), "evidence": _evidence(())}
    parts = ("cells", "pools", "variants", "comparison", "control", "settings")
    return {
        "no_results": None,
        **{name: told.get(name) for name in parts},
        "advice": {"before": as_json(before), "after": None if after is None else as_json(after)},
        "curves": {"before": _curves(before), "after": None if after is None else _curves(after)},
        "evidence": _evidence((before,) if after is None else (before, after)),
    }


_NOTHING: dict[str, Any] = {"advice": None, "curves": None, "cells": []}


def _curves(found: Recommendation) -> list[dict[str, Any]]:
    return [_curve(band) for band in found.curves]


def _curve(band: CurveBand) -> dict[str, Any]:
    return {
        "strategy": band.strategy.value,
        "assumed": band.assumed,
        "queries": list(band.queries),
        "mean": list(band.mean),
        "low80": list(band.low80),
        "high80": list(band.high80),
    }


def _evidence(advised: Sequence[Recommendation]) -> dict[str, Any]:
    """The published rows behind the advice: those about the task type, and those that a sentence rests on."""
    table = published()
    cited = {source for one in advised for said in (*one.reasons, *one.caveats) for source in said.sources}
    tasks = [one.situation.task for one in advised]
    wanted = cited | {row.id for task in tasks for row in table.about(task)}
    wanted |= {claim.id for task in tasks for claim in table.shifts(task)}
    points = [row for row in table.points if row.id in wanted]
    claims = [row for row in table.claims if row.id in wanted]
    return {
        "sha256": table.digest,
        "points": [
            {
                "id": row.id,
                "reference": row.reference,
                "confidence": row.confidence,
                "task": row.task,
                "student": row.student,
                "strategy": row.strategy,
                "synthetic_examples": row.synthetic_n,
                "metric": row.metric,
                "value": row.value,
            }
            for row in points
        ],
        "claims": [
            {"id": row.id, "reference": row.reference, "confidence": row.confidence, "says": row.text} for row in claims
        ],
    }


def _examples(store: Store, run_id: str) -> list[dict[str, Any]]:
    """The first examples of each pool, as the teacher wrote them."""
    found = []
    for pool in store.pools(run_id):
        try:
            with (Path(pool.folder) / "examples.jsonl").open(encoding="utf-8") as lines:
                rows = [json.loads(line) for line in itertools.islice(lines, SHOWN)]
        except (OSError, ValueError):
            continue
        kept = [{"question": row.get("question"), "answer": row.get("answer")} for row in rows]
        found.append({"pool": pool.name, "examples": kept})
    return found


# --- what was paid ----------------------------------------------------------------------------------------


def _ledger(store: Store, run_id: str) -> dict[str, Any]:
    paid = account(store, run_id)
    return {
        "settled": paid.settled,
        "unknown": paid.unknown,
        "on_their_way": paid.reserved,
        "usd": paid.usd,
        "sums": [asdict(one) for one in spent(store, run_id)],
    }


def _prices(plan: PilotPlan, run: Run) -> list[dict[str, Any]]:
    """Who was asked at which price, by the table of the day on which the run was filed."""
    day = datetime.fromtimestamp(run.created_at, UTC).date()
    models: dict[str, ModelPlan | None] = {"teacher": plan.teacher, "augmenter": plan.augmenter, **plan.teachers}
    found = []
    for who, model in models.items():
        if model is None:
            continue
        quote = model.quote(batch=who == "teacher" and plan.teacher.batch)
        if model.kind == "openai_compatible":
            own = model.usd_per_million_input, model.usd_per_million_output
            batch = who == "teacher" and plan.teacher.batch
            quote = prices.quote(model.base_url or "", model.model or "", *own, batch=batch, on=day)
        found.append(
            {
                "who": who,
                "kind": model.kind,
                "model": model.model,
                "usd_per_million_input": quote.input_usd,
                "usd_per_million_output": quote.output_usd,
                "source": quote.source,
                "date": day.isoformat(),
            }
        )
    return found


# --- what it was made from --------------------------------------------------------------------------------


def _random_seeds(plan: PilotPlan, cells: Sequence[CellRow]) -> dict[str, Any]:
    """Everything that a draw depended on."""
    training = sorted({int(row.detail["seed"]) for row in cells if isinstance(row.detail.get("seed"), int)})
    return {
        "training": training,
        "test_draw": None if plan.test.path is not None or plan.seeds.path == SANDBOX else plan.test.draw,
        "few_shot_draw": plan.prompts.few_shot_draw,
        "pools": sorted({row.cell.pool for row in cells if isinstance(row.cell.arm, Strategy)}),
    }


def _files(plan: PilotPlan, cells: Sequence[CellRow]) -> list[dict[str, Any]]:
    """Files that went in and came out, each with its SHA-256: who repeats the run can see whether they are the same."""
    named = {
        "seeds": plan.seeds.path,
        "test items": plan.test.path,
        "unlabelled inputs": plan.unlabelled.path,
        "task": plan.task if plan.task.endswith(".toml") else None,
        "recorded replies": plan.teacher.replies,
    }
    found = [_file(what, Path(path)) for what, path in named.items() if path and path != SANDBOX]
    found += [_file("student", path) for path in _student_files(plan.student)]
    for row in cells:
        if row.folder is None or row.cell.arm in (Baseline.UNTUNED, Baseline.TEACHER):
            continue
        adapter = Path(row.folder) / "adapter" / "adapter_model.safetensors"
        if adapter.is_file():
            found.append(_file("adapter", adapter, name=row.cell.key))
    return found


def _student_files(student: str) -> list[Path]:
    try:
        folder = Path(check_student(student).path)
    except SeedPilotError:
        return []
    return [folder / name for name in ("config.json", "tokenizer.json") if (folder / name).is_file()]


def _file(what: str, path: Path, name: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"what": what, "name": name or path.name, "path": str(path), "bytes": None, "sha256": None}
    try:
        found["bytes"] = path.stat().st_size
        if found["bytes"] <= HASHED_BYTES:
            with path.open("rb") as file:
                found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        found["bytes"] = None
    return found


def changed_files(told: Mapping[str, Any]) -> list[str]:
    """Which of the files that a report names are not there any more, or hold something else now: one sentence each."""
    problems = []
    for file in told["files"]:
        if file["what"] == "adapter" or file["sha256"] is None:
            continue
        now = _file(file["what"], Path(file["path"]))
        if now["bytes"] is None:
            problems.append(f"{file['path']}: is not here; the run used it as {file['what']}")
        elif now["sha256"] != file["sha256"]:
            problems.append(f"{file['path']}: has changed since; the run used another file as {file['what']}")
    return problems
