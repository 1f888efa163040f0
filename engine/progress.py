"""Counts work that is done and tells the store now and then, not at every piece."""

from __future__ import annotations

from engine.store import Store


class Count:
    """Pieces of one stage of a run."""

    def __init__(self, store: Store, run_id: str, stage: str, total: int, every: int = 20) -> None:
        self.store, self.run_id, self.stage, self.total, self.every = store, run_id, stage, total, every
        self.done = 0
        store.progress(run_id, stage, 0, total)

    def one(self) -> None:
        """One more is done; no more than the total is ever told."""
        self.done += 1
        if self.done % self.every == 0 or self.done == self.total:
            self.store.progress(self.run_id, self.stage, min(self.done, self.total), self.total)
