"""The full run: a spending plan generated whole, curated, and written as a data set folder.

Killed anywhere, it goes on where it was: replies lie in the ledger, and the folder is written at the end. It is written
too where the ceiling was reached or the teacher failed half-way, and its card then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.curation import Curated, curate
from engine.data_card import Card
from engine.dataset_folder import DataSet, Pool, write_folder
from engine.domain import Example, Strategy
from engine.errors import SeedPilotError
from engine.full_prepare import PreparedFull, training_of
from engine.generation import Generator
from engine.job_files import read_json, write_json
from engine.ledger import account
from engine.plan import PLAIN
from engine.pools import usd_of, write_pool
from engine.progress import Count
from engine.store import Store
from engine.strategies import Draft
from engine.token_length import room
from engine.trainer_configs import ANY_STUDENT
from engine.variants import making_of

REPORT = "data_set.json"
"""In the run's folder: what came of it, in numbers."""


@dataclass(frozen=True, slots=True)
class FullRun:
    """One full run; `generator` asks on that run's account."""

    ready: PreparedFull
    run_id: str
    generator: Generator
    store: Store

    def run(self) -> str:
        """Generates what is left, writes the folder and returns what the user should know (empty: nothing).

        Where asking ended early by an error, the folder is written with what there is, and the error raised after it.
        """
        (self.store.folder(self.run_id) / REPORT).unlink(missing_ok=True)
        self.generator.ledger.close_open_reservations()
        made, why, error = asyncio.run(self._generate())
        if error is not None:
            why = str(error) if isinstance(error, SeedPilotError) else "It was stopped before its end."
        try:
            card = self._write(made, why)
        except SeedPilotError as empty:
            # Nothing was kept: why asking ended says more.
            raise (error or empty) from empty
        self._report(made, card)
        if error is not None:
            raise error
        return why

    # --- asking -------------------------------------------------------------------------------------

    async def _generate(self) -> tuple[list[_Made], str, Exception | None]:
        """What each strategy made; why there is less than was asked for; the error that ended asking."""
        prepared, visits = self.ready.prepared, self.ready.visits
        count = Count(self.store, self.run_id, "Asking the teacher", sum(visits.values()))
        training = training_of(prepared.plan, prepared.student, prepared.recipe)
        # How long an example may be is the student's affair: unknown while none is named.
        space = None if training.student == ANY_STUDENT else room(prepared.student, prepared.recipe, prepared.task)
        made: list[_Made] = []
        why = ""
        for strategy, most in visits.items():
            drafts: list[Draft | None] = []
            error: Exception | None = None
            visited = prepared.visited(strategy, len(prepared.seeds))
            making = making_of(prepared.plan, PLAIN)
            asked = self.generator.drafts(strategy, prepared.task, visited, most, count.one, making)
            try:
                async with aclosing(aiter(asked)) as stream:  # type: ignore[type-var]
                    async for draft in stream:
                        drafts.append(draft)
            except Exception as ended:  # what was paid until then is a data set all the same
                error = ended
            curated = curate(strategy, visited, prepared.test, drafts, space)
            made.append(_Made(strategy, tuple(drafts), curated))
            self._keep(made[-1])
            why = why or asked.why
            if error is not None:
                return made, why, error
        return made, why, None

    def _keep(self, made: _Made) -> None:
        prepared, size = self.ready.prepared, len(self.ready.prepared.seeds)
        making = making_of(prepared.plan, PLAIN)
        known = {item.id: item for item in (*prepared.seeds, *prepared.inputs)}

        def asked(example: Example) -> str:
            return replace(known[example.seed_id], question=example.question).asked

        writer = self.generator.augmenter.teacher.name
        pool = (made.strategy, size, PLAIN)
        write_pool(prepared, self.run_id, self.store, pool, made.curated, making, asked, writer)

    # --- the folder ---------------------------------------------------------------------------------

    def _write(self, made: Sequence[_Made], why: str) -> Card:
        prepared, full = self.ready.prepared, self.ready.full
        folders = {pool.name: Path(pool.folder) for pool in self.store.pools(self.run_id)}
        size = len(prepared.seeds)
        pools = tuple(
            Pool(
                one.strategy.value,
                folders[f"{one.strategy.value}-s{size}"] / "examples.jsonl",
                one.curated.counts,
                full.spending[one.strategy],
                one.rejected,
            )
            for one in made
        )
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
            usd=usd_of(self.store, [row for one in made for row in one.query_ids]),
            priced="all replies behind these visits, whichever run paid for them",
            incomplete=" ".join([why, *missing]).strip(),
            tested=len(prepared.test) or None,
            notes=self._notes(),
        )
        training = training_of(prepared.plan, prepared.student, prepared.recipe)
        data = DataSet(prepared.task, prepared.seeds, full.with_seeds, pools, training, card)
        return write_folder(Path(full.folder), data)

    def _notes(self) -> list[str]:
        parts = [part for part in self.ready.prepared.plan.sandbox_parts if part != "student"]
        practice = [f"Practice only: {' and '.join(parts)} are the built-in sandbox's."] if parts else []
        return [*practice, *self.ready.prepared.warnings]

    def _report(self, made: Sequence[_Made], card: Card) -> None:
        paid = account(self.store, self.run_id)
        found = {
            "queries": sum(self.ready.full.spending.values()),
            "ceiling_queries": self.ready.prepared.estimate.ceiling_queries,
            "settled": paid.settled,
            "unknown": paid.unknown,
            "replies": len({row for one in made for row in one.query_ids}),
            "kept": card.kept,
            "seeds": card.seed_rows,
            "counts": {asked.strategy: dict(asked.counts) for asked in card.asked},
            "usd": paid.usd,
            "replies_usd": card.usd,
            "usd_per_kept": card.usd_per_kept,
            "complete": not card.incomplete,
            "folder": self.ready.full.folder,
        }
        write_json(self.store.folder(self.run_id) / REPORT, found)


@dataclass(frozen=True, slots=True)
class _Made:
    strategy: Strategy
    drafts: tuple[Draft | None, ...]
    curated: Curated

    @property
    def query_ids(self) -> list[int]:
        """Rows of the ledger behind its visits, kept or not."""
        return [row for draft in self.drafts if draft is not None for row in draft.query_ids]

    @property
    def rejected(self) -> list[Mapping[str, Any]]:
        """Each visit without an example, as a row of `rejected.parquet`."""
        return [
            {
                "strategy": self.strategy.value,
                "reason": reason,
                **(
                    {}
                    if draft is None
                    else {
                        "seed_id": draft.seed_id,
                        "visit": draft.sample_index,
                        "question": draft.question,
                        "answer": draft.answer,
                        "query_ids": list(draft.query_ids),
                    }
                ),
            }
            for draft, reason, example in zip(self.drafts, self.curated.reasons, self.curated.examples, strict=True)
            if example is None
        ]


def report_of(store: Store, run_id: str) -> dict[str, Any] | None:
    """What came of a full run, as `seedpilot generate --json` prints it; None where it wrote no folder."""
    return read_json(store.folder(run_id) / REPORT)
