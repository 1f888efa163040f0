"""Keeps the shares of labels among examples as they are among the seeds.

The rule: after every visit, the oldest examples that wait are let in as long as no label then has more than its share
of all that are in, rounded up: with n examples in, a label whose share of the seeds is s has at most ceil(s * n). Who
was let in stays in, so that a small budget's data is the beginning of a large one's; who still waits at the end is left
out. The order of the inputs does not matter much (a file may be sorted by label), and the label that comes too rarely
decides how many there are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from engine.domain import Example

LABEL_SHARE = "label_share"
"""Why an example is left out whose label has its share already."""

Arrival = tuple[int, Example]
"""The visit that made an example, from 0, and the example."""


class LabelShares:
    """Of one pool. `label_of` says the label of an answer; `golds` are the seeds' answers."""

    def __init__(self, label_of: Callable[[str], str | None], golds: Sequence[str]) -> None:
        self._label_of = label_of
        self._seeds = Counter(label for gold in golds if (label := label_of(gold)) is not None)
        self._in: Counter[str] = Counter()
        self._waiting: dict[str | None, deque[Arrival]] = {}

    def offer(self, visit: int, example: Example) -> tuple[Arrival, ...]:
        """Takes one more; who is in from now on, in the order in which they are let in."""
        self._waiting.setdefault(self._label_of(example.answer), deque()).append((visit, example))
        found: list[Arrival] = []
        while (label := self._next()) is not None:
            found.append(self._waiting[label].popleft())
            self._in[label] += 1
        return tuple(found)

    def left_out(self) -> Iterator[Arrival]:
        """Who waits, label by label: at the end they are left out."""
        for waiting in self._waiting.values():
            yield from waiting

    def _next(self) -> str | None:
        """The label whose oldest example may be let in, of several the one that has waited longest."""
        total, seeds = self._in.total() + 1, self._seeds.total()
        ready = [
            (self._waiting[label][0][0], label)
            for label, count in self._seeds.items()
            # In whole numbers: ceil(count / seeds * total), without a rounding error that would depend on the share.
            if self._waiting.get(label) and self._in[label] < -(-count * total // seeds)
        ]
        return min(ready)[1] if ready else None
