"""A store with runs in it, written through the store itself: what a worker leaves behind."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from engine.adaptive import Step, write_steps
from engine.check_report import REPLIES
from engine.check_report import write_report as write_check
from engine.comparison import wilson
from engine.costs import calls_per_example
from engine.domain import MATCHED_STEPS, Baseline, Cell, Measurement, Mixed, Recipe, Strategy
from engine.full_report import REPORT
from engine.full_training import outcome
from engine.items import write_jsonl
from engine.job_files import FEWER, write_json
from engine.plan import PLAIN, ForecastPlan, check_plan
from engine.pool_report import write_report
from engine.recipe_sources import FIXED, Origin, keep_settings, recipe_settings
from engine.records import RunState
from engine.runs import ESTIMATE
from engine.store import Store

PLAN: dict[str, Any] = {
    "name": "First pilot",
    "seeds": {"count": 100},
    "test": {"count": 300, "teacher_items": 100},
    "grid": {"budgets": [200, 1600], "replicates": 2},
    "ceiling": {"queries": 5400},
}
OWN: dict[str, Any] = {
    "name": "Our word problems",
    "seeds": {"path": "seeds.jsonl"},
    "test": {"path": "test.jsonl"},
    "student": "some/student",
    "teacher": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"},
}
"""What makes that plan one without any part of the sandbox."""
TRUE = {
    (Baseline.UNTUNED, 0): 0.38,
    (Baseline.UNTUNED_FEW_SHOT, 0): 0.4,
    (Baseline.SEEDS_ONLY, 0): 0.43,
    (Baseline.TEACHER, 0): 0.94,
    (Strategy.ANSWER_AUGMENTATION, 200): 0.47,
    (Strategy.QUESTION_REPHRASE, 200): 0.45,
    (Strategy.NEW_QUESTION, 200): 0.46,
    (Strategy.ANSWER_AUGMENTATION, 1600): 0.52,
    (Strategy.QUESTION_REPHRASE, 1600): 0.55,
    (Strategy.NEW_QUESTION, 1600): 0.71,
}

ESTIMATED: dict[str, Any] = {
    "queries": 4900, "ceiling_queries": 5400, "lower_usd": 1.1, "expected_usd": 2.2, "upper_usd": 9.8, "seconds": 300.0,
}  # fmt: skip
"""What that pilot was estimated to take."""
FORECAST = ForecastPlan(mean=0.8, low80=0.75, high80=0.85, pilot="20261121-090000-aaaa")
"""Of full runs."""
STEPS = [
    Step(
        ("answer_augmentation-q200-s100-r0", "new_question-q200-s100-r0"), 400, 0, 0.3,
        {"answer_augmentation": 0.5, "question_rephrase": 0.2, "new_question": 0.3},
        "2 cells for 400 queries, the first look: nothing of yours is measured yet.",
    ),
    Step(
        ("question_rephrase-q1600-s100-r0", "new_question-q1600-s100-r0"), 3000, 400, 0.9,
        {"answer_augmentation": 0.2, "question_rephrase": 0.25, "new_question": 0.55},
        "2 cells for 3,000 queries: expected to end 0.9 points higher than spending the budget on what is known now.",
    ),
    Step(
        (), 0, 3400, 0.01, {"answer_augmentation": 0.01, "question_rephrase": 0.04, "new_question": 0.95},
        "Stopped early: none of the 8 cells left is worth its price.",
    ),
]  # fmt: skip
"""What an adaptive pilot leaves."""


def run(
    store: Store, run_id: str = "20261121-090000-aaaa", state: RunState = RunState.DONE, message: str = "", **plan: Any
) -> str:
    """A run with measured cells, pools, files and paid queries, left in that state."""
    checked = check_plan(PLAN | plan)
    store.file_run(run_id, checked.name, checked.model_dump(mode="json"), run_id)
    if state is RunState.QUEUED:
        return run_id
    me = psutil.Process()  # alive, as a worker is
    store.claim(run_id, me.pid, me.create_time())
    seeds = checked.seeds.count or 100
    cells = checked.cells(seeds)
    store.plan_cells(run_id, cells)
    draw = random.Random(run_id)
    done = cells if state is RunState.DONE else cells[: len(cells) // 2]
    for cell in done:
        calls = calls_per_example(cell.arm) if isinstance(cell.arm, Strategy) else 1
        _measure(store, run_id, cell, draw, examples=round(0.9 * cell.budget / calls))
    for strategy in checked.grid.strategies:
        _pool(store, run_id, strategy, seeds, max(checked.grid.budgets) // calls_per_example(strategy))
    usd = 0.0004 if checked.price_known and checked.quote.input_usd else 0.0
    _queries(store, run_id, 4900 if state is RunState.DONE else 2450, usd)
    write_json(store.folder(run_id) / ESTIMATE, ESTIMATED)
    _trained(store.folder(run_id))
    if checked.target.queries and checked.grid.adaptive:
        write_steps(store.folder(run_id), STEPS)
    if state in (RunState.RUNNING, RunState.LOST):
        store.progress(run_id, "Training and answering", 0, 100)
        store.progress(run_id, "Training and answering", 42, 100)
        if state is RunState.LOST:
            store.release_lost(run_id)
    else:
        store.finish(run_id, state, message)
    return run_id


def _trained(folder: Path) -> None:
    """What trainings leave of their settings, on a machine whose memory ended once."""
    own = {"learning_rate": Origin.VALIDATION, "max_length": Origin.PLAN}
    keep_settings(folder, (*recipe_settings(Recipe(), own), *FIXED))
    packs = folder / "cells" / "packs"
    machine = {"device": "cpu", "cores": 2}
    why = "512 tokens a step on this cpu, 260 an adapter"
    write_json(packs / "first" / "pack.json", {"adapters_at_once": 2, "why": why, "machine": machine})
    write_json(packs / FEWER, {"lowered": ["1 process at once instead of 2"]})


def check(store: Store, run_id: str, *, stopped: bool = False, said: str = "A parcel of mine is late.") -> str:
    """A check that has ended, with one disagreement and an example of each kind; `said` is what others wrote."""
    right, wrong, lost = (20, 29, 1) if stopped else (44, 5, 1)
    share = wilson(right, right + wrong)
    assert share is not None
    message = (
        "The teacher is no better than the student that was trained on the seeds alone. Fix it." if stopped else ""
    )
    run(store, run_id, RunState.FAILED if stopped else RunState.DONE, message, name="check of Our word problems")
    seed = {"id": "s", "question": said, "answer": "4"}
    disagreement = {"seed": "s", "question": said, "gold": "4", "reply": said}
    report = {
        "teacher": {
            "planned": 50, "asked": 50, "right": right, "wrong": wrong, "not_scored": lost,
            "accuracy": asdict(share), "reasons": {"another number": wrong, "the gold answer is empty": lost},
        },
        "disagreements": [disagreement | {"outcome": "wrong", "reason": "another number"}] * wrong
        + [disagreement | {"outcome": "not_scored", "reason": "the gold answer is empty"}] * lost,
        "repeats": {
            "seeds": 10, "answers": 30, "given": 30, "distinct": 12, "distinct_share": 0.4, "right": 26, "scored": 30,
            "right_share": 26 / 30,
        },
        "examples": [
            {"strategy": "answer_augmentation", "seed": seed, "question": said, "answer": "4", "reasons": []},
            {"strategy": "question_rephrase", "seed": None, "question": None, "answer": None, "reasons": []},
            {"strategy": "new_question", "seed": seed, "question": said, "answer": None, "reasons": ["cut_off"] * 3},
        ],
        "comparison": {
            "difference": -0.1 if stopped else 0.3, "low80": -0.2 if stopped else 0.2,
            "high80": 0.0 if stopped else 0.4,
            "items": right + wrong, "paired": False, "above": not stopped,
        },
        "queries": {"queries": 79, "ceiling": 87, "usd": 0.02}, "sandbox": [], "stopped": stopped, "advice": message,
    }  # fmt: skip
    write_jsonl(store.folder(run_id) / REPLIES, [disagreement | {"id": "s", "outcome": "right", "reason": ""}])
    write_check(store.folder(run_id), report)
    return run_id


def _measure(store: Store, run_id: str, cell: Cell, draw: random.Random, examples: int) -> None:
    items = 100 if cell.arm is Baseline.TEACHER else 300
    nearest = min((b for a, b in TRUE if a is cell.arm), key=lambda b: abs(b - cell.budget))
    correct = round(items * (TRUE[cell.arm, nearest] + draw.uniform(-0.02, 0.02)))
    folder = store.folder(run_id) / "cells" / cell.key
    write_jsonl(
        folder / "predictions.jsonl",
        [
            {"id": str(i), "question": "2 + 2?", "gold": "4", "reply": "**4** <b>$x$", "outcome": "right"}
            for i in range(3)
        ],
    )
    # Hard items are hard for all cells; the last two could not be scored.
    hard = random.Random(0)
    order = sorted(range(items - 2), key=lambda item: hard.gauss(0, 1) + draw.gauss(0, 0.6))
    right = set(order[:correct])
    outcomes = [float(item in right) if item < items - 2 else None for item in range(items)]
    detail: dict[str, object] = {"steps": 100 if cell.variant == PLAIN and not cell.budget else 300}
    if cell.variant == MATCHED_STEPS:
        detail["anchor"] = Cell(Strategy.NEW_QUESTION, cell.seeds, 1600, 0).key
    if cell.arm is Baseline.UNTUNED_FEW_SHOT:
        detail["shown"] = 8
    store.record_cell(run_id, Measurement(cell, correct, items - 2, 2, examples), outcomes, detail, str(folder))


def _pool(store: Store, run_id: str, strategy: Strategy, seeds: int, visits: int) -> None:
    name = f"{strategy.value}-s{seeds}"
    folder = store.folder(run_id) / "pools" / name
    # An example of its own: of one that several strategies came to, only the first is written to a data set.
    question, answer = f"How many, asked as {strategy.value}?", "Two. #### 2"
    chat = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    write_jsonl(
        folder / "examples.jsonl",
        [
            {
                "messages": chat,
                "question": question,
                "answer": answer,
                "seed_id": "s1",
                "strategy": strategy.value,
                "sample_index": 0,
                "query_ids": [],
            }
        ],
    )
    lost = {"duplicate": visits // 16, "unparsable": visits // 40, "near_test_item": visits // 80}
    counts = {"kept": visits - sum(lost.values())} | lost
    # New questions stay different, the others begin to repeat themselves.
    new = strategy is Strategy.NEW_QUESTION
    write_report(
        folder,
        [
            {
                "budget": budget,
                "visits": asked,
                "kept": round(0.9 * asked),
                "distinct_pairs": 0.62 if new else 0.5 - asked / 8000,
                "nearest": 0.8 if new else 0.6 - asked / 8000,
                "new_words": 0.4 if new else 0.1,
                "queries": asked * calls_per_example(strategy),
                "usd": 0.0002 * budget if new else None,
                "usd_per_kept": 0.0002 * budget / round(0.9 * asked) if new else None,
            }
            for budget, asked in ((visits // 8, visits // 8), (visits, visits))
        ],
    )
    store.record_pool(run_id, name, counts, str(folder))


def _queries(store: Store, run_id: str, count: int, usd: float) -> None:
    with store.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO queries (run_id, key, strategy, seed_id, sample_index, teacher, state, reserved_usd, "
                "reply, finish_reason, input_tokens, output_tokens, reply_usd, created_at) VALUES "
                "(:run, :key, 'answer_augmentation', 's', 0, 't', 'settled', 0, 'r', 'stop', 1, 1, :usd, 0)"
            ),
            [{"run": run_id, "key": f"{run_id}-{i}", "usd": usd} for i in range(count)],
        )


def full(store: Store, run_id: str, right: int | None) -> str:
    """A full run with that forecast, measured on 200 items; None: not yet measured."""
    spending = {Strategy.NEW_QUESTION.value: 5000}
    asked: dict[str, Any] = {"spending": spending, "folder": "/nowhere", "forecast": FORECAST.model_dump()}
    plan = check_plan(PLAN | {"name": "full run after First pilot", "full": asked})
    store.file_run(run_id, plan.name, plan.model_dump(mode="json"), run_id)
    me = psutil.Process()
    store.claim(run_id, me.pid, me.create_time())
    report = {
        "queries": 5000, "ceiling_queries": 5000, "settled": 4000, "unknown": 0, "kept": 2200, "seeds": 100,
        "counts": {"new_question": {"kept": 2200, "duplicate": 300}}, "budgets": {}, "usd": 1.0, "usd_per_kept": 0.001,
        "complete": True, "folder": "/nowhere", "trained": None,
    }  # fmt: skip
    if right is not None:
        cell = Cell(Mixed.SPENDING_PLAN, 100, 5000, 0)
        measured = Measurement(cell, correct=right, scored=200, not_scored=0, examples=2200, mean_value=None)
        report["trained"] = outcome(measured, FORECAST)
    write_json(store.folder(run_id) / REPORT, report)
    store.finish(run_id, RunState.DONE)
    return run_id


def write_seeds(path: Path, rows: int, **columns: str) -> Path:
    """A file of different questions; `columns` renames `question` and `answer`."""
    question, answer = columns.get("question", "question"), columns.get("answer", "answer")
    lines = [json.dumps({question: f"What is {i} plus {i}?", answer: f"#### {2 * i}"}) for i in range(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
