"""What the adapters of a pack answer: one base in memory for all of them, and how likely each finds the gold answers.

Adapters are merged into the base one after the other and taken out again bit for bit; where questions are few and the
device has room, they share a batch instead (`inference.replies_each`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.decoding import is_out_of_memory
from engine.domain import CellJob, GoldLikelihood
from engine.errors import SeedPilotError
from engine.inference import Replies, adapted, mixes, replies, replies_each
from engine.likelihood import gold_likelihoods
from engine.loading import LoadedStudent, load

Loss = Callable[[LoadedStudent, CellJob], float | None]
"""The loss that a student has on a job's validation examples."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one adapter says."""

    replies: Replies
    gold: tuple[GoldLikelihood | None, ...]
    """Of each question's gold answer; empty where the job has none."""
    validation_loss: float | None
    seconds: float
    """Its own, or its share of a batch."""


def answers_each(
    asked: Sequence[tuple[CellJob, Path | None]], loss: Loss
) -> Iterator[tuple[CellJob, Answered | Exception]]:
    """What each job's adapter (None: the student alone) answers to its questions, job by job as they end.

    All jobs have one student, which is loaded once, and not at all where nothing is asked.
    """
    base: LoadedStudent | None = None
    together: dict[str, tuple[Replies, float]] = {}
    for number, (job, adapter) in enumerate(asked):
        begun = time.perf_counter()
        try:
            if not job.questions and not job.validation:
                yield job, Answered(Replies((), 0, 0), (), None, 0.0)
                continue
            base = base or load(job.student)
            if number == 0:
                together = _together(base, asked)
                begun = time.perf_counter()
            with adapted(base, adapter) as student:
                said, took = together.get(job.key) or (_replies(student, job), 0.0)
                gold = gold_likelihoods(student, job.questions, job.golds) if job.golds else ()
                found = Answered(said, gold, loss(student, job), took + time.perf_counter() - begun)
        except Exception as error:
            yield job, error
        else:
            yield job, found


def _replies(student: LoadedStudent, job: CellJob) -> Replies:
    if not job.questions:
        return Replies((), 0, 0)
    return replies(student, job.questions, job.max_new_tokens, _stop(student, job))


def _stop(student: LoadedStudent, job: CellJob) -> tuple[str, ...]:
    return () if student.tokenizer.chat_template else job.stop


def _together(base: LoadedStudent, asked: Sequence[tuple[CellJob, Path | None]]) -> dict[str, tuple[Replies, float]]:
    """Replies in shared batches, with each job's share of the time, of those for whom that is the faster way."""
    alike: dict[object, list[tuple[CellJob, Path | None]]] = {}
    for job, adapter in asked:
        alike.setdefault((job.questions, job.max_new_tokens, _stop(base, job)), []).append((job, adapter))
    found: dict[str, tuple[Replies, float]] = {}
    for several in alike.values():
        first = several[0][0]
        if len(several) < 2 or not mixes(base, len(first.questions)):
            continue
        adapters, begun = [adapter for _, adapter in several], time.perf_counter()
        try:
            said = replies_each(base, adapters, first.questions, first.max_new_tokens, _stop(base, first))
        except (SeedPilotError, RuntimeError, MemoryError) as error:
            # One of them cannot be read, or they do not fit side by side: in turn it is told which.
            if not isinstance(error, SeedPilotError) and not is_out_of_memory(error):
                raise
            continue
        share = (time.perf_counter() - begun) / len(several)
        found |= {job.key: (one, share) for (job, _), one in zip(several, said, strict=True)}
    return found
