"""One reply scored where nothing is paid: by the command line, and by the page that tries a scorer.

Only what is recorded counts for a judge: without its verdict a reply is not scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.domain import Item, Score
from engine.errors import InputError
from engine.row_files import beginning
from engine.rows import RowReader
from engine.tasks import Task
from engine.tasks.outcomes import not_scored

TRIED_ROWS = 5
"""Enough to see whether a scorer does what its owner means."""
NEEDS_VERDICT = "only the judge can say, and nothing is paid here"


class Tried(NamedTuple):
    """A row with its own gold answer as the reply, and with a reply of the user's."""

    item: Item
    gold: Score
    """A scorer that does not find the gold answer right is not the one that its owner means."""
    typed: Score | None
    """None where nothing was typed."""


def score_reply(task: Task, item: Item, reply: str | None, verdict: str = "") -> Score:
    """The reply's score; a judge's comes from its recorded `verdict`, where there is one."""
    if reply is None:
        return not_scored("no reply")
    if task.judge is not None:
        return task.judge.verdict(verdict) if verdict else not_scored(NEEDS_VERDICT)
    return task.score_item(item, reply)


def try_scorer(task: Task, items: Sequence[Item], typed: str = "") -> list[Tried]:
    """What the scorer says of each gold answer, and of `typed` as the reply to each row."""
    return [
        Tried(item, score_reply(task, item, item.answer), score_reply(task, item, typed) if typed.strip() else None)
        for item in items
    ]


def first_items(path: Path, read: RowReader, count: int = TRIED_ROWS) -> list[Item]:
    """The first items of a file; InputError where one of these rows is none."""
    rows: list[dict[str, Any]] = beginning(path, count)
    found = [read(row) for row in rows]
    problems = dict.fromkeys(one for one in found if isinstance(one, str))
    if problems:
        raise InputError([f"{path.name}: {problem}" for problem in problems])
    return [one for one in found if isinstance(one, Item)]
