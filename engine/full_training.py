"""The second half of a full run: a student trained on the whole data set, measured, and held against the forecast."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.comparison import wilson
from engine.domain import Arm, Cell, CellJob, CellResult, Measurement, Mixed, Trainer, TrainingExample
from engine.errors import SeedPilotError
from engine.full_prepare import PreparedFull
from engine.generation import Generator
from engine.judging import judged
from engine.plan import ForecastPlan
from engine.progress import Training
from engine.rate_choice import chosen_rate, settings_of
from engine.recipe_sources import FIXED, Origin, Sourced, keep_settings, replaced
from engine.recording import record
from engine.smoke import Smoke, smoke, worth_trying
from engine.store import Store
from engine.training_set import training_set

SEED = 1000
"""The training seed of a pilot's first replicate: the full run is one more of the kind."""


@dataclass(frozen=True, slots=True)
class FullTraining:
    """Trains on what a full run kept; `judge` is asked where the task has one: whom the plan names, or the teacher."""

    ready: PreparedFull
    run_id: str
    trainer: Trainer
    judge: Generator
    store: Store
    check: Callable[[], None]

    @property
    def cell(self) -> Cell:
        """The whole budget as one cell."""
        spending = self.ready.full.spending
        arm: Arm = next(iter(spending)) if len(spending) == 1 else Mixed.SPENDING_PLAN
        return Cell(arm, len(self.ready.prepared.seeds), sum(spending.values()), 0)

    def try_first(self) -> Smoke | None:
        """One step of training and answering, before any query is paid; None where the student is not worth trying
        (`engine.smoke`) or was trained already. SeedPilotError where it does not work."""
        ready = self.ready.prepared
        done = any(row.measurement is not None for row in self.store.cells(self.run_id))
        if done or not worth_trying(ready.estimate.memory, ready.student.parameters):
            return None
        self.store.progress(self.run_id, "Trying one step of everything", 0, 1)
        return smoke(ready, self.trainer, self.store.folder(self.run_id), self.check)

    def run(self, examples: Sequence[Path]) -> dict[str, Any]:
        """Trains on the pools' files, measures, and says how the forecast did: `measured`, `forecast`, `held`.

        SeedPilotError where the student could not be trained; what was finished before a kill is not done again.
        """
        cell = self.cell
        self.store.plan_cells(self.run_id, [cell])
        keep_settings(self.store.folder(self.run_id), (*training_settings(self.ready, self.store), *FIXED))
        row = self.store.cells(self.run_id)[0]
        if row.measurement is None:
            self._measure(cell, examples)
            row = self.store.cells(self.run_id)[0]
        if row.measurement is None:
            raise SeedPilotError(row.message or "the student could not be trained")
        return outcome(row.measurement, self.ready.full.forecast)

    def _measure(self, cell: Cell, examples: Sequence[Path]) -> None:
        prepared = self.ready.prepared
        made = _read(examples)
        seeds = [(seed.asked, seed.answer) for seed in prepared.seeds]
        folder = self.store.folder(self.run_id) / "cells" / cell.key
        job = CellJob(
            key=cell.key,
            student=prepared.student.path,
            examples=(*training_set(prepared.task, seeds, [], None), *made),
            recipe=prepared.recipe,
            seed=SEED,
            questions=tuple(prepared.task.student_prompt(item.asked) for item in prepared.test),
            max_new_tokens=prepared.plan.max_new_tokens,
            out=str(folder),
            golds=tuple(item.answer for item in prepared.test),
        )
        training = Training(self.store, self.run_id, prepared.recipe.steps(len(job.examples)))

        def on_progress(shares: Mapping[str, float]) -> None:
            training.tell(training.total * shares.get(job.key, 1.0))
            self.check()

        def on_done(job: CellJob, result: CellResult | Exception) -> None:
            if isinstance(result, Exception):
                self.store.end_cell(self.run_id, cell, "failed", str(result)[:500])
                return
            scores = asyncio.run(judged(prepared.task, self.judge, prepared.test, result.answers))
            record(
                self.store,
                self.run_id,
                cell,
                prepared.task,
                prepared.test,
                result.answers,
                scores,
                examples=len(made),
                detail={"steps": result.steps, "final_loss": result.final_loss, **result.lost},
                folder=folder,
                gold=result.gold,
            )

        on_progress({job.key: 0.0})
        self.trainer.run([job], on_done, on_progress)


def training_settings(ready: PreparedFull, store: Store) -> tuple[Sourced, ...]:
    """The recipe's settings, each with where it came from: a plan that follows a pilot holds the rate that it chose."""
    plan, forecast = ready.prepared.plan, ready.full.forecast
    settings = settings_of(plan, ready.prepared.recipe)
    pilot = "" if forecast is None else forecast.pilot
    rate = chosen_rate(store.folder(pilot)) if pilot else None
    if rate is None or rate != plan.training.learning_rate:
        return settings
    return replaced(settings, Sourced("learning_rate", rate, Origin.PILOT, f"chosen there on validation: {pilot}"))


def outcome(measured: Measurement, forecast: ForecastPlan | None) -> dict[str, Any]:
    """What was measured (share with its 80 % Wilson interval), what was forecast, and whether that held.

    `held` is None without a forecast. A forecast is of the true accuracy, of which the items are a sample: it held
    where its interval and the measured one meet.
    """
    found = wilson(measured.correct, measured.scored)
    share = None if found is None else {"mean": found.mean, "low80": found.low80, "high80": found.high80}
    told = {"measured": share, "items": measured.scored, "not_scored": measured.not_scored}
    if forecast is None or found is None:
        return told | {"forecast": None if forecast is None else forecast.model_dump(), "held": None}
    held = forecast.low80 <= found.high80 and found.low80 <= forecast.high80
    return told | {"forecast": forecast.model_dump(), "held": held}


def said(told: Mapping[str, Any]) -> str:
    """The outcome in a sentence."""
    found, forecast = told["measured"], told["forecast"]
    if found is None:
        return "The student was trained, and none of its answers could be scored."
    text = (
        f"Measured: {100 * found['mean']:.0f} % right ({100 * found['low80']:.0f} to {100 * found['high80']:.0f}) on "
        f"{told['items']} test items."
    )
    if forecast is None:
        return text
    verdict = "the forecast held" if told["held"] else "the forecast did not hold"
    return (
        f"{text} Forecast: {100 * forecast['mean']:.0f} % ({100 * forecast['low80']:.0f} to "
        f"{100 * forecast['high80']:.0f}); {verdict}."
    )


def _read(files: Sequence[Path]) -> list[TrainingExample]:
    """The kept examples as a student is trained on them, in the order of the files."""
    from engine.domain import Message

    found = []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                *prompt, answer = json.loads(line)["messages"]
                messages = tuple(Message(one["role"], one["content"]) for one in prompt)
                found.append(TrainingExample(messages, answer["content"]))
    return found
