"""How a worker and the store know of each other: a beat that says that it lives, and the user's requests.

Pausing and cancelling take effect within five seconds. The work hears of a request between two of its steps (a
query, a training step's poll) and begins nothing new; what was sent to a teacher is paid for, so it is waited for.
Where that takes longer than `PATIENCE_S`, the run is written down as paused or cancelled all the same, which is true:
nothing is asked, trained or scored any more. The worker stays, with the machine's lock, for as long as the replies on
their way can still come (`timeout_s` of the plan at most), and takes them in.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import psutil

from engine.errors import SeedPilotError
from engine.records import HELD, RunState
from engine.stopping import CANCEL, PAUSE, STOP, Stopped
from engine.store import Store

T = TypeVar("T")

BEAT_S = 1.0
PATIENCE_S = 1.5
"""How long the replies on their way may keep a run pausing before it is called paused."""
LAST_WORDS = {
    PAUSE: (RunState.PAUSED, "Paused by you; resume it when you like, nothing is paid twice."),
    CANCEL: (RunState.CANCELLED, "Cancelled by you; what was generated is kept."),
}
"""Request -> the state that it leaves a run in, and what is said."""
TAKING_IN = " Anything that was sent before is still taken in as it comes; a resume waits for it."

log = logging.getLogger("seedpilot.worker")


class Heart:
    """Says in the store that the worker lives, and hears there what the user wants; to be entered."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run_id = store, run_id
        self.request: str | None = None
        """The last that was asked."""
        self._heard_at: float | None = None
        """When the work was told to pause or cancel (monotonic)."""
        self._held = ExitStack()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.said: RunState | None = None
        """What the run was called while replies were still on their way: paused or cancelled."""

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._held.close()

    def holds(self, held: AbstractContextManager[T]) -> T:
        """What ends with the run, as the processes that train do."""
        return self._held.enter_context(held)

    def check(self) -> None:
        """Raises Stopped once the user has asked for something."""
        if self.request is not None:
            if self._heard_at is None and self.request in LAST_WORDS:
                self._heard_at = time.monotonic()
            raise Stopped(self.request)

    def _beat(self) -> None:
        while not self._over.is_set():
            try:
                self.request = self._store.heartbeat(self._run_id) or self.request
                if self._heard_at is not None and self.said is None and time.monotonic() > self._heard_at + PATIENCE_S:
                    self._say()
            except SeedPilotError:  # a busy or full disk: the next beat may succeed
                log.warning("heartbeat of %s could not be written", self._run_id)
            self._over.wait(BEAT_S if self._heard_at is None else BEAT_S / 4)

    def _say(self) -> None:
        state, message = LAST_WORDS[self.request or PAUSE]
        self._store.finish(self._run_id, state, message + TAKING_IN)
        self.said = state


def is_dead(run_id: str, store: Store) -> bool:
    """Whether the process that holds a running run is gone (its number may have been given anew)."""
    holder = store.holder(run_id)
    if holder is None or store.run(run_id).state not in HELD:
        return False
    try:
        process = psutil.Process(holder[0])
        return bool(abs(process.create_time() - holder[1]) > 1 or process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def release_if_dead(run_id: str, store: Store) -> None:
    """Frees a run whose worker is gone, so that the next one need not wait for its silence to be noticed."""
    if is_dead(run_id, store):
        store.release_lost(run_id)


def ask(store: Store, run_id: str, request: str) -> None:
    """Leaves a request for the worker that holds the run; where none lives, the run obeys at once.

    InputError where a run that is no pilot is asked to stop and keep.
    """
    release_if_dead(run_id, store)
    store.ask(run_id, request)


def obeyed_at_last(store: Store, run_id: str) -> bool:
    """Whether a lost run was asked to pause or cancel before its worker died; it then obeys now."""
    run = store.run(run_id)
    if run.state is not RunState.LOST or run.request in (None, STOP):
        return False
    store.ask(run_id, str(run.request))
    return True
