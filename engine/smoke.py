"""One step of everything before anything else is paid: does the student fit, and how long does a step take?

A row as long as one may be and the longest seeds make a batch and one optimizer step, the longest test items one batch
of answers. Where a whole batch of such rows is known not to fit, it is computed in parts, as training falls back to.
What it took stands beside what was estimated. A student that takes less than a twentieth of the machine's memory is not
tried: there its first cell says the same, and nothing is at stake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

from engine.curation import Length
from engine.domain import CellJob, CellResult, Item, Recipe, Trainer
from engine.errors import SeedPilotError
from engine.job_files import read_json, write_json
from engine.machine_fit import Fit, fit
from engine.prepare import Prepared
from engine.student import has_template
from engine.token_length import room
from engine.training_set import training_set

WORTH_TRYING = 0.05
"""Share of the machine's memory from which a student is tried."""
ANSWERED = 16
"""Questions of the batch of answers."""
NEW_TOKENS = 16
"""Of each of them, at most."""
ROWS = 3
"""Of a step at least: one of them is a seed's, which training takes in any case."""
AROUND = (4,)
"""Tokens of a row that are left for what stands around question and answer: the beginning and the end of the text."""
AROUND_IN_TEMPLATE = (64, 256)
"""The same with a chat template, which is not applied here: a second row where the first is too long with it."""
FILE = "smoke.json"


@dataclass(frozen=True, slots=True)
class Smoke:
    """What one step of everything took."""

    step_seconds: float
    """One optimizer step with a batch of the longest rows, loading left out."""
    answer_seconds: float
    """Loading the student, and a batch of short answers."""
    cut_prompts: int
    estimated_bytes: int | None
    """The most that was estimated; None where the student's config was not at hand."""
    tokens: int | None = None
    """Of the longest row, what a chat template adds left out; None where only seeds were taken, since the student's
    tokenizer was not at hand, and of a run that was tried before this was counted."""

    @property
    def told(self) -> str:
        """In one line."""
        memory = "" if self.estimated_bytes is None else f"; up to {self.estimated_bytes / 1e9:.1f} GB were estimated"
        rows = "on the longest seeds" if self.tokens is None else f"with a row of {self.tokens:,} tokens"
        return (
            f"One step of everything was tried first: a training step {rows} took {self.step_seconds:.1f} s, loading "
            f"and a batch of {ANSWERED} answers {self.answer_seconds:.1f} s{memory}."
        )


@dataclass(frozen=True, slots=True)
class Longest:
    """A row that is as long as one may be."""

    asked: str
    answer: str
    tokens: int


def worth_trying(fit: Fit | None, parameters: int | None) -> bool:
    """Whether the student is large, or nothing is known of it."""
    return parameters is None or (fit is not None and fit.bytes > WORTH_TRYING * fit.machine.total_bytes)


def smoke(prepared: Prepared, trainer: Trainer, folder: Path, check: Callable[[], None]) -> Smoke | None:
    """Tries it, once for a run; None where the student is not worth trying. SeedPilotError where it does not work."""
    memory = prepared.estimate.memory
    if not worth_trying(memory, prepared.student.parameters):
        return None
    known = read_json(folder / FILE)
    if known is not None:
        return Smoke(**known)
    found: list[CellResult | Exception] = []

    def on_done(job: CellJob, result: CellResult | Exception) -> None:
        found.append(result)

    def on_progress(shares: Mapping[str, float]) -> None:
        check()

    longest = longest_rows(prepared)
    trainer.run([job_of(prepared, longest, folder / "smoke")], on_done, on_progress)
    result = found[0]
    if isinstance(result, SeedPilotError):
        raise SeedPilotError(f"one step of everything was tried before anything is paid, and failed: {result}")
    if isinstance(result, Exception):
        raise result
    taken = longest[result.too_long :]  # the longest come first, and are what does not fit
    said = Smoke(
        result.train_seconds / result.steps,
        result.answer_seconds,
        result.cut_prompts,
        None if memory is None else memory.bytes,
        taken[0].tokens if taken else None,
    )
    write_json(folder / FILE, asdict(said))
    return said


def job_of(prepared: Prepared, longest: list[Longest], out: Path) -> CellJob:
    """One optimizer step on these rows and the longest seeds, and a batch of answers to the longest test items."""
    task, space = prepared.task, room(prepared.student, prepared.recipe, prepared.task)
    # As many rows as a batch has, the longest seeds again and again where there are fewer.
    left = max(prepared.recipe.batch_size, ROWS) - len(longest)
    fitting = (seed for seed in _by_length(prepared) if (space.length(seed.asked, seed.answer) or 0) <= space.tokens)
    seeds = list(islice(fitting, left)) or _by_length(prepared)[:1]
    rows = [(seeds[at % len(seeds)].asked, seeds[at % len(seeds)].answer) for at in range(left)]
    test = sorted(prepared.test, key=lambda item: -len(item.asked))[:ANSWERED]
    return CellJob(
        key="smoke",
        student=prepared.student.path,
        examples=training_set(task, [*((row.asked, row.answer) for row in longest), *rows], [], None),
        recipe=_in_parts(prepared),
        seed=0,
        questions=tuple(task.student_prompt(item.asked) for item in test),
        max_new_tokens=min(NEW_TOKENS, prepared.plan.max_new_tokens),
        out=str(out),
    )


def longest_rows(prepared: Prepared) -> list[Longest]:
    """Rows as long as the recipe and the student's context allow, the longest first: a seed's answer again and again.

    Two where a chat template may make the first too long; none where the tokenizer is not at hand.
    """
    space = room(prepared.student, prepared.recipe, prepared.task)
    folder = Path(prepared.student.path)
    around = AROUND_IN_TEMPLATE if not folder.is_dir() or has_template(folder) else AROUND
    found = []
    for tokens in (space.tokens - one for one in around):
        for seed in _by_length(prepared):
            begun = space.length(seed.asked, seed.answer)
            if begun is not None and begun <= tokens:
                found.append(_filled(seed, tokens, space.length))
                break
    return found


def _by_length(prepared: Prepared) -> list[Item]:
    """The seeds, the longest first."""
    return sorted(prepared.seeds, key=lambda seed: -len(seed.asked + seed.answer))


def _filled(seed: Item, tokens: int, length: Length) -> Longest:
    """The seed with its answer repeated to as many tokens, and no more."""

    def counted(answer: str) -> int:
        return length(seed.asked, answer) or 0

    text = seed.answer
    while counted(text) <= tokens:
        text = f"{text}\n{text}"
    fits, too_long = len(seed.answer), len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if counted(text[:middle]) <= tokens else (fits, middle)
    return Longest(seed.asked, text[:fits], counted(text[:fits]))


def _in_parts(prepared: Prepared) -> Recipe:
    """The recipe for one step, in as few parts as fit by the estimate: on a CPU the system would end what does not."""
    recipe, student, memory = prepared.recipe, prepared.student, prepared.estimate.memory
    recipe = replace(recipe, epochs=1.0, min_steps=1)
    if student.shape is None or memory is None:
        return replace(recipe, gradient_accumulation=recipe.batch_size)
    new = prepared.plan.max_new_tokens
    while recipe.gradient_accumulation < recipe.batch_size and (
        fit(student.shape, recipe, student.context, new, memory.machine).training_bytes > memory.machine.usable
    ):
        parts = min(recipe.batch_size, 2 * recipe.gradient_accumulation)
        recipe = replace(recipe, gradient_accumulation=parts)
    return recipe
