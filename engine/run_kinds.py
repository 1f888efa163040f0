"""What does the work of a run, built whole from its plan: a pilot, a check, a dry run, a full run, a retrieval pilot.

Here the real parts meet: who is asked, on which account, and what trains.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import psutil
from pydantic import SecretStr

from engine.asking import augmenter_of, judge_of, ledger_of, model_of, others_of
from engine.batches import generator_for
from engine.check import Check
from engine.check_size import ceiling_of
from engine.dry_run import dry_run
from engine.errors import SeedPilotError
from engine.full_prepare import prepare_full
from engine.full_run import FullRun
from engine.full_training import FullTraining
from engine.generation import Generator
from engine.heart import Heart
from engine.ledger import Ceiling
from engine.pilot import Pilot
from engine.plan import PLAIN, check_plan
from engine.prepare import Prepared, prepare
from engine.query_pace import Measured
from engine.records import CHECK, DRY_RUN, FULL, RETRIEVAL, RunState
from engine.retrieval.prepared import ledger_of as retrieval_ledger
from engine.retrieval.prepared import own_teacher, prepare_retrieval
from engine.store import Store
from engine.trainer import LocalTrainer
from engine.variants import making_of

if TYPE_CHECKING:
    from engine.retrieval.pilot import RetrievalPilot

Work: TypeAlias = "Pilot | Check | FullRun | RetrievalPilot | _Dry"


def work_of(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> Work:
    """What does that run's work by its `run()`, which returns what the user should know at the end."""
    kind = next((kind for kind in _KINDS if run_id.startswith(kind)), "")
    return _KINDS.get(kind, _pilot)(run_id, store, key, heart)


def measure(prepared: Prepared, store: Store, key: SecretStr | None = None) -> Measured | None:
    """A dry run on an account of its own: two visits of each strategy, which the pilot will not buy again."""
    run_id = f"{DRY_RUN}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    plan = prepared.plan.model_copy(update={"name": f"dry run of {prepared.plan.name}"[:80]})
    me = psutil.Process()
    store.file_run(run_id, plan.name, plan.model_dump(mode="json"), run_id)
    store.claim(run_id, me.pid, me.create_time())
    state, message = RunState.FAILED, "the dry run broke off"
    try:
        found = _Dry(prepared, _one_by_one(run_id, store, prepared, key, lambda: None)).measured()
        state, message = RunState.DONE, ""
        return found
    except SeedPilotError as error:
        message = str(error)
        raise
    finally:
        store.finish(run_id, state, message)


def _pilot(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> Pilot:
    plan = check_plan(store.run(run_id).plan)
    store.progress(run_id, "Reading the plan", 0, 1)
    prepared = prepare(plan)
    return Pilot(
        prepared,
        run_id=run_id,
        teacher=model_of(plan.teacher, key),
        trainer=heart.holds(LocalTrainer(prepared.student.parameters)),
        store=store,
        ledger=ledger_of(store, run_id, prepared, prepared.price),
        check=heart.check,
        augmenter=augmenter_of(store, run_id, prepared, heart.check),
        others=others_of(store, run_id, prepared, heart.check),
    )


def _one_by_one(
    run_id: str, store: Store, prepared: Prepared, key: SecretStr | None, check: Callable[[], None]
) -> Generator:
    """Asks the plan's models on the run's account, never in batches: somebody waits for a few answers."""
    plan = prepared.plan
    return generator_for(
        plan.teacher.model_copy(update={"batch": False}),
        model_of(plan.teacher, key),
        ledger_of(store, run_id, prepared, prepared.price),
        check,
        augmenter=augmenter_of(store, run_id, prepared, check),
        few_shot=prepared.few_shot,
    )


@dataclass(frozen=True, slots=True)
class _Dry:
    """A dry run: two visits of each strategy, whose figures are read off the run's account."""

    prepared: Prepared
    generator: Generator

    def measured(self) -> Measured | None:
        prepared, making = self.prepared, making_of(self.prepared.plan, PLAIN)
        full = prepared.plan.full
        strategies = prepared.plan.grid.strategies if full is None else tuple(full.spending)
        visited = {s: prepared.visited(s, len(prepared.seeds)) for s in strategies}
        return asyncio.run(dry_run(self.generator, prepared.task, visited, making))

    def run(self) -> str:
        self.generator.ledger.close_open_reservations()
        if self.measured() is None:
            return "Nothing was measured: its replies were there already from an earlier run, or none arrived."
        return ""


def _dry(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> _Dry:
    plan = check_plan(store.run(run_id).plan)
    prepared = prepare(plan) if plan.full is None else prepare_full(plan).prepared
    return _Dry(prepared, _one_by_one(run_id, store, prepared, key, heart.check))


def _check(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> Check:
    plan = check_plan(store.run(run_id).plan)
    prepared = prepare(plan)
    generator = _one_by_one(run_id, store, prepared, key, heart.check)
    judge = judge_of(store, run_id, prepared, heart.check)
    for asked in (generator, generator.augmenter, *([] if judge is None else [judge])):  # one account, one ceiling
        asked.ledger.ceiling = Ceiling(ceiling_of(prepared), plan.ceiling.usd)
    return Check(prepared, run_id, generator, store, judge)


def _full(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> FullRun:
    plan = check_plan(store.run(run_id).plan)
    store.progress(run_id, "Reading the plan", 0, 1)
    ready = prepare_full(plan)
    generator = generator_for(
        plan.teacher,
        model_of(plan.teacher, key),
        ledger_of(store, run_id, ready.prepared, ready.prepared.price),
        heart.check,
        augmenter=augmenter_of(store, run_id, ready.prepared, heart.check),
        few_shot=ready.prepared.few_shot,
    )
    # The judge comes last: what must be asked again before it never takes its queries.
    for asked in (generator, generator.augmenter):
        asked.ledger.ceiling = replace(asked.ledger.ceiling, kept=ready.verdicts)
    judge = judge_of(store, run_id, ready.prepared, heart.check) or generator_for(
        plan.teacher,
        generator.teacher,
        ledger_of(store, run_id, ready.prepared, ready.prepared.price),
        heart.check,
    )
    trainer = heart.holds(LocalTrainer(ready.prepared.student.parameters))
    training = FullTraining(ready, run_id, trainer, judge, store, heart.check)
    return FullRun(ready, run_id, generator, store, training if ready.full.train else None)


def _retrieval(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> RetrievalPilot:
    from engine.retrieval.pilot import RetrievalPilot  # torch and peft, which no other run needs at its start

    plan = check_plan(store.run(run_id).plan)
    store.progress(run_id, "Reading the plan", 0, 1)
    prepared = prepare_retrieval(plan)
    teacher = own_teacher(prepared) or model_of(plan.teacher, key)
    generator = generator_for(plan.teacher, teacher, retrieval_ledger(store, run_id, prepared), heart.check)
    return RetrievalPilot(prepared, run_id, generator, store, heart.check)


_KINDS: dict[str, Callable[[str, Store, SecretStr | None, Heart], Work]] = {
    CHECK: _check,
    DRY_RUN: _dry,
    FULL: _full,
    RETRIEVAL: _retrieval,
}
"""How a run's id begins -> what does its work; a pilot does that of all others."""
