"""What a person changed in generated examples before training: rows edited and rows dropped, each as a new version.

What was bought stays as it was bought, in the ledger and in the pools; what was measured was measured on it. Changes
lie beside the run, the last one of a row counts, and a data set that is written afterwards has them: an edited row says
so in its provenance, a dropped one is counted among the reasons.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.curation import KEPT
from engine.dataset_folder import Pool
from engine.domain import Item
from engine.errors import InputError
from engine.pools import EXAMPLES, REJECTED
from engine.similarity import SAME_WORDS, Known, features

FILE = "edits.jsonl"
DROPPED = "dropped_by_hand"
"""The reason under which a dropped row is counted."""
DROP, EDIT, RESTORE = "drop", "edit", "restore"

Key = tuple[str, str, int]
"""Pool, seed and visit to that seed: one row."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row."""

    pool: str
    seed_id: str
    visit: int
    action: str
    """`drop`, `edit`, or `restore`: as it was bought."""
    at: str
    """When, ISO 8601, UTC."""
    by: str | None = None
    """Who, where several people use the server."""
    question: str | None = None
    answer: str | None = None
    """Of an edited row, as they are now."""

    @property
    def key(self) -> Key:
        """The row that it changes."""
        return self.pool, self.seed_id, self.visit


def now() -> str:
    """The time of a change."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def note(folder: Path, changes: Sequence[Change]) -> None:
    """Adds changes to those of the run in that folder; on the disk when it returns."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(asdict(change), ensure_ascii=False) + "\n" for change in changes))
        file.flush()
        os.fsync(file.fileno())


def standing(folder: Path) -> dict[Key, Change]:
    """The last change of each row; those that were restored are gone."""
    found: dict[Key, Change] = {}
    for row in _lines(folder / FILE):
        change = Change(**row)
        found.pop(change.key, None)
        if change.action != RESTORE:
            found[change.key] = change
    return found


def changed(row: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """The new version of a pool's row, which names the old one; InputError where the student's prompt does not hold the
    old question word for word, so that it cannot be changed there."""
    question, answer = change.question or row["question"], change.answer or row["answer"]
    messages = [dict(message) for message in row["messages"]]
    if question != row["question"]:
        holders = [message for message in messages[:-1] if message["content"].count(row["question"]) == 1]
        if len(holders) != 1:
            raise InputError("the question cannot be edited: the student's prompt does not hold it word for word")
        holders[0]["content"] = holders[0]["content"].replace(row["question"], question)
    messages[-1]["content"] = answer
    before = {"question": row["question"], "answer": row["answer"]}
    edited = {"by": change.by or "hand", "at": change.at, "before": before}
    return {**row, "messages": messages, "question": question, "answer": answer, "edited": edited}


def check(row: Mapping[str, Any], change: Change, test: Sequence[Item]) -> None:
    """Refuses an edit that leaves nothing, or that makes a test item of the question; InputError says which."""
    if not (change.question or "").strip() or not (change.answer or "").strip():
        raise InputError("an example needs a question and an answer; to be rid of it, drop it")
    changed(row, change)
    if change.question != row["question"]:
        known = Known([features(item.question, item.context) for item in test], in_other_words=True, least=SAME_WORDS)
        if known.has(features(change.question or "")):
            raise InputError("the question is now too near a test item, and what is tested must not be taught")


def with_changes(folder: Path, name: str, pool: Pool) -> Pool:
    """The pool as it stands after the changes of the run in that folder: in files beside its own, counted anew."""
    mine = {key: change for key, change in standing(folder).items() if key[0] == name}
    if not mine:
        return pool
    beside = pool.examples.parent
    examples, rejected = beside / f"edited-{EXAMPLES}", beside / f"edited-{REJECTED}"
    dropped = 0
    with examples.open("w", encoding="utf-8") as kept, rejected.open("w", encoding="utf-8") as out:
        for row in [] if pool.rejected is None else _lines(pool.rejected):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        for row in _lines(pool.examples):
            change = mine.get((name, row["seed_id"], row["sample_index"]))
            if change is None or change.action == EDIT:
                kept.write(json.dumps(row if change is None else changed(row, change), ensure_ascii=False) + "\n")
                continue
            dropped += 1
            told = {part: row[part] for part in ("strategy", "seed_id", "question", "answer", "query_ids")}
            out.write(json.dumps(told | {"visit": row["sample_index"], "reason": DROPPED}, ensure_ascii=False) + "\n")
    counts = dict(pool.counts)
    counts[KEPT] = counts.get(KEPT, 0) - dropped
    counts |= {DROPPED: dropped} if dropped else {}
    return replace(pool, examples=examples, rejected=None if pool.rejected is None else rejected, counts=counts)


def told(folder: Path) -> list[str]:
    """What the card of a data set says of them; nothing where there are none."""
    actions = [change.action for change in standing(folder).values()]
    said = [
        f"{actions.count(action):,} {'example was' if actions.count(action) == 1 else 'examples were'} {word} by hand"
        for action, word in ((EDIT, "edited"), (DROP, "dropped"))
        if action in actions
    ]
    return [f"{' and '.join(said)}; what a pilot measured was measured before."] if said else []


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
