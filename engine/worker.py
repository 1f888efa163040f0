"""The process that runs pilots: claims a run, builds its real parts, says that it lives, obeys the user.

Detached from whoever started it. Its state is the store's; a key that was typed comes through standard
input as one line of JSON, `{"key": "..."}`, and stays in this process's memory. One run at a time on
one machine: a worker waits for the lock that the other holds.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import SecretStr

from engine.asking import augmenter_of, judge_of, ledger_of, model_of, others_of
from engine.batches import generator_for
from engine.check import Check
from engine.check_size import ceiling_of
from engine.database import translated
from engine.dry_run import dry_run
from engine.errors import KeyMissingError, SeedPilotError
from engine.full_prepare import prepare_full
from engine.full_run import FullRun
from engine.full_training import FullTraining
from engine.generation import Generator
from engine.heart import Heart, Stopped
from engine.ledger import Ceiling
from engine.pilot import Pilot
from engine.plan import PLAIN, PilotPlan, check_plan
from engine.prepare import Prepared, prepare
from engine.query_pace import Measured
from engine.records import CHECK, DRY_RUN, FULL, RETRIEVAL, RunState
from engine.retrieval.prepared import ledger_of as retrieval_ledger
from engine.retrieval.prepared import own_teacher, prepare_retrieval
from engine.settings import Settings
from engine.store import Store
from engine.trainer import LocalTrainer
from engine.variants import making_of
from engine.versions import keep_versions

if TYPE_CHECKING:
    from engine.retrieval.pilot import RetrievalPilot

log = logging.getLogger("seedpilot.worker")


def run(run_id: str, store: Store, key: SecretStr | None = None) -> RunState:
    """Runs one run to its end, its pause or its failure, and returns the state it was left in."""
    release_if_dead(run_id, store)
    before = store.run(run_id).state, store.holder(run_id)
    with _machine_lock(store.home):
        if (store.run(run_id).state, store.holder(run_id)) != before:
            # While this one waited for the machine, the user paused the run or another worker had it.
            return store.run(run_id).state
        me = psutil.Process()
        if not store.claim(run_id, me.pid, me.create_time()):
            return store.run(run_id).state
        try:
            store.hold_ballast()
            keep_versions(store.folder(run_id))
            with Heart(store, run_id) as heart:
                kind = next((kind for kind in _KINDS if run_id.startswith(kind)), "")
                message = _KINDS.get(kind, _pilot)(run_id, store, key, heart).run()
            state = RunState.DONE
        except Stopped as stopped:
            state, message = {
                "pause": (RunState.PAUSED, "Paused by you; resume it when you like, nothing is paid twice."),
                "cancel": (RunState.CANCELLED, "Cancelled by you; what was generated is kept."),
            }[stopped.request]
        except KeyMissingError as error:
            state, message = RunState.WAITING_FOR_KEY, str(error)
        except SeedPilotError as error:
            state, message = RunState.FAILED, str(error)
        except OSError as error:
            state, message = RunState.FAILED, str(translated(error, store.path))
        except Exception as error:  # the run must end in the store, whatever happened
            log.exception("run %s", run_id)
            state, message = RunState.FAILED, f"unexpected {type(error).__name__}: {error}; see worker.log"
        # First the room, then the word: on a full disk there would be no place for it.
        store.drop_ballast()
        store.finish(run_id, state, message)
        return state


def run_queue(store: Store) -> None:
    """Runs every queued or lost run that needs no typed key, oldest first, until none is left."""
    while True:
        waiting = [
            r
            for r in reversed(store.runs())
            if r.state in (RunState.QUEUED, RunState.LOST) or _is_dead(r.id, store)
            # A dry run belongs to whoever started it: nobody else waits for what it measures.
            if not r.id.startswith(DRY_RUN) and not PilotPlan.model_validate(r.plan).teacher.key_typed
        ]
        if not waiting:
            return
        run(waiting[0].id, store)


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
    training = FullTraining(
        ready, run_id, heart.holds(LocalTrainer(ready.prepared.student.parameters)), generator, store, heart.check
    )
    return FullRun(ready, run_id, generator, store, training if ready.full.train else None)


def _retrieval(run_id: str, store: Store, key: SecretStr | None, heart: Heart) -> RetrievalPilot:
    from engine.retrieval.pilot import RetrievalPilot  # torch and peft, which no other run needs at its start

    plan = check_plan(store.run(run_id).plan)
    store.progress(run_id, "Reading the plan", 0, 1)
    prepared = prepare_retrieval(plan)
    teacher = own_teacher(prepared) or model_of(plan.teacher, key)
    generator = generator_for(plan.teacher, teacher, retrieval_ledger(store, run_id, prepared), heart.check)
    return RetrievalPilot(prepared, run_id, generator, store, heart.check)


_KINDS: dict[str, Callable[[str, Store, SecretStr | None, Heart], Pilot | Check | FullRun | RetrievalPilot | _Dry]] = {
    CHECK: _check,
    DRY_RUN: _dry,
    FULL: _full,
    RETRIEVAL: _retrieval,
}
"""How a run's id begins -> what does its work; a pilot does that of all others."""


@contextmanager
def _machine_lock(home: Path) -> Iterator[None]:
    """One pilot at a time on one store; released by the kernel when the process ends, however it ends."""
    with (home / "worker.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_dead(run_id: str, store: Store) -> bool:
    """Whether the process that holds a running run is gone (its number may have been given anew)."""
    holder = store.holder(run_id)
    if holder is None or store.run(run_id).state != RunState.RUNNING:
        return False
    try:
        process = psutil.Process(holder[0])
        return bool(abs(process.create_time() - holder[1]) > 1 or process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def release_if_dead(run_id: str, store: Store) -> None:
    """Frees a run whose worker is gone, so that the next one need not wait for its silence to be noticed."""
    if _is_dead(run_id, store):
        store.release_lost(run_id)


def main() -> None:
    """`python -m engine.worker RUN`: runs one run; a typed key is read from standard input."""
    parser = argparse.ArgumentParser(description="Runs one run of the store.")
    parser.add_argument("run")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    # The HTTP client's own messages name addresses and headers; ours say what matters.
    logging.getLogger("openai").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    line = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline()
    key = SecretStr(json.loads(line)["key"]) if line.strip() else None
    store = Store(Settings().store_path)
    state = run(arguments.run, store, key)
    log.info("run %s: %s", arguments.run, state.value)


if __name__ == "__main__":
    main()
