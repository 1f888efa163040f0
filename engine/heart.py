"""The sign of life of a run's worker, what the user asks of it meanwhile, and what ends with the run."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack

from engine.errors import SeedPilotError
from engine.store import Store
from engine.trainer import LocalTrainer

HEARTBEAT_S = 5.0
log = logging.getLogger("seedpilot.worker")


class Stopped(Exception):  # noqa: N818 - no error: the user asked for it
    """The user asked to pause or cancel."""

    def __init__(self, request: str) -> None:
        self.request = request
        super().__init__(request)


class Heart:
    """Says in the store that the worker lives, and hears there what the user wants."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self._run_id = store, run_id
        self._request: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._held = ExitStack()

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._held.close()

    def holds(self, trainer: LocalTrainer) -> LocalTrainer:
        """The trainer, whose processes end with the run."""
        return self._held.enter_context(trainer)

    def check(self) -> None:
        """Raises Stopped once the user has asked to pause or cancel."""
        if self._request is not None:
            raise Stopped(self._request)

    def _beat(self) -> None:
        while not self._over.is_set():
            try:
                self._request = self._store.heartbeat(self._run_id) or self._request
            except SeedPilotError:  # a busy or full disk: the next beat may succeed
                log.warning("heartbeat of %s could not be written", self._run_id)
            self._over.wait(1.0 if self._request is None else HEARTBEAT_S)
