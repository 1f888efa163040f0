"""The process that runs pilots: claims a run, builds its real parts, says that it lives, obeys the user.

Detached from whoever started it. Its state is the store's; a key that was typed comes through standard
input as one line of JSON, `{"key": "..."}`, and stays in this process's memory. One run at a time on
one machine: a worker waits for the lock that the other holds.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import SecretStr

from engine.database import translated
from engine.errors import KeyMissingError, KeyRefusedError, SeedPilotError
from engine.heart import LAST_WORDS, Heart, obeyed_at_last, release_if_dead
from engine.plan import PilotPlan
from engine.records import DRY_RUN, RunState
from engine.run_kinds import work_of
from engine.settings import Settings
from engine.stopping import PAUSE, Stopped
from engine.store import Store
from engine.versions import keep_versions

ANOTHER_KEY = (
    "What was paid for is kept: resume with a key that works (typed on the run's page, or in the environment variable "
    "that the plan names)."
)
BEHIND = 10
"""Niceness of a worker, from 0 to 19."""
log = logging.getLogger("seedpilot.worker")


def run(run_id: str, store: Store, key: SecretStr | None = None) -> RunState:
    """Runs one run to its end, its pause or its failure, and returns the state it was left in."""
    release_if_dead(run_id, store)
    before = store.run(run_id).state, store.holder(run_id)
    with _machine_lock(store.home):
        # Whoever held the lock may have been killed with this very run in its hands.
        release_if_dead(run_id, store)
        state, holder = store.run(run_id).state, store.holder(run_id)
        if (state, holder) != before and not (state is RunState.LOST and holder == before[1]):
            # While this one waited for the machine, the user paused the run or another worker had it.
            return state
        me = psutil.Process()
        if not store.claim(run_id, me.pid, me.create_time()):
            return store.run(run_id).state
        heart = Heart(store, run_id)
        try:
            store.hold_ballast()
            keep_versions(store.folder(run_id))
            with heart:
                message = work_of(run_id, store, key, heart).run()
            state = RunState.DONE
        except Stopped as stopped:
            # The last word counts: a cancel may follow a pause while replies are still on their way.
            state, message = LAST_WORDS.get(heart.request or stopped.request, LAST_WORDS[PAUSE])
        except KeyMissingError as error:
            state, message = RunState.WAITING_FOR_KEY, str(error)
        except KeyRefusedError as error:
            state, message = RunState.WAITING_FOR_KEY, f"{error}. {ANOTHER_KEY}"
        except SeedPilotError as error:
            state, message = RunState.FAILED, str(error)
        except OSError as error:
            state, message = RunState.FAILED, str(translated(error, store.path))
        except Exception as error:  # the run must end in the store, whatever happened
            log.exception("run %s", run_id)
            state, message = RunState.FAILED, f"unexpected {type(error).__name__}: {error}; see worker.log"
        # First the room, then the word: on a full disk there would be no place for it.
        store.drop_ballast()
        store.finish(run_id, state, message, only_from=heart.said)
        return state


def run_queue(store: Store) -> None:
    """Runs every queued or lost run that needs no typed key, oldest first, until none is left."""
    while (run_id := _next(store)) is not None:
        run(run_id, store)


def _next(store: Store) -> str | None:
    for found in reversed(store.runs()):
        release_if_dead(found.id, store)
        # A dry run belongs to whoever started it: nobody else waits for what it measures.
        if found.id.startswith(DRY_RUN) or store.run(found.id).state not in (RunState.QUEUED, RunState.LOST):
            continue
        if not PilotPlan.model_validate(found.plan).teacher.key_typed and not obeyed_at_last(store, found.id):
            return found.id
    return None


@contextmanager
def _machine_lock(home: Path) -> Iterator[None]:
    """One pilot at a time on one store; released by the kernel when the process ends, however it ends."""
    with (home / "worker.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def give_way() -> None:
    """This process and all that it starts let a person's clicks go first where they fill the machine; on a machine
    with nothing else to do they take as long as before."""
    os.nice(BEHIND)
    # Where sessions share the processor (Linux on a desktop), niceness counts among the processes of one session only.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(BEHIND), encoding="ascii")


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
    give_way()
    line = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline()
    key = SecretStr(json.loads(line)["key"]) if line.strip() else None
    store = Store(Settings().store_path)
    state = run(arguments.run, store, key)
    log.info("run %s: %s", arguments.run, state.value)


if __name__ == "__main__":
    main()
