"""Trains cells, has them answer, and records what they got right: jobs for the trainer, results for the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from engine.curation import Curated
from engine.domain import (
    UNTRAINED,
    Baseline,
    Cell,
    CellJob,
    CellResult,
    Example,
    Item,
    Message,
    Outcome,
    Recipe,
    Score,
    Strategy,
    Trainer,
    TrainingExample,
)
from engine.early_stop import Rules
from engine.errors import SeedPilotError
from engine.few_shot import ends_of, prompt_with, shown_seeds
from engine.items import write_jsonl
from engine.job_files import JOB, is_trained, read_json, write_json
from engine.looks import NOT_ASKED, Looking
from engine.plan import PLAIN
from engine.prepare import Prepared
from engine.progress import Training
from engine.recording import record
from engine.store import Store
from engine.tasks.outcomes import not_scored
from engine.token_length import room
from engine.training_set import training_set
from engine.variants import Pool, pool_of, variant_of, visits_of

DATA = "data.jsonl"
Pools = Mapping[Pool, Curated]
Own = Mapping[Cell, tuple[Recipe, Mapping[str, str]]]
"""Cells with a recipe of their own, and what is kept beside each."""
ANSWERING = 20
"""Optimizer steps that a cell counts as which only answers, where times are compared."""


class Measuring:
    """The cells of one run."""

    prepared: Prepared
    """As it stood at the last call: the learning rate is chosen after the first cells."""

    def __init__(
        self,
        run_id: str,
        trainer: Trainer,
        store: Store,
        check: Callable[[], None],
        scores: Callable[[Sequence[str | None]], list[Score]],
        asked: Callable[[Example], str],
        given_up: Mapping[Pool, str],
    ) -> None:
        """`scores` judges replies to all test items, and may pay for it; `asked` says what the student reads of an
        example; `given_up` says why pools ended of which nothing was kept, as they stand by then."""
        self.run_id, self.trainer, self.store, self.check = run_id, trainer, store, check
        self.scores, self.asked, self.given_up = scores, asked, given_up
        self.folder = store.folder(run_id)
        self.second: dict[str, Curated] = {}
        """Second pools by the key of the cell that is trained on each."""

    def measure(
        self,
        prepared: Prepared,
        chosen: Sequence[Cell],
        pools: Pools,
        why: str,
        own: Own | None = None,
    ) -> None:
        """Trains, answers and records what is not done yet; `own` are cells with another recipe than the pilot's, and
        what is kept beside each. A cell that cannot be measured is left out, and says why."""
        self.prepared = prepared
        done = {row.cell.key for row in self.store.cells(self.run_id) if row.state == "done"}
        jobs: list[CellJob] = []
        cells: dict[str, Cell] = {}
        details: dict[str, Mapping[str, str]] = {}
        for cell in chosen:
            if cell.key in done or cell.arm == Baseline.TEACHER:
                continue
            if cell.arm == Baseline.UNTUNED_FEW_SHOT and not self.shown:
                why_not = "no seed fits into the student's context beside a question and its answer"
                self.store.end_cell(self.run_id, cell, "skipped", why_not)
                continue
            examples = self._examples(cell, pools)
            if examples is None:
                pool = pool_of(self.prepared.plan, cell)
                ended = why if pool is None else self.given_up.get(pool, why)
                self.store.end_cell(self.run_id, cell, "skipped", ended or "the pool ended before this budget")
                continue
            recipe, detail = (own or {}).get(cell, (self.prepared.recipe, {}))
            cells[cell.key], details[cell.key] = cell, detail
            jobs.append(self._job(cell, examples, recipe))
            self._keep(jobs[-1], detail)
        self._run(jobs, cells, details)

    def measure_trained(self, prepared: Prepared) -> None:
        """Answers and records the waiting cells whose adapters are there; nothing is trained."""
        self.prepared = prepared
        jobs, cells, details = [], {}, {}
        for row in self.store.cells(self.run_id):
            if row.state == "waiting" and (kept := self._kept(row.cell)) is not None and is_trained(kept[0]):
                jobs.append(kept[0])
                cells[row.cell.key], details[row.cell.key] = row.cell, kept[1]
        self._run(jobs, cells, details)

    def _run(
        self, jobs: Sequence[CellJob], cells: Mapping[str, Cell], details: Mapping[str, Mapping[str, str]]
    ) -> None:
        if not jobs:
            return
        # In optimizer steps, so that the time left allows for the large cells that come last.
        weights = {job.key: job.recipe.steps(len(job.examples)) if job.examples else ANSWERING for job in jobs}
        left = dict(weights)
        training = Training(self.store, self.run_id, sum(weights.values()))
        self.check()

        def progress(shares: Mapping[str, float]) -> None:
            training.tell(training.total - sum(weight * (1 - shares.get(key, 0.0)) for key, weight in left.items()))
            self.check()

        def on_done(job: CellJob, result: CellResult | Exception) -> None:
            cell = cells[job.key]
            del left[job.key]
            if isinstance(result, Exception):
                self.store.end_cell(self.run_id, cell, "failed", _said(result))
            else:
                test, unasked = self.prepared.test, set(result.unasked)
                replies = [None if at in unasked else said for at, said in enumerate(result.answers)]
                scores = self.scores(replies)
                for at in unasked:
                    scores[at] = not_scored(NOT_ASKED)
                record(
                    self.store,
                    self.run_id,
                    cell,
                    self.prepared.task,
                    test,
                    replies,
                    scores,
                    examples=max(0, len(job.examples) - cell.seeds),
                    detail={
                        **details[job.key],
                        "steps": result.steps,
                        "final_loss": result.final_loss,
                        **result.lost,
                        "train_seconds": result.train_seconds,
                        "answer_seconds": result.answer_seconds,
                        "seed": job.seed,
                        **({"asked": len(test) - len(unasked), "stopped": result.stopped} if unasked else {}),
                        **({"shown": len(self.shown)} if cell.arm == Baseline.UNTUNED_FEW_SHOT else {}),
                    },
                    folder=Path(job.out),
                    gold=result.gold,
                    unasked=len(unasked),
                )
            self.check()

        self._asking(cells).run(jobs, on_done, progress)

    def _asking(self, cells: Mapping[str, Cell]) -> Trainer:
        """The trainer, or one around it that stops evaluations early where the plan allows it."""
        test, task = self.prepared.plan.test, self.prepared.task
        rules = Rules(test.stop_losers, test.stop_futile)
        if not rules.told or task.judge is not None:  # a verdict is paid for once, at the end
            return self.trainer

        def race_of(key: str) -> str | None:
            cell = cells[key]
            plain = isinstance(cell.arm, Strategy) and cell.variant == PLAIN and not cell.pool
            return f"s{cell.seeds}-q{cell.budget}-r{cell.replicate}" if plain else None

        def scored(at: int, reply: str) -> float | None:
            outcome = task.score_item(self.prepared.test[at], reply).outcome
            return None if outcome == Outcome.NOT_SCORED else float(outcome == Outcome.RIGHT)

        return Looking(self.trainer, rules, race_of, scored, [item.family for item in self.prepared.test])

    @cached_property
    def shown(self) -> tuple[Item, ...]:
        """The seeds that the untuned student is shown."""
        ready = self.prepared
        length = room(ready.student, ready.recipe, ready.task).length
        fewest = ready.few_shot.seeds
        return shown_seeds(ready.task, fewest, ready.test, length, ready.student.context, ready.plan.max_new_tokens)

    def _question(self, cell: Cell, item: Item) -> tuple[Message, ...]:
        shown = self.shown if cell.arm == Baseline.UNTUNED_FEW_SHOT else ()
        return prompt_with(self.prepared.task, shown, item)

    def _examples(self, cell: Cell, pools: Pools) -> tuple[TrainingExample, ...] | None:
        """What the cell is trained on; None where its pool ended before its budget."""
        if cell.arm in UNTRAINED:
            return ()
        plan, seeds = self.prepared.plan, self.prepared.seeds[: cell.seeds]
        pool, generated = pool_of(plan, cell), []
        if pool is not None:
            visits = visits_of(plan, pool[0], cell.budget, pool[2])
            drawn = self.second.get(cell.key) if cell.pool else pools[pool]
            if drawn is None or len(drawn.examples) < visits:
                return None
            generated = [(self.asked(example), example.answer) for example in drawn.first(visits)]
        variant = variant_of(plan, cell.variant)
        share = None if variant is None else variant.seed_share
        return training_set(self.prepared.task, [(seed.asked, seed.answer) for seed in seeds], generated, share)

    def _keep(self, job: CellJob, detail: Mapping[str, str]) -> None:
        """Writes down what the job is trained on: for the user, and for `measure_trained`."""
        out = Path(job.out)
        write_jsonl(
            out / DATA,
            [
                {"messages": [*(asdict(m) for m in e.messages), {"role": "assistant", "content": e.completion}]}
                for e in job.examples
            ],
        )
        write_json(out / JOB, {"recipe": asdict(job.recipe), "detail": dict(detail)})

    def _kept(self, cell: Cell) -> tuple[CellJob, dict[str, str]] | None:
        """That cell's job as it was written down; None where it never came so far."""
        out = self.folder / "cells" / cell.key
        kept = read_json(out / JOB)
        if kept is None:
            return None
        told = [json.loads(line)["messages"] for line in (out / DATA).read_text(encoding="utf-8").splitlines()]
        examples = tuple(TrainingExample(tuple(Message(**m) for m in ms[:-1]), ms[-1]["content"]) for ms in told)
        return self._job(cell, examples, Recipe(**kept["recipe"])), kept["detail"]

    def _job(self, cell: Cell, examples: tuple[TrainingExample, ...], recipe: Recipe) -> CellJob:
        out = self.folder / "cells" / cell.key
        return CellJob(
            key=cell.key,
            student=self.prepared.student.path,
            examples=examples,
            recipe=recipe,
            seed=1000 + cell.replicate,  # one training seed for all strategies of a replicate: paired
            questions=tuple(self._question(cell, item) for item in self.prepared.test),
            max_new_tokens=self.prepared.plan.max_new_tokens,
            out=str(out),
            golds=tuple(item.answer for item in self.prepared.test),
            # Training teaches where an answer ends; who was not trained may go on with a question of its own.
            stop=ends_of(self.prepared.task, self.prepared.seeds) if cell.arm in UNTRAINED else (),
        )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, SeedPilotError) else f"{type(error).__name__}: {error}"[:500]
