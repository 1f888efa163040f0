"""Student-guided generation: which seeds the student still gets wrong, so that more is spent on those.

A student that was trained on a seed is right on it, whatever it learned; so the seeds are halved, a student is trained
on each half and answers the other one (two-fold cross-fitting). Seeds that it gets wrong are visited WEIGHT times as
often. Which these are is only known in the run, so such a pool shares no prefix with the plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.domain import CellJob, CellResult, Outcome, Trainer
from engine.errors import SeedPilotError
from engine.prepare import Prepared
from engine.training_set import training_set

WEIGHT = 3
"""Visits to a seed that the student gets wrong, for each visit to one that it gets right. A guess; more would leave
the others out of small budgets."""
FOLDS = 2
SEED = 900
"""Training seed of the students that guide; none of them is a cell's."""


@dataclass(frozen=True, slots=True)
class Guide:
    """What the guiding students said about each seed."""

    weights: Mapping[str, int]
    """Visits in a round by the seed's id, of those that get more than one."""
    right: int
    wrong: int
    not_scored: int
    """Of these nothing is known, and they are visited as if they were right."""


def guide(prepared: Prepared, size: int, trainer: Trainer, folder: Path, check: Callable[[], None]) -> Guide:
    """Trains a student on each half of the first `size` seeds and has it answer the other.

    What an earlier call finished in `folder` is not done again. SeedPilotError where a student could not be trained.
    """
    task, seeds = prepared.task, prepared.seeds[:size]
    halves = [[seed for place, seed in enumerate(seeds) if place % FOLDS == fold] for fold in range(FOLDS)]
    jobs = [
        CellJob(
            key=f"half-{fold}",
            student=prepared.student.path,
            examples=training_set(task, [(s.asked, s.answer) for s in seeds if s not in asked], (), None),
            recipe=prepared.recipe,
            seed=SEED + fold,
            questions=tuple(task.student_prompt(seed.asked) for seed in asked),
            max_new_tokens=prepared.plan.max_new_tokens,
            out=str(folder / f"half-{fold}"),
        )
        for fold, asked in enumerate(halves)
    ]
    answers: dict[str, tuple[str, ...]] = {}

    def on_done(job: CellJob, result: CellResult | Exception) -> None:
        if isinstance(result, Exception):
            raise SeedPilotError(f"the student that guides the generation could not be trained: {result}") from result
        answers[job.key] = result.answers
        check()

    trainer.run(jobs, on_done, lambda _: check())
    outcomes = {
        seed.id: task.score_item(seed, answer).outcome
        for fold, asked in enumerate(halves)
        for seed, answer in zip(asked, answers[f"half-{fold}"], strict=True)
    }
    counted = {outcome: sum(found is outcome for found in outcomes.values()) for outcome in Outcome}
    return Guide(
        {seed: WEIGHT for seed, outcome in outcomes.items() if outcome is Outcome.WRONG},
        counted[Outcome.RIGHT],
        counted[Outcome.WRONG],
        counted[Outcome.NOT_SCORED],
    )
