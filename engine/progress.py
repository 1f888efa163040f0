"""Counts work that is done and tells the store soon, but not of every piece where they come by the hundred."""

from __future__ import annotations

import time

from engine.store import Store

AT_ONCE, A_SECOND = 20.0, 4.0
"""Pieces that are told one by one when they come together, and of those that go on coming so many a second: a slow
teacher's every reply is seen at once, and a quick one costs the store four writes a second."""


class Count:
    """Pieces of one stage of a run."""

    def __init__(self, store: Store, run_id: str, stage: str, total: int) -> None:
        self.store, self.run_id, self.stage, self.total = store, run_id, stage, total
        self.done = 0
        self._may, self._since = AT_ONCE, time.monotonic()
        store.progress(run_id, stage, 0, total)

    def leave(self, pieces: int) -> None:
        """So many will not come."""
        self.total -= pieces
        self.store.progress(self.run_id, self.stage, min(self.done, self.total), self.total)

    def one(self) -> None:
        """One more is done; no more than the total is ever told."""
        self.done += 1
        now = time.monotonic()
        self._may, self._since = min(AT_ONCE, self._may + A_SECOND * (now - self._since)), now
        if self._may >= 1 or self.done == self.total:
            self._may -= 1
            self.store.progress(self.run_id, self.stage, min(self.done, self.total), self.total)
