"""What a pilot pays for: the teacher's own answers to test items, the pools of its cells, the verdicts of a judge.

Every query goes through the run's ledger (`engine.ledger`), so nothing here is bought twice, and each method gives the
same again when a resumed run calls it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from engine.batches import generator_for
from engine.curation import Curated, Curator, curate
from engine.domain import Baseline, Cell, Item, Score, Teacher, Trainer
from engine.generation import Generator
from engine.guided import guide
from engine.judging import judged
from engine.ledger import Ledger
from engine.measuring import Pools
from engine.nothing_kept import Trial, sees, trial_of
from engine.pools import Origin, shares_of, write_pool
from engine.prepare import Prepared
from engine.progress import Count
from engine.recording import record
from engine.store import Store
from engine.strategies import answer_request
from engine.token_length import room
from engine.training_set import asked_by
from engine.variants import Pool, making_of, pool_of, pools_of, span_of, variant_of

TEACHER_ON_TEST = "teacher_on_test"
"""Stands in the ledger where a strategy would, for the teacher's own answers to test items."""


class PaidWork:
    """On one run's account."""

    def __init__(
        self,
        run_id: str,
        teacher: Teacher,
        store: Store,
        ledger: Ledger,
        check: Callable[[], None],
        augmenter: Generator | None,
        others: Mapping[str, Generator],
    ) -> None:
        """`augmenter` writes the questions (None: the teacher does); `others` are further teachers by the names that
        the plan's variants and its judge use."""
        self.run_id, self.teacher, self.store, self.ledger, self.check = run_id, teacher, store, ledger, check
        self.augmenter, self.others = augmenter, others
        self.guides: dict[int, Mapping[str, int]] = {}
        """Weights of the seeds in guided variants, by seed count."""
        self.given_up: dict[Pool, str] = {}
        """Pools of which nothing was kept on trial, and what is said of each."""

    def try_teacher(self, ready: Prepared) -> None:
        """One request that the teacher is going to be asked anyway; none where it answers no test items."""
        if ready.plan.test.teacher_items:
            asyncio.run(self._own_answers(ready, self._teacher(ready), ready.test[:1], lambda: None))

    def teacher_cell(self, ready: Prepared) -> None:
        """Measures the teacher itself, where the plan wants it."""
        cell = next((c for c in ready.cells if c.arm == Baseline.TEACHER), None)
        if cell is None:
            return
        items = ready.test[: ready.plan.test.teacher_items]
        count = Count(self.store, self.run_id, "Asking the teacher", len(items), paid=True)

        async def answered() -> tuple[list[str | None], list[Score]]:
            teacher = self._teacher(ready)
            replies = await self._own_answers(ready, teacher, items, count.one)
            return replies, await judged(ready.task, self._judge(ready, teacher), items, replies)

        replies, scores = asyncio.run(answered())
        folder = self.store.folder(self.run_id) / "cells" / cell.key
        record(self.store, self.run_id, cell, ready.task, items, replies, scores, examples=0, detail={}, folder=folder)

    async def _own_answers(
        self, ready: Prepared, teacher: Generator, items: Sequence[Item], on_visit: Callable[[], None]
    ) -> list[str | None]:
        requests = [
            answer_request(ready.task, item.question, 0, temperature=0.0, context=item.context) for item in items
        ]
        return await teacher.replies(TEACHER_ON_TEST, items, requests, on_visit)

    def scores(self, ready: Prepared, replies: Sequence[str | None]) -> list[Score]:
        """Of replies to all test items, by the task's scorer or by the verdicts of its judge."""
        return asyncio.run(judged(ready.task, self._judge(ready, self._teacher(ready)), ready.test, replies))

    def guide(self, ready: Prepared, trainer: Trainer) -> None:
        """Asks the student which seeds it gets wrong, for each seed count that a guided variant uses."""
        sizes = {cell.seeds for cell in ready.cells if _guided(ready, cell.variant)}
        for size in sorted(sizes):
            self.store.progress(self.run_id, "Asking the student which seeds it gets wrong", 0, 1)
            folder = self.store.folder(self.run_id) / "guide" / f"s{size}"
            self.guides[size] = guide(ready, size, trainer, folder, self.check).weights

    def pools(
        self, ready: Prepared, cells: Sequence[Cell], so_far: Sequence[Cell]
    ) -> tuple[Pools, dict[str, Curated], str]:
        """The pools of these cells, each as large as any of those `so_far` needs it; second pools by the key of the
        cell that is trained on each; why there is less than was wanted (empty: there is not)."""
        return asyncio.run(self._pools(ready, cells, so_far))

    async def _pools(
        self, ready: Prepared, cells: Sequence[Cell], so_far: Sequence[Cell]
    ) -> tuple[Pools, dict[str, Curated], str]:
        plan, task, test = ready.plan, ready.task, ready.test
        generator = self._teacher(ready, whole=True)
        needed = pools_of(plan, cells)
        wanted = {pool: visits for pool, visits in pools_of(plan, so_far).items() if pool in needed}
        count = Count(self.store, self.run_id, "Asking the teacher", sum(wanted.values()), paid=True)
        space = room(ready.student, ready.recipe, task)
        asked = asked_by((*ready.seeds, *ready.inputs))
        writer = self.teacher.name if self.augmenter is None else self.augmenter.teacher.name
        pools: dict[Pool, Curated] = {}
        second: dict[str, Curated] = {}
        why = ""
        for pool, visits in wanted.items():
            strategy, size, name = pool
            seeds = ready.visited(strategy, size)
            making = making_of(plan, name, self.guides.get(size) if _guided(ready, name) else None)
            trial, most, tried = Trial(), trial_of(strategy, visits), None
            if most is not None:
                curator = Curator(strategy, seeds, test, space, shares_of(ready, strategy, size))
                tried = most, sees(trial, curator)
            drafts, ended = await generator.pool(strategy, task, seeds, visits, count.one, making, tried)
            if not (trial.passed or ended) and len(drafts) < visits:
                self.given_up[pool] = trial.told(strategy)
                count.leave(visits - len(drafts))
            pools[pool] = curate(strategy, seeds, test, drafts, space, shares_of(ready, strategy, size), self.check)
            for cell in cells:
                begin, end = span_of(plan, cell, len(seeds)) if cell.pool and pool_of(plan, cell) == pool else (0, 0)
                if 0 < end <= len(drafts):
                    cut, shares = drafts[begin:end], shares_of(ready, strategy, size)
                    second[cell.key] = curate(strategy, seeds, test, cut, space, shares, self.check)
            origin = Origin(ready, pool, making, asked, writer)
            write_pool(self.run_id, self.store, origin, pools[pool], drafts)
            why = why or ended
        return pools, second, why

    def _teacher(self, ready: Prepared, *, whole: bool = False) -> Generator:
        """Afresh for each round, which has an event loop of its own; `whole` with all who take part in making data."""
        plan = ready.plan.teacher
        if not whole:
            return generator_for(plan, self.teacher, self.ledger, self.check)
        return generator_for(
            plan,
            self.teacher,
            self.ledger,
            self.check,
            augmenter=self.augmenter,
            others=self.others,
            few_shot=ready.few_shot,
        )

    def _judge(self, ready: Prepared, teacher: Generator) -> Generator:
        """Who judges: the teacher, or whom the plan names."""
        name = ready.plan.judge
        if name is None:
            return teacher
        other = self.others[name]
        return generator_for(ready.plan.teachers[name], other.teacher, other.ledger, self.check)


def _guided(ready: Prepared, name: str) -> bool:
    variant = variant_of(ready.plan, name)
    return variant is not None and variant.guided
