"""One step of everything before anything else is paid: does the student fit, and how long does a step take?

The longest seeds make a batch and one optimizer step, the longest test items one batch of answers. What it took stands
beside what was estimated. A student that takes less than a twentieth of the machine's memory is not tried: there its
first cell says the same, and nothing is at stake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.domain import CellJob, CellResult, Trainer
from engine.errors import SeedPilotError
from engine.job_files import read_json, write_json
from engine.machine_fit import Fit
from engine.prepare import Prepared
from engine.training_set import training_set

WORTH_TRYING = 0.05
"""Share of the machine's memory from which a student is tried."""
ANSWERED = 16
"""Questions of the batch of answers."""
NEW_TOKENS = 16
"""Of each of them, at most."""
FILE = "smoke.json"


@dataclass(frozen=True, slots=True)
class Smoke:
    """What one step of everything took."""

    step_seconds: float
    """One optimizer step with a batch of the longest seeds, loading left out."""
    answer_seconds: float
    """Loading the student, and a batch of short answers."""
    cut_prompts: int
    estimated_bytes: int | None
    """The most that was estimated; None where the student's config was not at hand."""

    @property
    def told(self) -> str:
        """In one line."""
        memory = "" if self.estimated_bytes is None else f"; up to {self.estimated_bytes / 1e9:.1f} GB were estimated"
        return (
            f"One step of everything was tried first: a training step on the longest examples took "
            f"{self.step_seconds:.1f} s, loading and a batch of {ANSWERED} answers {self.answer_seconds:.1f} s{memory}."
        )


def worth_trying(fit: Fit | None, parameters: int | None) -> bool:
    """Whether the student is large, or nothing is known of it."""
    return parameters is None or (fit is not None and fit.bytes > WORTH_TRYING * fit.machine.total_bytes)


def smoke(prepared: Prepared, trainer: Trainer, folder: Path, check: Callable[[], None]) -> Smoke | None:
    """Tries it, once for a run; None where the student is not worth trying. SeedPilotError where it does not work."""
    fit = prepared.estimate.memory
    if not worth_trying(fit, prepared.student.parameters):
        return None
    known = read_json(folder / FILE)
    if known is not None:
        return Smoke(**known)
    found: list[CellResult | Exception] = []

    def on_done(job: CellJob, result: CellResult | Exception) -> None:
        found.append(result)

    def on_progress(shares: Mapping[str, float]) -> None:
        check()

    trainer.run([job_of(prepared, folder / "smoke")], on_done, on_progress)
    result = found[0]
    if isinstance(result, SeedPilotError):
        raise SeedPilotError(f"one step of everything was tried before anything is paid, and failed: {result}")
    if isinstance(result, Exception):
        raise result
    said = Smoke(result.train_seconds, result.answer_seconds, result.cut_prompts, None if fit is None else fit.bytes)
    write_json(folder / FILE, asdict(said))
    return said


def job_of(prepared: Prepared, out: Path) -> CellJob:
    """One optimizer step on the longest seeds, and a batch of answers to the longest test items."""
    task, recipe = prepared.task, prepared.recipe
    seeds = sorted(prepared.seeds, key=lambda seed: -len(seed.asked + seed.answer))[: recipe.batch_size]
    # As many rows as a batch has, the longest of them again and again where there are fewer seeds.
    rows = [seeds[at % len(seeds)] for at in range(recipe.batch_size)]
    test = sorted(prepared.test, key=lambda item: -len(item.asked))[:ANSWERED]
    return CellJob(
        key="smoke",
        student=prepared.student.path,
        examples=training_set(task, [(seed.asked, seed.answer) for seed in rows], [], None),
        recipe=replace(recipe, epochs=1.0, min_steps=1),
        seed=0,
        questions=tuple(task.student_prompt(item.asked) for item in test),
        max_new_tokens=min(NEW_TOKENS, prepared.plan.max_new_tokens),
        out=str(out),
    )
