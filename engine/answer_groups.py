"""Answers by what they have in common: the label, or the fields of a JSON record; numbers and free text are one group.

So that seeds, generated examples and a student's errors can be laid side by side, group by group.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_LABELS = 24
REPEATED = 2
"""A label comes at least so often, on average: answers that are all different are no labels."""
ALL = "all"


@dataclass(frozen=True, slots=True)
class Groups:
    """How the answers of a task fall into groups."""

    kind: str
    """`label`, `field`, or `all` where there is one group only."""
    names: tuple[str, ...]
    """The most frequent label first; fields in the order of the records."""

    def holds(self, group: str, answer: str) -> bool:
        """Whether an answer belongs to that group: has that label, or that field."""
        if self.kind == "label":
            return label(answer) == group
        return self.kind == ALL or group in (record(answer) or {})

    def wrong(self, group: str, gold: str, reply: str | None, outcome: str) -> bool:
        """Whether a reply to an item of that group errs there: in its field, where answers are records."""
        if outcome != "wrong" or not self.holds(group, gold):
            return False
        if self.kind != "field":
            return True
        given = record(reply or "")
        return given is None or given.get(group) != (record(gold) or {})[group]


def groups_of(golds: Sequence[str]) -> Groups:
    """The groups of these right answers."""
    records = [record(gold) for gold in golds]
    if golds and all(one is not None for one in records):
        fields = dict.fromkeys(name for one in records for name in one or {})
        if 0 < len(fields) <= MOST_LABELS:
            return Groups("field", tuple(fields))
    counts: dict[str, int] = {}
    for gold in golds:
        counts[label(gold)] = counts.get(label(gold), 0) + 1
    if 1 < len(counts) <= MOST_LABELS and len(golds) >= REPEATED * len(counts):
        return Groups("label", tuple(sorted(counts, key=lambda name: -counts[name])))
    return Groups(ALL, (ALL,))


def label(answer: str) -> str:
    """An answer as a label: its last line, without space around it."""
    lines = answer.strip().splitlines()
    return lines[-1].strip() if lines else ""


def record(answer: str) -> Mapping[str, Any] | None:
    """The JSON object in an answer, from its first brace to its last; None where there is none."""
    begin, end = answer.find("{"), answer.rfind("}")
    if begin < 0 or end < begin:
        return None
    try:
        found = json.loads(answer[begin : end + 1])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
