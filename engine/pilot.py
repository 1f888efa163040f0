"""Runs a prepared pilot: generate, curate, train, answer, score, record.

The order of things is the way of the data: pools first (one per strategy and seed count, generated
once at the largest budget), then every cell as a prefix of its pool. Everything that is done is found
again on resume: replies in the ledger, results in the store, so a pilot that was killed anywhere goes
on where it was. Collaborators are arguments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.adaptive import Step, next_step, walk, weighed
from engine.batches import generator_for
from engine.curation import Curated, curate
from engine.domain import (
    MATCHED_STEPS,
    Baseline,
    Cell,
    Recipe,
    Score,
    Teacher,
    Trainer,
)
from engine.errors import SeedPilotError
from engine.generation import Generator
from engine.guided import guide
from engine.judging import judged
from engine.ledger import Ledger, account
from engine.matched_steps import anchor_of, seeds_alone
from engine.measuring import Measuring, Pools
from engine.pilot_worth import situation_of
from engine.pools import Origin, shares_of, write_pool
from engine.prepare import Prepared
from engine.progress import Count
from engine.rate_choice import settle
from engine.recording import record
from engine.smoke import Smoke, smoke, worth_trying
from engine.store import Store
from engine.strategies import answer_request
from engine.teacher_gate import not_above, paired_lead
from engine.token_length import room
from engine.training_set import asked_by
from engine.variants import Pool, making_of, pool_of, pools_of, span_of, variant_of

TEACHER_ON_TEST = "teacher_on_test"
"""Stands in the ledger where a strategy would, for the teacher's own answers to test items."""


class Pilot:
    """One run of one prepared pilot."""

    def __init__(
        self,
        prepared: Prepared,
        *,
        run_id: str,
        teacher: Teacher,
        trainer: Trainer,
        store: Store,
        ledger: Ledger,
        check: Callable[[], None],
        augmenter: Generator | None = None,
        others: Mapping[str, Generator] | None = None,
    ) -> None:
        """`others` are further teachers by the names that the plan's variants and its judge use."""
        self.prepared = prepared
        self.run_id = run_id
        self.teacher = teacher
        self.trainer = trainer
        self.store = store
        self.ledger = ledger
        self.check = check
        self.augmenter = augmenter
        self.others = others or {}
        self.folder = store.folder(run_id)
        self._taken: list[Cell] = []
        """Cells that were bought step by step."""
        self.guides: dict[int, Mapping[str, int]] = {}
        """Weights of the seeds in guided variants, by seed count."""
        self._asked = asked_by((*prepared.seeds, *prepared.inputs))
        self.measuring = Measuring(run_id, trainer, store, check, self._scores, self._asked)

    @property
    def _augmenter_name(self) -> str:
        return self.teacher.name if self.augmenter is None else self.augmenter.teacher.name

    def run(self) -> str:
        """Runs what is left; returns what the user should know at the end (empty: nothing special)."""
        self.store.plan_cells(self.run_id, self.prepared.cells)
        self.ledger.close_open_reservations()
        tried = self._smoke()
        if self.prepared.student.parameters is None:
            self._try_student()
        # A teacher that cannot be asked is known before anything is trained.
        asyncio.run(self._teacher_cell())
        recipe = settle(self.prepared, self.trainer, self.folder, self.check)
        self.prepared = replace(self.prepared, recipe=recipe)
        self._try_teacher()
        self._guide()
        steps = weighed(self.prepared.plan, self.prepared.cells)
        why = "" if not steps else self._step_by_step(steps)
        rest = [cell for cell in self.prepared.cells if cell not in steps and cell.variant != MATCHED_STEPS]
        pools, ended = asyncio.run(self._generate(rest, [*self._taken, *rest]))
        self._train(rest, pools, ended)
        why = why or ended
        self._control()
        failed = [row for row in self.store.cells(self.run_id) if row.state == "failed"]
        ours = [row for row in self.store.cells(self.run_id) if row.cell.arm != Baseline.TEACHER]
        if failed and len(failed) == sum(row.cell.variant != MATCHED_STEPS for row in ours):
            raise SeedPilotError(f"every cell failed; the first said: {failed[0].message}")
        notes = [*([why] if why else []), *([tried.told] if tried else [])]
        reused = self.prepared.estimate.queries - account(self.store, self.run_id).settled
        if reused > 0 and not why and not steps:
            notes.append(f"{reused} replies were there already, paid for by earlier runs.")
        if failed:
            notes.append(f"{len(failed)} cells failed; the first said: {failed[0].message}")
        return " ".join(notes)

    def _step_by_step(self, menu: Sequence[Cell]) -> str:
        """Measures what is worth its price; returns why it ended before the grid did (empty: it did not)."""
        plan = self.prepared.plan
        # The seeds alone are what every strategy is measured against: they come first.
        alone = [c for c in self.prepared.cells if c.arm == Baseline.SEEDS_ONLY and c.variant != MATCHED_STEPS]
        self._train(alone, {}, "")
        situation = situation_of(self.prepared)

        def decide(waiting: Sequence[Cell]) -> Step:
            self.store.progress(self.run_id, "Choosing what to measure next", 0, 1)
            self.check()
            rows = self.store.cells(self.run_id)
            measured = [row.measurement for row in rows if row.measurement is not None and row.measurement.scored]
            bought = {
                strategy: sum(
                    max((c.budget for c in taken if c.arm is strategy and c.seeds == size), default=0)
                    for size in {c.seeds for c in menu}
                )
                for strategy in plan.grid.strategies
            }
            return next_step(situation, measured, waiting, bought)

        taken = self._taken

        def measure(chosen: Sequence[Cell], so_far: Sequence[Cell]) -> str:
            taken[:] = so_far
            done = {row.cell.key for row in self.store.cells(self.run_id) if row.state == "done"}
            if all(cell.key in done for cell in chosen):  # a resumed run passes by what it has
                return ""
            pools, why = asyncio.run(self._generate(chosen, so_far))
            self._train(chosen, pools, why)
            return why

        why, left = walk(self.folder, menu, decide, measure)
        for cell in left:
            self.store.end_cell(self.run_id, cell, "skipped", why)
        return f"{why} {len(menu) - len(left)} of {len(menu)} cells were measured." if left else why

    def _smoke(self) -> Smoke | None:
        """One request that the teacher is going to be asked anyway, and one step of training and answering."""
        ready = self.prepared
        if not worth_trying(ready.estimate.memory, ready.student.parameters):
            return None
        self.store.progress(self.run_id, "Trying one step of everything", 0, 1)
        if ready.plan.test.teacher_items:
            generator = generator_for(ready.plan.teacher, self.teacher, self.ledger, self.check)
            item = ready.test[0]
            request = answer_request(ready.task, item.question, 0, temperature=0.0, context=item.context)
            asyncio.run(generator.replies(TEACHER_ON_TEST, [item], [request], lambda: None))
        return smoke(ready, self.trainer, self.folder, self.check)

    def _try_student(self) -> None:
        """Measures the untuned student first: one that only the hub has may not load, and that should be
        known before a query is paid."""
        self._train([cell for cell in self.prepared.cells if cell.arm == Baseline.UNTUNED], {}, "")
        untuned = next(row for row in self.store.cells(self.run_id) if row.cell.arm == Baseline.UNTUNED)
        if untuned.state == "failed":
            raise SeedPilotError(untuned.message)

    def _try_teacher(self) -> None:
        """Measures the teacher and one seeds-only student before a strategy is paid; SeedPilotError where the
        teacher is no better on the test items that both answered."""
        arms = {row.cell.arm: row for row in self.store.cells(self.run_id) if row.state == "done"}
        if Baseline.TEACHER not in arms:
            return
        alone = [cell for cell in self.prepared.cells if cell == Cell(Baseline.SEEDS_ONLY, cell.seeds, 0, 0)]
        best = max(alone, key=lambda cell: cell.seeds)
        self._train([best], {}, "")
        student = next(row for row in self.store.cells(self.run_id) if row.cell == best)
        lead = paired_lead(arms[Baseline.TEACHER].outcomes, student.outcomes)
        if lead is not None and lead.stops:
            raise SeedPilotError(f"{not_above(lead)} To go on all the same, set test.teacher_items = 0.")

    # --- data ---------------------------------------------------------------------------------------

    async def _generate(self, cells: Sequence[Cell], so_far: Sequence[Cell]) -> tuple[Pools, str]:
        """The pools of these cells, each as large as any of those `so_far` needs it."""
        plan, task, test = self.prepared.plan, self.prepared.task, self.prepared.test
        generator = generator_for(
            plan.teacher,
            self.teacher,
            self.ledger,
            self.check,
            augmenter=self.augmenter,
            others=self.others,
            few_shot=self.prepared.few_shot,
        )
        needed = pools_of(plan, cells)
        wanted = {pool: visits for pool, visits in pools_of(plan, so_far).items() if pool in needed}
        count = Count(self.store, self.run_id, "Asking the teacher", sum(wanted.values()))
        space = room(self.prepared.student, self.prepared.recipe, task)
        pools: dict[Pool, Curated] = {}
        why = ""
        for pool, visits in wanted.items():
            strategy, size, name = pool
            seeds = self.prepared.visited(strategy, size)
            making = making_of(plan, name, self.guides.get(size) if self._guided(name) else None)
            drafts, ended = await generator.pool(strategy, task, seeds, visits, count.one, making)
            pools[pool] = curate(strategy, seeds, test, drafts, space, shares_of(self.prepared, strategy, size))
            for cell in cells:
                begin, end = span_of(plan, cell, len(seeds)) if cell.pool and pool_of(plan, cell) == pool else (0, 0)
                if 0 < end <= len(drafts):
                    cut = drafts[begin:end]
                    shares = shares_of(self.prepared, strategy, size)
                    self.measuring.second[cell.key] = curate(strategy, seeds, test, cut, space, shares)
            origin = Origin(self.prepared, pool, making, self._asked, self._augmenter_name)
            write_pool(self.run_id, self.store, origin, pools[pool])
            why = why or ended
        return pools, why

    def _guided(self, name: str) -> bool:
        variant = variant_of(self.prepared.plan, name)
        return variant is not None and variant.guided

    def _guide(self) -> None:
        """Asks the student which seeds it gets wrong, for each seed count that a guided variant uses."""
        sizes = {cell.seeds for cell in self.prepared.cells if self._guided(cell.variant)}
        for size in sorted(sizes):
            self.store.progress(self.run_id, "Asking the student which seeds it gets wrong", 0, 1)
            found = guide(self.prepared, size, self.trainer, self.folder / "guide" / f"s{size}", self.check)
            self.guides[size] = found.weights

    async def _teacher_cell(self) -> None:
        cell = next((c for c in self.prepared.cells if c.arm == Baseline.TEACHER), None)
        if cell is None:
            return
        plan, task = self.prepared.plan, self.prepared.task
        generator = generator_for(plan.teacher, self.teacher, self.ledger, self.check)
        items = self.prepared.test[: plan.test.teacher_items]
        count = Count(self.store, self.run_id, "Asking the teacher", len(items))
        requests = [answer_request(task, item.question, 0, temperature=0.0, context=item.context) for item in items]
        replies = await generator.replies(TEACHER_ON_TEST, items, requests, count.one)
        scores = await judged(task, self._judging(generator), items, replies)
        record(
            self.store,
            self.run_id,
            cell,
            task,
            items,
            replies,
            scores,
            examples=0,
            detail={},
            folder=self.folder / "cells" / cell.key,
        )

    def _judging(self, teacher: Generator) -> Generator:
        """Who judges: the teacher, or whom the plan names, asked afresh since each round has an event loop of its
        own."""
        name = self.prepared.plan.judge
        if name is None:
            return teacher
        other = self.others[name]
        return generator_for(self.prepared.plan.teachers[name], other.teacher, other.ledger, self.check)

    # --- cells --------------------------------------------------------------------------------------

    def _control(self) -> None:
        """Trains the seeds alone for the steps of the largest cell that was measured."""
        cell = next((cell for cell in self.prepared.cells if cell.variant == MATCHED_STEPS), None)
        if cell is None:
            return
        rows = self.store.cells(self.run_id)
        anchor, alone = anchor_of(rows), seeds_alone(rows, cell.seeds)
        if anchor is None or alone is None:
            self.store.end_cell(self.run_id, cell, "skipped", "there is no measured cell whose steps it could take")
        elif anchor.detail["steps"] <= alone.detail["steps"]:
            self.store.end_cell(self.run_id, cell, "skipped", "no cell took more steps than the seeds alone")
        else:
            recipe = replace(self.prepared.recipe, min_steps=anchor.detail["steps"])
            self._train([cell], {}, "", recipe, {"anchor": anchor.cell.key})

    def _train(
        self,
        chosen: Sequence[Cell],
        pools: Pools,
        why: str,
        recipe: Recipe | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        self.measuring.measure(self.prepared, chosen, pools, why, recipe, detail)

    def _scores(self, replies: Sequence[str | None]) -> list[Score]:
        """Of replies to all test items."""
        ready = self.prepared
        generator = generator_for(ready.plan.teacher, self.teacher, self.ledger, self.check)
        return asyncio.run(judged(ready.task, self._judging(generator), ready.test, replies))
