"""What a sandbox student can do: `python -m engine.sandbox.measure --student FOLDER --worlds sql --examples 8000`.

Untuned, and with one LoRA adapter on fresh right examples of one world, scored by the world's own task; where the task
has a judge, by the sandbox's. Fresh: seeds of a stream that nothing else draws.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
import tomllib
from collections.abc import Hashable, Sequence
from dataclasses import replace

import torch

from engine.comparison import wilson
from engine.domain import CellJob, Item, Outcome, Recipe, Score, TrainingExample
from engine.sandbox.catalogue import NAMES, world_of
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.settings import Settings
from engine.tasks import Task, task_from
from engine.teachers.sandbox import SandboxTeacher
from engine.training import run_job

FRESH = 12_345
"""Names the stream of seeds that examples are taken from."""
SEED_SIZES = (30, 100, 300, 1000)
LONGEST = 120
"""Tokens of an answer."""


def right_answers(
    world: str, student: str, items: int, examples: int = 0, recipe: Recipe = SANDBOX_RECIPE, seed: int = 0
) -> float:
    """Share of the first test items of a world that the student answers right, after that many examples (0: untuned).

    Items that the task does not score are left out; NaN where that is all of them.
    """
    known = world_of(world)
    task = task_from(tomllib.loads(known.task), known.folder, world)
    tests = known.test_items(items)
    taught = known.seeds(examples, FRESH) if examples else ()
    with tempfile.TemporaryDirectory() as out:
        job = CellJob(
            key="cell",
            student=student,
            examples=tuple(TrainingExample(task.student_prompt(one.asked), one.answer) for one in taught),
            recipe=recipe,
            seed=seed,
            questions=tuple(task.student_prompt(one.asked) for one in tests),
            max_new_tokens=LONGEST,
            out=out,
        )
        answers = run_job(job).answers
    found = [scored_by(task, item, reply).outcome for item, reply in zip(tests, answers, strict=True)]
    scored = [one for one in found if one is not Outcome.NOT_SCORED]
    return sum(one is Outcome.RIGHT for one in scored) / len(scored) if scored else float("nan")


def scored_by(task: Task, item: Item, reply: str) -> Score:
    """The reply's score, by the sandbox's judge where the task has one."""
    if task.judge is None:
        return task.score_item(item, reply)
    asked = SandboxTeacher().ask(task.judge.request(item, reply))
    return task.judge.verdict(asyncio.run(asked).text)


def unseen_types(world: str, seeds: Sequence[int], items: int = 600) -> tuple[float, ...]:
    """Share of test items whose type none of so many seeds has."""
    known, rng = world_of(world), random.Random(0)

    def types(found: Sequence[Item]) -> list[Hashable]:
        return [known.type_of(known.read(item.question, rng)) for item in found]

    tested, seeded = types(known.test_items(items)), types(known.seeds(max(seeds)))
    return tuple(sum(one not in set(seeded[:n]) for one in tested) / items for n in seeds)


def main() -> None:
    """Prints one line a world and number of examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--student", default=str(Settings().data / "sandbox" / "worlds-student"))
    parser.add_argument("--worlds", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--examples", nargs="+", type=int, default=[0, 8000])
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--rate", type=float, default=SANDBOX_RECIPE.learning_rate)
    parser.add_argument("--epochs", type=float, default=SANDBOX_RECIPE.epochs)
    parser.add_argument("--types", action="store_true", help="only what 30 to 1,000 seeds leave unseen of the types")
    given = parser.parse_args()
    if given.types:
        for world in given.worlds:
            shares = zip(SEED_SIZES, unseen_types(world, SEED_SIZES), strict=True)
            print(f"{world}:", ", ".join(f"{share:.0%} unseen by {n:,} seeds" for n, share in shares))
        return
    torch.set_num_threads(1)
    recipe = replace(SANDBOX_RECIPE, learning_rate=given.rate, epochs=given.epochs)
    for world in given.worlds:
        for examples in given.examples:
            started = time.perf_counter()
            share = right_answers(world, given.student, given.items, examples, recipe)
            spread = wilson(round(share * given.items), given.items)
            between = "" if spread is None else f" (80 %: {spread.low80:.1%} to {spread.high80:.1%})"
            spent = time.perf_counter() - started
            print(f"{world}, {examples} examples: {share:.1%} of {given.items}{between}, {spent:.0f} s", flush=True)


if __name__ == "__main__":
    main()
