"""What a page or the command line does with runs: file a plan, look at a run whole.

The screen never works: filing copies the plan's files beside the store (an upload vanishes with its
browser tab) and queues the run; a worker does the rest.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine import matched_steps
from engine.advice import as_json, recommend
from engine.comparison import wilson
from engine.database import translated
from engine.domain import Recommendation, Situation, Strategy
from engine.errors import InputError
from engine.full_prepare import PreparedFull
from engine.job_files import fingerprint, read_json, write_json
from engine.ledger import account
from engine.plan import ModelPlan, PilotPlan, check_plan, with_paths
from engine.plan_task import type_of
from engine.pool_report import read_report
from engine.pools import none_kept, prompts_hash
from engine.prepare import Prepared, prepare
from engine.recipe_sources import as_rows, kept_settings
from engine.records import CHECK, DRY_RUN, FULL, HELD, CellRow, PoolRow, Run, RunState
from engine.run_results import as_json as comparison_json
from engine.run_results import pairs_of, partial_pairs_of
from engine.seed_files import from_this_machine
from engine.store import Store
from engine.tasks.portable import portable
from engine.variant_effects import effects

ESTIMATE = "estimate.json"
"""In the folder of a pilot: what it was estimated to take when it was filed."""


def file_pilot(plan: PilotPlan, store: Store, start_token: str | None = None) -> str:
    """Checks a plan whole (InputError), copies its files and queues it; returns the run's id."""
    return _file(plan, store, start_token, "")


def file_check(plan: PilotPlan, store: Store, start_token: str | None = None) -> str:
    """The same for the check before that pilot (`engine.check`)."""
    return _file(plan, store, start_token, CHECK)


def _file(plan: PilotPlan, store: Store, start_token: str | None, kind: str) -> str:
    prepared = prepare(plan)
    plan = from_this_machine(plan)
    # What was shown before the start holds, whatever a later version would compute: the ceiling, and how many
    # unlabelled inputs there are once test items and seeds are out, and how many test items were split off.
    fixed: dict[str, Any] = {
        "ceiling": plan.ceiling.model_copy(update={"queries": prepared.estimate.ceiling_queries}),
        "unlabelled": plan.unlabelled.model_copy(update={"count": len(prepared.inputs) or None}),
    }
    if prepared.division is not None and plan.test.path is None:
        fixed["test"] = plan.test.model_copy(update={"holdout": prepared.division.held_out})
    plan = plan.model_copy(update=fixed)
    run_id = f"{kind}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    filed = carried(plan, store, run_id)
    name = f"check of {plan.name}"[:80] if kind else plan.name
    found = store.file_run(run_id, name, filed.model_dump(mode="json"), start_token or run_id)
    if found != run_id:
        shutil.rmtree(store.folder(run_id), ignore_errors=True)
    else:  # prices and machines change: what was shown before the start is kept
        write_json(store.folder(run_id) / ESTIMATE, asdict(prepared.estimate))
    return found


def kept_estimate(store: Store, run_id: str) -> dict[str, Any] | None:
    """The estimate with which a pilot was filed, as the fields of `Estimate`; None for a run of before it was kept."""
    return read_json(store.folder(run_id) / ESTIMATE)


def file_full(ready: PreparedFull, store: Store, let_go: Callable[[str], None]) -> str:
    """Queues a full run and returns its id. Asked for again with the same contents it is the same run, with the
    ceiling and the folder as they are typed now: what it was charged counts, and nothing is bought again.

    Where no ceiling in money was typed, the upper cost that was shown is filed as one. `let_go` frees a run whose
    worker is dead. InputError where a live worker makes this data set now.
    """
    plan = from_this_machine(ready.prepared.plan)
    # What was shown before the start holds, whatever prices a later version knows; 0 is no ceiling that anybody needs.
    most = plan.ceiling.usd or ready.prepared.estimate.upper_usd or None
    plan = plan.model_copy(update={"ceiling": plan.ceiling.model_copy(update={"usd": most})})
    run_id = f"{FULL}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    filed = carried(plan, store, run_id)
    found = store.file_run(run_id, plan.name, filed.model_dump(mode="json"), _full_token(ready))
    if found == run_id:
        return run_id
    shutil.rmtree(store.folder(run_id), ignore_errors=True)
    let_go(found)
    if store.run(found).state not in HELD:
        shutil.rmtree(store.folder(found) / "input", ignore_errors=True)
        if store.reopen(found, carried(plan, store, found).model_dump(mode="json")):
            return found
    raise InputError(f"run {found} makes this data set now; `seedpilot show {found}` says how far it is")


def file_dry_run(ready: PreparedFull, store: Store) -> str:
    """Queues a dry run of that full run and returns its id; the same contents are the same dry run, measured once."""
    plan = from_this_machine(ready.prepared.plan)
    plan = plan.model_copy(update={"name": f"dry run of {plan.name}"[:80]})
    run_id = f"{DRY_RUN}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    filed = carried(plan, store, run_id)
    found = store.file_run(run_id, plan.name, filed.model_dump(mode="json"), DRY_RUN + _full_token(ready))
    if found != run_id:
        shutil.rmtree(store.folder(run_id), ignore_errors=True)
        if store.run(found).state in (RunState.CANCELLED, RunState.FAILED, RunState.WAITING_FOR_KEY):
            store.reopen(found, store.run(found).plan)
    return found


def _full_token(ready: PreparedFull) -> str:
    """The same for full runs that ask the same."""
    prepared, full = ready.prepared, ready.full
    teacher = prepared.plan.teacher.model_dump(mode="json", include={"kind", "base_url", "model", "keep_reasoning"})
    augmenter = prepared.plan.augmenter
    # Only where there is one: runs of before a full run had judges are found again.
    judge = {} if prepared.plan.judge is None else {"judge": _named(prepared.plan.teachers[prepared.plan.judge])}
    return FULL + fingerprint(
        judge
        | {
            "prompts": [
                prompts_hash(prepared, strategy, prepared.plan.prompts.questions_per_call) for strategy in Strategy
            ],
            "items": [[item.id for item in items] for items in (prepared.seeds, prepared.test, prepared.inputs)],
            "teacher": teacher,
            "augmenter": None if augmenter is None else _named(augmenter),
            "spending": list(full.spending.items()),
            "tokens": [prepared.task.max_answer_tokens, prepared.task.max_question_tokens],
        }
    )


def _named(model: ModelPlan) -> list[str | None]:
    """What makes it the same model."""
    return [model.kind, model.base_url, model.model]


def carried(plan: PilotPlan, store: Store, run_id: str) -> PilotPlan:
    """The plan with copies of its files in the run's folder; every file was there when it was prepared."""
    inputs = store.folder(run_id) / "input"

    def copied(path: str) -> str:
        source = Path(path)
        if source.parent == inputs:  # the task, which has brought its own files
            return path
        if not source.exists():  # a hub id
            return path
        _of_the_same_owner(source, store, run_id)
        if source.is_dir():  # a student: too large to copy, and it does not vanish with a tab
            return str(source.resolve())
        inputs.mkdir(parents=True, exist_ok=True)
        target = inputs / f"{len(list(inputs.iterdir()))}-{source.name}"
        shutil.copyfile(source, target)
        return str(target)

    try:
        task = portable(plan.task, Path(plan.seeds.path), inputs)
        return with_paths(plan.model_copy(update={"task": task}), copied)
    except OSError as error:
        raise translated(error, store.path) from error


def _of_the_same_owner(source: Path, store: Store, run_id: str) -> None:
    """InputError where a file lies in the folder of somebody else's run."""
    if store.owner is None or not source.resolve().is_relative_to(store.home.resolve()):
        return  # what lies elsewhere was refused or allowed by `engine.exposure`
    folder = source.resolve().relative_to(store.home.resolve()).parts[0]
    if folder not in ("uploads", "hub", run_id):
        store.run(folder)


def plan_of(run: Run) -> PilotPlan:
    """The plan that a run was filed with."""
    return check_plan(run.plan)


def situation_of(run: Run, cells: list[CellRow], queries: int | None = None) -> Situation:
    """The situation that a run's measurements speak about; `queries` defaults to its largest budget."""
    plan = plan_of(run)
    seeds = plan.target.seeds or max((row.cell.seeds for row in cells), default=plan.seeds.count or 100)
    return Situation(
        task=type_of(plan),
        seeds=seeds,
        queries=queries or plan.target.queries or max(plan.grid.budgets),
        unlabelled=plan.unlabelled.count if plan.unlabelled.path else None,
    )


def advice(
    run: Run, cells: list[CellRow], pools: Sequence[PoolRow], queries: int | None = None
) -> tuple[Recommendation, Recommendation | None]:
    """The advice before the run and, once a cell of a strategy is measured, after it."""
    situation = situation_of(run, cells, queries)
    measured = [row.measurement for row in cells if row.measurement is not None and row.measurement.scored]
    informative = any(m.cell.budget > 0 for m in measured)
    tried = replace(situation, none_kept=none_kept(pools))
    return recommend(situation), recommend(tried, measured) if informative else None


def summary(store: Store, run_id: str) -> dict[str, Any]:
    """A run as `seedpilot show --json` prints it. Accuracies are fractions with 80 % Wilson intervals."""
    run = store.run(run_id)
    cells = store.cells(run_id)
    paid = account(store, run_id)
    before, after = advice(run, cells, store.pools(run_id))
    control = matched_steps.control_of(cells)
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state.value,
        "message": run.message,
        "progress": {"stage": run.stage, "done": run.done, "total": run.total, "seconds_left": run.seconds_left},
        "sandbox": list(plan_of(run).sandbox_parts),
        "queries": {
            "settled": paid.settled,
            "unknown": paid.unknown,
            "on_their_way": paid.reserved,
            "usd": paid.usd,
        },
        "pools": [
            {
                "pool": pool.name,
                "counts": dict(pool.counts),
                "budgets": read_report(Path(pool.folder)),
                "folder": pool.folder,
            }
            for pool in store.pools(run_id)
        ],
        "cells": [_cell(row) for row in cells],
        "variants": [
            {
                "strategy": effect.strategy.value,
                "variant": effect.variant,
                "seeds": effect.seeds,
                "budget": effect.budget,
                "examples": {"plain": effect.examples[0], "variant": effect.examples[1]},
                "difference": {
                    "mean": effect.found.difference,
                    "low80": effect.found.low,
                    "high80": effect.found.high,
                },
                "items": effect.found.items,
            }
            for effect in effects([row.measurement for row in cells if row.measurement is not None])
        ],
        "comparison": comparison_json(pairs_of(cells), partial_pairs_of(cells)),
        "control": None if control is None else matched_steps.as_json(control),
        "settings": as_rows(kept_settings(store.folder(run_id))),
        "advice": {"before": as_json(before), "after": None if after is None else as_json(after)},
        "folder": str(store.folder(run_id)),
    }


def _cell(row: CellRow) -> dict[str, Any]:
    measured = row.measurement
    interval = None if measured is None else wilson(measured.correct, measured.scored)
    result: dict[str, Any] = {
        "arm": row.cell.arm.value,
        "variant": row.cell.variant,
        "seeds": row.cell.seeds,
        "budget": row.cell.budget,
        "replicate": row.cell.replicate,
        "pool": row.cell.pool,
        "state": row.state,
        "message": row.message,
        "accuracy": None
        if interval is None
        else {"mean": interval.mean, "low80": interval.low80, "high80": interval.high80},
        "folder": row.folder,
    }
    if measured is not None:
        result |= {
            "correct": measured.correct,
            "scored": measured.scored,
            "not_scored": measured.not_scored,
            "examples": measured.examples,
            "mean_value": measured.mean_value,
            "macro_f1": measured.macro_f1,
            # What did not fit into the student: training examples, questions in part, answers' ends.
            **{name: row.detail.get(name) for name in ("too_long", "cut_prompts", "unended")},
        }
    return result


def plan_from(raw: Mapping[str, Any]) -> Prepared:
    """Checks and prepares a plan that a page put together; InputError with every problem."""
    return prepare(check_plan(raw))
