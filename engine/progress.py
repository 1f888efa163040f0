"""Counts work that is done and tells the store soon, but not of every piece where they come by the hundred."""

from __future__ import annotations

import time

from sqlalchemy import text

from engine.store import Store

AT_ONCE, A_SECOND = 20.0, 4.0
"""Pieces that are told one by one when they come together, and of those that go on coming so many a second: a slow
teacher's every reply is seen at once, and a quick one costs the store four writes a second."""


class Training:
    """Optimizer steps of a run's stage; what is told first an earlier worker took, and it says nothing of the pace."""

    STAGE = "Training and answering"

    def __init__(self, store: Store, run_id: str, total: float) -> None:
        self.store, self.run_id, self.total = store, run_id, total
        self.base: float | None = None
        store.progress(run_id, self.STAGE, 0, total)

    def tell(self, done: float) -> None:
        """So many are taken by now."""
        if self.base is None and done < self.total:
            self.base = done
        self.store.progress(self.run_id, self.STAGE, done, self.total, self.base or 0.0)


class Count:
    """Pieces of one stage of a run."""

    def __init__(self, store: Store, run_id: str, stage: str, total: int, *, paid: bool = False) -> None:
        """Of `paid` pieces the pace counts from the first query on that is charged to the run: replies that are found
        in the ledger come within seconds, and promise an end that is hours away."""
        self.store, self.run_id, self.stage, self.total = store, run_id, stage, total
        self.done, self.base = 0, 0
        self._unpaid = self._charged() if paid else None
        """What the run was charged at first; None once it is charged more, or where nothing is paid."""
        self._may, self._since = AT_ONCE, time.monotonic()
        store.progress(run_id, stage, 0, total)

    def leave(self, pieces: int) -> None:
        """So many will not come."""
        self.total -= pieces
        self._tell()

    def one(self) -> None:
        """One more is done; no more than the total is ever told."""
        self.done += 1
        now = time.monotonic()
        self._may, self._since = min(AT_ONCE, self._may + A_SECOND * (now - self._since)), now
        if self._may >= 1 or self.done == self.total:
            self._may -= 1
            self._tell()

    def _tell(self) -> None:
        if self._unpaid is not None and self._charged() == self._unpaid:
            self.base = min(self.done, self.total)
        else:
            self._unpaid = None
        self.store.progress(self.run_id, self.stage, min(self.done, self.total), self.total, self.base)

    def _charged(self) -> int:
        """Queries that the run was charged until now."""
        with self.store.reading() as connection:
            found = connection.execute(text("SELECT queries FROM charges WHERE run_id = :run"), {"run": self.run_id})
            return int(found.scalar() or 0)
