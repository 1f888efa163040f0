"""The recipe that all cells of a pilot share: the learning rate chosen once, then frozen, and every setting with where
it came from.

The rate is chosen on the seeds alone: a quarter of them, families whole, is held out, one adapter a candidate is
trained on the rest (all candidates in one pack), and the lowest loss on the held-out answers wins. Test items take no
part. What was chosen is written down before any other adapter is trained, and a resumed run reads it.

A rate that the plan names is not chosen; nor is the paper's, whose preset stands for the paper, nor the sandbox
student's, which was measured for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from engine.domain import CellJob, CellResult, Item, Recipe, Trainer
from engine.job_files import fingerprint, read_json, training_mark, write_json
from engine.plan import PilotPlan
from engine.prepare import Prepared
from engine.recipe_sources import FIXED, Origin, Sourced, keep_settings, recipe_settings, replaced
from engine.training_set import training_set

RATES = (1e-4, 2e-4, 5e-4, 1e-3)
"""The candidates: the recommended one, half of it, and two above."""
HELD_OUT = 0.25
FEWEST, MOST = 3, 100
"""Seeds that are held out at least and at most."""
SEED = 800
"""Training seed of the candidates; none of them is a cell's."""
FILE = "learning_rate.json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One learning rate that was tried."""

    rate: float
    loss: float | None
    """On the held-out answers, a token; None where it could not be trained."""
    said: str = ""
    """Why it could not."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What came of the candidates."""

    rate: float
    candidates: tuple[Candidate, ...]
    trained_on: int
    held_out: int
    seconds: float
    """Of training and of looking at the held-out answers, over all candidates."""

    @property
    def told(self) -> str:
        """In one line."""
        losses = [(one.rate, "failed" if one.loss is None else f"{one.loss:.3f}") for one in self.candidates]
        tried = ", ".join(f"{rate:g}: {loss}" for rate, loss in losses)
        known = any(one.loss is not None for one in self.candidates)
        why = "lowest loss" if known else "no candidate could be trained; loss"
        seeds = f"{self.held_out} held-out seeds ({tried}), trained on {self.trained_on}"
        return f"{why} on {seeds}; took {self.seconds:.0f} s"


def settle(prepared: Prepared, trainer: Trainer, folder: Path, check: Callable[[], None]) -> Recipe:
    """The recipe of all cells; chooses the learning rate where it is not fixed, and keeps every setting in `folder`."""
    recipe, settings = prepared.recipe, settings_of(prepared.plan, prepared.recipe)
    choice = choose(prepared, trainer, folder, check)
    if choice is not None:
        recipe = replace(recipe, learning_rate=choice.rate)
        known = any(one.loss is not None for one in choice.candidates)
        origin = Origin.VALIDATION if known else Origin.DEFAULT
        settings = replaced(settings, Sourced("learning_rate", choice.rate, origin, choice.told))
    keep_settings(folder, (*settings, *FIXED))
    return recipe


def settings_of(plan: PilotPlan, recipe: Recipe) -> tuple[Sourced, ...]:
    """A plan's recipe with where each setting came from, before a learning rate is chosen."""
    names = {one.name for one in fields(Recipe)}
    own = {name: Origin.PLAN for name in names if getattr(plan.training, name) is not None}
    base, why = Origin.DEFAULT, ""
    if plan.training.preset == "paper":
        base, why = Origin.PRESET, "paper: Chan et al. 2024"
    elif plan.sandbox_student:
        why = "measured for the sandbox's student"
    return recipe_settings(recipe, own, base, why)


def rates_of(plan: PilotPlan) -> tuple[float, ...]:
    """The learning rates that a plan's pilot chooses from; none where the rate is fixed."""
    training = plan.training
    if training.learning_rate is not None:
        return ()
    if training.learning_rates is not None:
        return training.learning_rates
    return () if training.preset == "paper" or plan.sandbox_student else RATES


def choose(prepared: Prepared, trainer: Trainer, folder: Path, check: Callable[[], None]) -> Choice | None:
    """Trains the candidates and chooses; None where the rate is fixed or the seeds cannot be split. What an earlier
    call wrote down in `folder` is read."""
    rates = rates_of(prepared.plan)
    seeds = prepared.seeds[: max(prepared.plan.grid.seed_sizes, default=len(prepared.seeds))]
    rest, held_out = split_off(seeds)
    if not rates or not rest or not held_out:
        return None
    jobs = [_job(prepared, rate, rest, held_out, folder / "learning_rate" / f"rate-{rate:g}") for rate in rates]
    mark = fingerprint([[training_mark(job) for job in jobs], [asdict(one) for one in jobs[0].validation]])
    known = read_json(folder / FILE)
    if known is not None and known.pop("mark", None) == mark:
        return _choice(known)
    results: dict[str, CellResult | Exception] = {}

    def on_done(job: CellJob, result: CellResult | Exception) -> None:
        results[job.key] = result
        check()

    trainer.run(jobs, on_done, lambda _: check())
    tried = tuple(_candidate(rate, results[job.key]) for rate, job in zip(rates, jobs, strict=True))
    fit = [(one.loss, one.rate) for one in tried if one.loss is not None]
    seconds = sum(r.train_seconds + r.answer_seconds for r in results.values() if isinstance(r, CellResult))
    rate = min(fit)[1] if fit else prepared.recipe.learning_rate
    choice = Choice(rate, tried, len(rest), len(held_out), seconds)
    write_json(folder / FILE, asdict(choice) | {"mark": mark})
    return choice


def chosen_rate(folder: Path) -> float | None:
    """The learning rate that the pilot in that folder chose; None where it was fixed."""
    known = read_json(folder / FILE)
    return None if known is None else float(known["rate"])


def split_off(seeds: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Seeds to train on and seeds to validate on, both in the order of the seeds; families are on one side."""
    families: dict[str, list[Item]] = {}
    for seed in seeds:
        families.setdefault(seed.family or seed.id, []).append(seed)
    wanted = min(MOST, max(FEWEST, round(HELD_OUT * len(seeds))))
    out: set[str] = set()
    for name in random.Random("learning rate").sample(sorted(families), len(families)):
        if len(out) + len(families[name]) <= wanted:
            out |= {seed.id for seed in families[name]}
    return [seed for seed in seeds if seed.id not in out], [seed for seed in seeds if seed.id in out]


def _job(prepared: Prepared, rate: float, rest: Sequence[Item], held_out: Sequence[Item], out: Path) -> CellJob:
    def rows(items: Sequence[Item]) -> Any:
        return training_set(prepared.task, [(item.asked, item.answer) for item in items], (), None)

    return CellJob(
        key=out.name,
        student=prepared.student.path,
        examples=rows(rest),
        recipe=replace(prepared.recipe, learning_rate=rate),
        seed=SEED,
        questions=(),
        max_new_tokens=1,
        out=str(out),
        validation=rows(held_out),
    )


def _candidate(rate: float, result: CellResult | Exception) -> Candidate:
    if isinstance(result, Exception):
        return Candidate(rate, None, str(result))
    said = "" if result.validation_loss is not None else "no held-out seed fits into the student's context"
    return Candidate(rate, result.validation_loss, said)


def _choice(known: dict[str, Any]) -> Choice:
    return Choice(**known | {"candidates": tuple(Candidate(**one) for one in known["candidates"])})
