"""Measures a batch of cells in one process: made by the project's own strategies, trained as packs, answered, scored.

The teacher is the sandbox's, with its stated rates of flaws. A smaller budget's examples are the first of a larger
one's. Everything is deterministic in the place of a cell: its replicate names the seeds, the draws of the teacher
(`OWN_DRAWS`) and the training seed.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import tomllib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.atlas.design import (
    ERRING,
    EXACT,
    GOLD,
    MIXED,
    NARROW,
    NEW,
    REAL,
    SEEDS,
    SEEDS_ONLY,
    UNTUNED,
    VOTES,
    WEAK,
    Batch,
    Place,
    first_arm,
)
from engine.atlas.table import AtlasCell, packed
from engine.curation import Curated, curate
from engine.domain import CellJob, CellResult, Item, Outcome, Paid, Request, Strategy, TrainingExample
from engine.errors import SeedPilotError
from engine.pack_plan import plan_packs
from engine.sandbox.catalogue import world_of
from engine.sandbox.measure import scored_by
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.sandbox.worlds import STRONG as STRONG_AUGMENTER
from engine.sandbox.worlds import WEAK as WEAK_AUGMENTER
from engine.sandbox.worlds import World
from engine.strategies import PLAIN as PLAINLY
from engine.strategies import Draft, Making, Visit, drafter
from engine.tasks import Task, task_from
from engine.teachers.sandbox import ERROR_RATE, SandboxTeacher
from engine.training import run_jobs
from engine.training_set import asked_by, training_set

OWN_DRAWS = 100_000
"""Between the sample indices of two replicates: no reply of one is another's."""
MOST_SEEDS = SEEDS[-1]
LONGEST_ANSWER = 100
"""Tokens; the longest of the worlds' own have about 80."""

ERRORS = {EXACT: 0.0, ERRING: 0.2}
"""Shares of the teacher's answers that are wrong in these settings; in the others as usual."""
USUAL_ERRORS = ERROR_RATE

Made = tuple[Curated, tuple[int, ...], float]
"""A pool, the queries up to each of its visits, and the seconds that it took."""


def task_of(world: World[Any]) -> Task:
    """The task that scores a world."""
    return task_from(tomllib.loads(world.task), world.folder, world.name)


def world_mark(name: str, items: int) -> str:
    """Twelve digits that change where the world's test items do."""
    asked = "\x00".join(f"{item.asked}\x01{item.answer}" for item in world_of(name).test_items(items))
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def measured(
    batch: Batch, students: Mapping[str, str], folder: Path, items: int, version: str
) -> tuple[list[AtlasCell], list[str]]:
    """The cells of a batch, and why others could not be measured. `students` are folders by slot; `folder` keeps
    adapters and answers meanwhile, so that a batch that was killed goes on where it was."""
    busy = None if folder.exists() else time.process_time()
    shop = Workshop(batch, items)
    jobs: dict[str, tuple[Place, CellJob]] = {}
    for place in batch.places:
        job = shop.job(place, students[place.student], folder)
        jobs[job.key] = (place, job)
    results: dict[str, CellResult] = {}
    failed: list[str] = []

    def tell(job: CellJob, result: CellResult | Exception) -> None:
        if isinstance(result, Exception):
            failed.append(f"{job.key}: {result}")
        else:
            results[job.key] = result

    for pack in plan_packs([job for _, job in jobs.values()], processes=1):
        chosen = [jobs[key][1] for key in pack.keys]
        run_jobs(chosen, tell, None if pack.folder is None else Path(pack.folder), pack.order)
    marks = {slot: student_mark(path) for slot, path in students.items()}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cells = []
    for key, result in results.items():
        place, job = jobs[key]
        begun = time.perf_counter()
        right = shop.right(result.answers)
        cells.append(
            AtlasCell(
                **{name: getattr(place, name) for name in place.__slots__},
                examples=max(0, len(job.examples) - place.seeds),
                queries=shop.queries(place),
                items=len(right),
                right=packed(right),
                steps=result.steps,
                final_loss=result.final_loss,
                make_seconds=shop.seconds(place),
                train_seconds=result.train_seconds,
                answer_seconds=result.answer_seconds + time.perf_counter() - begun,
                cpu_seconds=None,
                student_mark=marks[place.student],
                world_mark=world_mark(place.world, items),
                version=version,
                measured_at=now,
            )
        )
    if busy is None:
        return cells, failed
    spent, total = time.process_time() - busy, sum(cell.seconds for cell in cells)
    return [replace(cell, cpu_seconds=spent * cell.seconds / total) for cell in cells], failed


@lru_cache(maxsize=4)
def student_mark(folder: str) -> str:
    """Twelve digits of a student's weights; SeedPilotError where there are none."""
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise SeedPilotError(f"{folder}: holds no student (*.safetensors); make one with engine.sandbox.pretrain")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class Workshop:
    """What the cells of one batch share: world, seeds, test items, pools."""

    def __init__(self, batch: Batch, items: int) -> None:
        self.batch = batch
        one = batch.places[0]
        self.world = world_of(one.world)
        self.task = task_of(self.world)
        self.replicate = one.replicate
        self.size = max(place.seeds for place in batch.places)
        drawn = self.world.seeds(MOST_SEEDS, self.replicate)
        self.setting = one.setting
        self.seeds = narrow(self.world, drawn, self.size) if self.setting == NARROW else drawn[: self.size]
        self.tests = self.world.test_items(items)
        self.largest: dict[tuple[str, str, str], int] = {}
        for place in batch.places:
            for strategy, visits in parts(place):
                of = (strategy.value, place.augmenter, place.check)
                self.largest[of] = max(self.largest.get(of, 0), visits)
        self.users = {of: sum(of in self._pools(place) for place in batch.places) for of in self.largest}
        self.made: dict[tuple[str, str, str], Made] = {}

    def _pools(self, place: Place) -> list[tuple[str, str, str]]:
        return [(strategy.value, place.augmenter, place.check) for strategy, _ in parts(place)]

    def job(self, place: Place, student: str, folder: Path) -> CellJob:
        """What the trainer is given."""
        examples: tuple[TrainingExample, ...] = ()
        if place.arm != UNTUNED:
            seeds = [(seed.asked, seed.answer) for seed in self.seeds]
            generated = []
            for strategy, visits in parts(place):
                curated, _, _ = self._pool(strategy, place)
                asked = asked_by(self._visited(strategy))
                generated += [(asked(example), example.answer) for example in curated.first(visits)]
            examples = training_set(self.task, seeds, generated, None)
        return CellJob(
            key=place.key,
            student=student,
            examples=examples,
            recipe=SANDBOX_RECIPE,
            seed=1000 + place.replicate,  # one for all arms of a replicate: paired
            questions=tuple(self.task.student_prompt(item.asked) for item in self.tests),
            max_new_tokens=LONGEST_ANSWER,
            out=str(folder / place.key),
        )

    def queries(self, place: Place) -> int:
        """What the cell's examples took, rejected ones included."""
        return sum(self._pool(strategy, place)[1][visits - 1] for strategy, visits in parts(place))

    def seconds(self, place: Place) -> float:
        """Its share of the time that its pools took."""
        return sum(self.made[of][2] / self.users[of] for of in self._pools(place))

    def _visited(self, strategy: Strategy) -> tuple[Item, ...]:
        if strategy is not Strategy.REAL_QUESTION:
            return self.seeds
        largest = max(visits for (name, _, _), visits in self.largest.items() if name == REAL)
        return self.world.inputs(largest, self.replicate)

    def _pool(self, strategy: Strategy, place: Place) -> Made:
        of = (strategy.value, place.augmenter, place.check)
        if of not in self.made:
            begun = time.perf_counter()
            making = Making(votes=3) if place.check == VOTES else Making(gold=True) if place.check == GOLD else PLAINLY
            drafts = asyncio.run(self._drafts(strategy, self.largest[of], place.augmenter, making))
            curated = curate(strategy, self.seeds, self.tests, drafts)
            total, spent = 0, []
            for draft in drafts:
                total += len(draft.query_ids)
                spent.append(total)
            self.made[of] = (curated, tuple(spent), time.perf_counter() - begun)
        return self.made[of]

    async def _drafts(self, strategy: Strategy, visits: int, augmenter: str, making: Making) -> list[Draft]:
        writer = WEAK_AUGMENTER if augmenter == WEAK else STRONG_AUGMENTER
        teacher = SandboxTeacher(ERRORS.get(self.setting, USUAL_ERRORS), augmenter=writer)
        count = 0

        async def ask(request: Request) -> Paid:
            nonlocal count
            count += 1
            shifted = replace(request, sample_index=request.sample_index + OWN_DRAWS * self.replicate)
            return Paid(await teacher.ask(shifted), count)

        order = making.order(self._visited(strategy), together=strategy is Strategy.NEW_QUESTION)
        drafts = []
        for visit in range(visits):
            seed, sample = order.at(visit)
            draft = await drafter(strategy)(Visit(self.task, seed, sample, ask, ask, making=making))
            drafts.append(replace(draft, seed_id=seed.id, sample_index=sample))
        return drafts

    def right(self, replies: Sequence[str]) -> list[bool]:
        """Whether each test item's reply is right, by the task's scorer or the sandbox's judge; SeedPilotError where
        that is not known."""
        found = []
        for item, reply in zip(self.tests, replies, strict=True):
            score = scored_by(self.task, item, reply)
            if score.outcome is Outcome.NOT_SCORED:
                raise SeedPilotError(f"test item {item.id} was not scored: {score.reason}")
            found.append(score.outcome is Outcome.RIGHT)
        return found


def narrow(world: World[Any], drawn: Sequence[Item], size: int) -> tuple[Item, ...]:
    """The first so many of these items whose kind of question is among the most frequent ones, which hold half of all:
    of the long tail they show nothing."""
    rng = random.Random(0)  # for what a text leaves open; no kind depends on it
    kinds = [world.type_of(world.read(item.question, rng)) for item in drawn]
    known, held = set[Hashable](), 0
    for kind, count in Counter(kinds).most_common():
        if held >= len(drawn) / 2:
            break
        known.add(kind)
        held += count
    return tuple(item for item, kind in zip(drawn, kinds, strict=True) if kind in known)[:size]


def parts(place: Place) -> list[tuple[Strategy, int]]:
    """Whose examples a cell is trained on, and how many visits of each: of a mixed cell half and half."""
    if place.arm in (SEEDS_ONLY, UNTUNED):
        return []
    if place.arm != MIXED:
        return [(Strategy(place.arm), place.budget)]
    other = Strategy(first_arm(place.world))
    return [(other, place.budget - place.budget // 2), (Strategy(NEW), place.budget // 2)]
