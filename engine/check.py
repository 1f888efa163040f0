"""The check before a pilot: does the teacher answer the user's own seeds right?

About fifty seeds under a ceiling of its own: the teacher against the gold answers, three answers to ten of the
seeds, and one example of each strategy beside its seed. What is asked here, the pilot finds in the ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.check_report import REPLIES, Judged, as_json, examples_of, repeats_of, replies_of, write_report
from engine.check_size import ANSWERS_EACH, REPEATED_SEEDS, TRIES, queries_at_most, seeds_to_check
from engine.domain import Baseline, Cell, Item, Outcome, Strategy
from engine.errors import SeedPilotError
from engine.generation import Generator
from engine.items import write_jsonl
from engine.judging import judged
from engine.ledger import account
from engine.plan import PLAIN, PilotPlan, check_plan
from engine.plan_task import name_of
from engine.prepare import Prepared, prepare
from engine.progress import Count
from engine.store import Store
from engine.strategies import Draft
from engine.tasks.outcomes import wrong
from engine.teacher_gate import FEWEST_ITEMS, FIX, Lead, not_above, separate_lead
from engine.teachers.reasoning import without_reasoning
from engine.variants import making_of

FAILED = {"cut_off": "the reply was cut off (finish_reason: length)", "unanswerable": "the teacher refused"}
"""A reply that is no answer to a question which has one: wrong, whatever a scorer could read from it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One run of one check; `generator` asks on that run's account."""

    prepared: Prepared
    run_id: str
    generator: Generator
    store: Store
    judge: Generator | None = None
    """Who judges replies where that is not the teacher; on the same account."""

    def run(self) -> str:
        """Asks, scores and writes `check.json` into the run's folder; returns what the user should know.

        SeedPilotError where a pilot should not follow: no answer could be scored, or the teacher is no better
        than the seeds-only student.
        """
        self.generator.ledger.close_open_reservations()
        return asyncio.run(self._run())

    async def _run(self) -> str:
        task, seeds = self.prepared.task, seeds_to_check(self.prepared)
        answers = Strategy.ANSWER_AUGMENTATION
        asking = Count(self.store, self.run_id, "Checking the teacher", queries_at_most(self.prepared), paid=True)
        drafts, why = await self.generator.pool(answers, task, seeds, len(seeds), asking.one)
        first = await self._judge(seeds, drafts)
        repeated = seeds[:REPEATED_SEEDS]
        drafts, ended = await self.generator.pool(answers, task, repeated, ANSWERS_EACH * len(repeated), asking.one)
        more = await self._judge([repeated[i % len(repeated)] for i in range(len(drafts))], drafts)
        examples, last = await self._examples(asking.one)
        lead = await asyncio.to_thread(self._lead, first)
        stop = _stop(first, lead)
        note = stop or why or ended or last
        paid = account(self.store, self.run_id)
        report = as_json(first, len(seeds)) | {
            "repeats": repeats_of(more),
            "examples": examples,
            "comparison": None if lead is None else asdict(lead) | {"above": lead.above},
            "queries": asdict(paid) | {"queries": paid.queries, "ceiling": self.generator.ledger.ceiling.queries},
            "sandbox": list(self.prepared.plan.sandbox_parts),
            "stopped": bool(stop),
            "advice": note,
        }
        # Before the report, which says that all is there.
        write_jsonl(self.store.folder(self.run_id) / REPLIES, replies_of(first))
        write_report(self.store.folder(self.run_id), report)
        if stop:
            raise SeedPilotError(stop)
        return note

    async def _judge(self, seeds: Sequence[Item], drafts: Sequence[Draft | None]) -> list[Judged]:
        """Each reply scored by the task's scorer against the seed's gold answer."""
        seeds = seeds[: len(drafts)]
        replies = [None if draft is None else self._reply(draft.query_ids[-1]) for draft in drafts]
        asked = [
            None if draft is None or draft.rejected in FAILED else r for draft, r in zip(drafts, replies, strict=True)
        ]
        scores = await judged(self.prepared.task, self.judge or self.generator, seeds, asked)
        for at, draft in enumerate(drafts):
            if draft is not None and draft.rejected in FAILED:
                scores[at] = wrong(FAILED[draft.rejected])
        return [Judged(*row) for row in zip(seeds, replies, drafts, scores, strict=True)]

    def _reply(self, query_id: int) -> str:
        with self.store.reading() as connection:
            row = connection.execute(text("SELECT reply FROM queries WHERE id = :id"), {"id": query_id})
            said = str(row.scalar_one())
        return said if self.generator.keep_reasoning else without_reasoning(said)

    async def _examples(self, on_visit: Callable[[], None]) -> tuple[list[dict[str, Any]], str]:
        found, why = [], ""
        size, making = max(cell.seeds for cell in self.prepared.cells), making_of(self.prepared.plan, PLAIN)
        for strategy in self.prepared.plan.grid.strategies:
            visited = self.prepared.visited(strategy, size)
            drafts: list[Draft | None] = []
            while len(drafts) < min(TRIES, len(visited)) and not any(d and d.rejected is None for d in drafts):
                more, ended = await self.generator.pool(
                    strategy, self.prepared.task, visited, len(drafts) + 1, on_visit, making
                )
                if ended:
                    why = ended
                    break
                drafts = more
            found.append(examples_of(strategy, visited, drafts))
        return found, why

    def _lead(self, answers: Sequence[Judged]) -> Lead | None:
        right = sum(a.score.outcome is Outcome.RIGHT for a in answers)
        scored = sum(a.score.outcome is not Outcome.NOT_SCORED for a in answers)
        student = seeds_only(self.prepared, self.store)
        return None if student is None else separate_lead((right, scored), student)


def seeds_only(prepared: Prepared, store: Store) -> tuple[int, int] | None:
    """(right, scored) of the seeds-only student on the test items: what the plan says, or what the newest pilot
    measured with the same task, seeds, test items, student and recipe; None where there is neither."""
    given = prepared.plan.check
    if given.student_right is not None and given.student_scored is not None:
        return given.student_right, given.student_scored
    size = max(cell.seeds for cell in prepared.cells)
    for run in store.runs():
        for row in store.cells(run.id):
            alone = row.cell == Cell(Baseline.SEEDS_ONLY, size, 0, 0)
            if not alone or row.measurement is None or not _same(prepared, run.plan):
                continue
            return row.measurement.correct, row.measurement.scored
    return None


def _same(prepared: Prepared, filed: Any) -> bool:
    """Whether a filed plan trains and tests the same seeds-only student."""
    try:
        plan = check_plan(filed)
        other = prepare(plan)
    except (SeedPilotError, OSError):  # its files are gone
        return False
    return (
        (other.seeds, other.test, other.student.path, other.recipe, plan.max_new_tokens)
        == (prepared.seeds, prepared.test, prepared.student.path, prepared.recipe, prepared.plan.max_new_tokens)
    ) and _task_text(plan) == _task_text(prepared.plan)


def _task_text(plan: PilotPlan) -> str:
    return Path(plan.task).read_text(encoding="utf-8") if plan.task.endswith(".toml") else name_of(plan)


def _stop(answers: Sequence[Judged], lead: Lead | None) -> str:
    """Why no pilot should follow; empty where one may."""
    scored = [a for a in answers if a.score.outcome is not Outcome.NOT_SCORED]
    if answers and not scored:
        reason, times = Counter(a.score.reason for a in answers).most_common(1)[0]
        return f"None of the teacher's {len(answers)} replies could be scored ({times} times: {reason}). {FIX}"
    if len(scored) >= FEWEST_ITEMS and not any(a.score.outcome is Outcome.RIGHT for a in scored):
        reason, times = Counter(a.score.reason for a in scored).most_common(1)[0]
        return (
            f"The teacher got none of {len(scored)} seeds right ({times} times: {reason}), so that no student could "
            f"be worse. {FIX}"
        )
    return not_above(lead) if lead is not None and lead.stops else ""
