"""The full run: a spending plan generated whole, curated, and written as a data set folder.

A student that is to be trained on it, and that is large or unknown, is tried before the first query. Killed anywhere,
the run goes on where it was: replies lie in the ledger, and the folder is written at the end. It is written too where
the ceiling was reached or the teacher failed half-way, and its card then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine import hand_edits
from engine.costs import examples_for
from engine.curation import KEPT, Curator
from engine.data_card import Card
from engine.dataset_folder import DataSet, Pool, write_folder
from engine.domain import Example, Strategy
from engine.errors import SeedPilotError
from engine.full_prepare import PreparedFull, training_of
from engine.full_report import REPORT
from engine.full_training import FullTraining, said
from engine.generation import Generator
from engine.job_files import write_json
from engine.label_shares import LABEL_SHARE
from engine.ledger import account
from engine.nothing_kept import Trial, alone, trial_of
from engine.plan import PLAIN
from engine.pool_report import read_report
from engine.pools import EXAMPLES, REJECTED, Origin, PoolFiles, shares_of, told
from engine.progress import Count
from engine.store import Store
from engine.token_length import room
from engine.trainer_configs import ANY_STUDENT
from engine.variants import making_of


@dataclass(frozen=True, slots=True)
class FullRun:
    """One full run; `generator` asks on that run's account."""

    ready: PreparedFull
    run_id: str
    generator: Generator
    store: Store
    training: FullTraining | None = None
    """Trains and measures the student on what was kept; None where only the data set is wanted."""

    def run(self) -> str:
        """Generates what is left, writes the folder and returns what the user should know (empty: nothing).

        Where asking ended early by an error, the folder is written with what there is, and the error raised after it.
        """
        (self.store.folder(self.run_id) / REPORT).unlink(missing_ok=True)
        self.generator.ledger.close_open_reservations()
        tried = None if self.training is None else self.training.try_first()
        made, why, error = asyncio.run(self._generate())
        if error is not None:
            why = str(error) if isinstance(error, SeedPilotError) else "It was stopped before its end."
        try:
            card = self._write(made, why)
        except SeedPilotError as empty:
            # Nothing was kept: why asking ended says more.
            raise (error or SeedPilotError(" ".join([f"{empty}.", why]).strip())) from empty
        trained, without = None, "" if card.kept else alone(() if why else [asked.counts for asked in card.asked])
        # The seeds alone are no test of the plan and its forecast.
        if error is None and self.training is not None and card.kept:
            self._report(made, card, None)
            trained = self.training.run([pool.examples for pool in self._pools(made)])
        self._report(made, card, trained)
        if error is not None:
            raise error
        if without and self.training is not None:
            without += " No student was trained on it."
        parts = (without, why, said(trained) if trained else "", "" if tried is None else tried.told)
        return " ".join(part for part in parts if part)

    # --- asking -------------------------------------------------------------------------------------

    async def _generate(self) -> tuple[list[PoolFiles], str, Exception | None]:
        """What each strategy made; why there is less than was asked for; the error that ended asking."""
        visits = self.ready.visits
        count = Count(self.store, self.run_id, "Asking the teacher", sum(visits.values()), paid=True)
        made: list[PoolFiles] = []
        why: dict[str, None] = {}
        for strategy in visits:
            files = self._files(strategy)
            made.append(files)
            ended, error = await self._pool(strategy, files, count)
            why |= {ended: None} if ended else {}
            if error is not None:
                return made, " ".join(why), error
        return made, " ".join(why), None

    async def _pool(self, strategy: Strategy, files: PoolFiles, count: Count) -> tuple[str, Exception | None]:
        """One strategy's pool, judged and written as its replies come."""
        prepared, size = self.ready.prepared, len(self.ready.prepared.seeds)
        training = training_of(prepared.plan, prepared.student, prepared.recipe)
        # How long an example may be is the student's affair: unknown while none is named.
        space = None if training.student == ANY_STUDENT else room(prepared.student, prepared.recipe, prepared.task)
        visited = prepared.visited(strategy, size)
        curator = Curator(strategy, visited, prepared.test, space, shares_of(prepared, strategy, size))
        making = making_of(prepared.plan, PLAIN)
        visits, trial = self.ready.visits[strategy], Trial()
        most = trial_of(strategy, visits)
        asked = self.generator.drafts(strategy, prepared.task, visited, visits, count.one, making, most)
        error: Exception | None = None
        try:
            async with aclosing(aiter(asked)) as stream:  # type: ignore[type-var]
                async for draft in stream:
                    verdict = curator.judge(draft)
                    if not trial.passed and trial.see(verdict.reason):
                        asked.go_on()
                    files.take(() if draft is None else draft.query_ids, [example for _, example in verdict.kept])
                    if verdict.reason not in (KEPT, LABEL_SHARE):
                        files.leave_out(verdict.reason, told(draft))
        except Exception as ended:  # what was paid until then is a data set all the same
            error = ended
        for _, example in curator.left_out():
            files.leave_out(LABEL_SHARE, told(example))
        files.close()
        if error is None and not asked.why and asked.left:
            count.leave(asked.left)
            return trial.told(strategy), None
        return asked.why, error

    def _files(self, strategy: Strategy) -> PoolFiles:
        prepared = self.ready.prepared
        known = {item.id: item for item in prepared.visited(strategy, len(prepared.seeds))}

        def asked(example: Example) -> str:
            return replace(known[example.seed_id], question=example.question).asked

        writer = self.generator.augmenter.teacher.name
        pool = (strategy, len(prepared.seeds), PLAIN)
        origin = Origin(prepared, pool, making_of(prepared.plan, PLAIN), asked, writer)
        return PoolFiles(self.run_id, self.store, origin, budgets_of(self.ready, strategy))

    # --- the folder ---------------------------------------------------------------------------------

    def _write(self, made: Sequence[PoolFiles], why: str) -> Card:
        prepared, full, pools = self.ready.prepared, self.ready.full, self._pools(made)
        missing = [f"{strategy.value} was not asked." for strategy in list(self.ready.visits)[len(made) :]]
        card = Card(
            name=prepared.plan.name,
            task=prepared.task.name,
            date=datetime.now(UTC).date().isoformat(),
            version=version("seedpilot"),
            asked=(),
            seeds=0,
            seed_rows=0,
            files={},
            tables={},
            usd=_sum([one.usd for one in made]),
            priced="all replies behind these visits, whichever run paid for them",
            incomplete=" ".join([why, *missing]).strip(),
            tested=len(prepared.test) or None,
            notes=self._notes(),
        )
        training = training_of(prepared.plan, prepared.student, prepared.recipe)
        data = DataSet(prepared.task, prepared.seeds, full.with_seeds, pools, training, card)
        return write_folder(Path(full.folder), data)

    def _pools(self, made: Sequence[PoolFiles]) -> tuple[Pool, ...]:
        """What is trained on: what was made, with what was changed by hand while the run was paused."""
        spent, folder = self.ready.full.spending, self.store.folder(self.run_id)
        found = [
            Pool(one.strategy.value, one.folder / EXAMPLES, one.counts, spent[one.strategy], one.folder / REJECTED)
            for one in made
        ]
        return tuple(hand_edits.with_changes(folder, one.name, pool) for one, pool in zip(made, found, strict=True))

    def _notes(self) -> list[str]:
        parts = [part for part in self.ready.prepared.plan.sandbox_parts if part != "student"]
        practice = [f"Practice only: {' and '.join(parts)} are the built-in sandbox's."] if parts else []
        by_hand = hand_edits.told(self.store.folder(self.run_id))
        told = [warning for warning in self.ready.prepared.warnings if warning != self.ready.tight]
        return [*practice, *by_hand, *told]

    def _report(self, made: Sequence[PoolFiles], card: Card, trained: dict[str, Any] | None) -> None:
        paid = account(self.store, self.run_id)
        found = {
            "queries": sum(self.ready.full.spending.values()),
            "ceiling_queries": self.ready.prepared.estimate.ceiling_queries,
            "settled": paid.settled,
            "unknown": paid.unknown,
            "replies": sum(one.queries for one in made),
            "kept": card.kept,
            "seeds": card.seed_rows,
            "counts": {asked.strategy: dict(asked.counts) for asked in card.asked},
            "budgets": {one.strategy.value: read_report(one.folder) for one in made},
            "usd": paid.usd,
            "replies_usd": card.usd,
            "usd_per_kept": card.usd_per_kept,
            "complete": bool(card.kept) and not card.incomplete,
            "folder": self.ready.full.folder,
            "trained": trained,
        }
        write_json(self.store.folder(self.run_id) / REPORT, found)


def budgets_of(ready: PreparedFull, strategy: Strategy) -> dict[int, int]:
    """Budgets at which a pool's figures are taken, and the visits that each pays for: a quarter, half and all of what
    is spent, so that one sees whether more would still have been new."""
    spent, together = ready.full.spending[strategy], ready.prepared.plan.prompts.questions_per_call
    budgets = sorted({spent // part for part in (4, 2, 1)})
    paid = {budget: examples_for(budget, strategy, together=together) for budget in budgets}
    return {budget: min(visits, ready.visits[strategy]) for budget, visits in paid.items() if visits}


def _sum(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
