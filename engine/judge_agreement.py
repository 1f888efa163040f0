"""Whether a judge can be trusted: how often it says of a reply what the user says.

Labels come from a file of the user's; the judge's verdicts from the ledger, where they were paid for, or from the
file. Nothing is asked here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.comparison import wilson
from engine.domain import Interval, Item, Outcome, Score
from engine.errors import InputError
from engine.items import MOST_PROBLEMS, read_rows
from engine.ledger import query_key
from engine.row_files import unit
from engine.rows import as_text
from engine.store import Store
from engine.tasks import Task
from engine.tasks.judge import FEWEST_LABELS, JUDGE
from engine.teachers.reasoning import without_reasoning

LABELS = {
    "1": True, "1.0": True, "true": True, "right": True, "0": False, "0.0": False, "false": False, "wrong": False,
}  # fmt: skip
"""What a label may be, case aside; an empty cell is no label yet."""
IN_THE_FILE = "the judge of the file"


@dataclass(frozen=True, slots=True)
class Label:
    """One reply that the user has judged."""

    item: Item
    reply: str
    right: bool
    verdict: str = ""
    """What the judge replied, where the file says it."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A reply of which the judge says something else than the user."""

    question: str
    reply: str
    user: bool
    judge_reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often one judge and the user say the same."""

    judge: str
    labels: int
    """Replies that both have judged."""
    unjudged: int
    """Labelled replies on which this judge has given no verdict."""
    same: int
    share: Interval | None
    """`same` of `labels`, with Wilson's 80 % interval; None below FEWEST_LABELS."""
    kappa: float | None
    """Cohen's kappa (Cohen 1960), agreement beyond chance; None below FEWEST_LABELS, and where neither ever varies."""
    too_kind: int
    """Right by the judge, wrong by the user."""
    too_strict: int
    """Wrong by the judge, right by the user."""
    disagreements: tuple[Disagreement, ...]

    @property
    def missing(self) -> int:
        """Labels that are still needed before an agreement is shown."""
        return max(0, FEWEST_LABELS - self.labels)


def read_labels(path: Path, items: Sequence[Item]) -> list[Label]:
    """The labelled rows of a file: `reply`, `label` (right or wrong, 1 or 0), `question` or `id`, and perhaps
    `verdict`. Rows without a label are passed over: they are still to be labelled.

    InputError with every row that belongs to no item or to several, or whose label is none.
    """
    by_id, by_question = {item.id: item for item in items}, _by_question(items)
    found: list[Label] = []
    problems: list[str] = []
    rows = read_rows(path)
    missing = [name for name in ("reply", "label") if all(name not in row for row in rows)]
    if missing:
        raise InputError(
            f"{path.name}: column {missing[0]!r} is missing (found: {', '.join(rows[0]) if rows else 'no rows'}); "
            "expected question, reply and label"
        )
    for number, row in enumerate(rows, 1):
        said = as_text(row.get("label")).casefold()
        if not said:
            continue
        where = f"{path.name}, {'row' if unit(path.name) == 'row' else 'entry'} {number}"
        item = by_id.get(as_text(row.get("id")))
        candidates = [item] if item is not None else by_question.get(_plain(as_text(row.get("question"))), [])
        if said not in LABELS:
            problems.append(f"{where}: label = {said!r}; expected right or wrong (or 1 or 0)")
        elif not as_text(row.get("reply")):
            problems.append(f"{where}: has no reply")
        elif len(candidates) != 1:
            why = "is in no row of the data" if not candidates else "stands in several rows of the data; give an `id`"
            problems.append(f"{where}: its question {why}")
        else:
            reply = row["reply"] if isinstance(row["reply"], str) else as_text(row["reply"])
            found.append(Label(candidates[0], reply, LABELS[said], as_text(row.get("verdict"))))
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise InputError(problems[:MOST_PROBLEMS] + ([f"and {more} more problems"] if more > 0 else []))
    return found


def agreements(task: Task, labels: Sequence[Label], store: Store | None) -> list[Agreement]:
    """One for each judge that has a verdict on any of these replies, most labels first; one without verdicts where
    none has. InputError where the task is scored without a judge."""
    judge = task.judge
    if judge is None:
        raise InputError(
            f"the task {task.name!r} is scored without a judge; labels of a judge's verdicts say nothing here"
        )
    verdicts: dict[str, list[Score | None]] = {}
    if any(label.verdict for label in labels):
        verdicts[IN_THE_FILE] = [judge.verdict(label.verdict) if label.verdict else None for label in labels]
    if store is not None:
        for name, texts in _recorded(task, labels, store).items():
            verdicts[name] = [None if said is None else judge.verdict(said) for said in texts]
    found = [agreement(name, labels, scores) for name, scores in (verdicts or {"": [None] * len(labels)}).items()]
    return sorted(found, key=lambda one: -one.labels)


def agreement(judge: str, labels: Sequence[Label], verdicts: Sequence[Score | None]) -> Agreement:
    """A judge against the user's labels; a verdict that could not be read counts as none."""
    pairs = [
        (label, score)
        for label, score in zip(labels, verdicts, strict=True)
        if score is not None and score.outcome is not Outcome.NOT_SCORED
    ]
    users, judges = [label.right for label, _ in pairs], [score.outcome is Outcome.RIGHT for _, score in pairs]
    same = sum(a == b for a, b in zip(users, judges, strict=True))
    enough = len(pairs) >= FEWEST_LABELS
    return Agreement(
        judge=judge,
        labels=len(pairs),
        unjudged=len(labels) - len(pairs),
        same=same,
        share=wilson(same, len(pairs)) if enough else None,
        kappa=_kappa(users, judges) if enough else None,
        too_kind=sum(b and not a for a, b in zip(users, judges, strict=True)),
        too_strict=sum(a and not b for a, b in zip(users, judges, strict=True)),
        disagreements=tuple(
            Disagreement(label.item.asked, label.reply, label.right, score.reason)
            for (label, score), said in zip(pairs, judges, strict=True)
            if label.right != said
        ),
    )


def as_json(found: Iterable[Agreement]) -> list[dict[str, Any]]:
    """Agreements as plain values."""
    return [
        {
            "judge": one.judge,
            "labels": one.labels,
            "missing": one.missing,
            "unjudged": one.unjudged,
            "same": one.same,
            "share": None
            if one.share is None
            else {"mean": one.share.mean, "low80": one.share.low80, "high80": one.share.high80},
            "kappa": one.kappa,
            "too_kind": one.too_kind,
            "too_strict": one.too_strict,
        }
        for one in found
    ]


def told(one: Agreement) -> str:
    """One sentence for the user."""
    who = one.judge or "the judge"
    none = f"; on {one.unjudged} labelled replies it has given no verdict" if one.unjudged else ""
    if one.share is None or one.missing:
        return (
            f"{who}: {one.labels} replies are judged by it and by you; {one.missing} more labels are needed before an "
            f"agreement is shown ({FEWEST_LABELS} in all){none}"
        )
    kappa = "undefined, since neither ever varies" if one.kappa is None else f"{one.kappa:.2f}"
    return (
        f"{who} says what you say of {one.same} in {one.labels} replies: {100 * one.share.mean:.0f} % "
        f"(80 % interval {100 * one.share.low80:.0f} to {100 * one.share.high80:.0f}), kappa {kappa}; "
        f"too kind {one.too_kind} times, too strict {one.too_strict} times{none}"
    )


def _kappa(users: Sequence[bool], judges: Sequence[bool]) -> float | None:
    from sklearn.metrics import cohen_kappa_score  # a second of imports that the pages would pay too

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where neither varies; None says it
        kappa = float(cohen_kappa_score(users, judges))
    return kappa if math.isfinite(kappa) else None


def _recorded(task: Task, labels: Sequence[Label], store: Store) -> dict[str, list[str | None]]:
    """Judge's name -> its recorded reply on each of these, for every judge that was ever paid in this store."""
    judge = task.judge
    if judge is None:
        return {}
    with store.reading() as connection:
        names = connection.execute(text("SELECT DISTINCT teacher FROM queries WHERE strategy = :s"), {"s": JUDGE})
        found: dict[str, list[str | None]] = {}
        for name in names.scalars().all():
            keys = [query_key(name, JUDGE, one.item.id, judge.request(one.item, one.reply)) for one in labels]
            replies = [
                connection.execute(
                    text("SELECT reply FROM queries WHERE key = :key AND state = 'settled'"), {"key": key}
                ).scalar()
                for key in keys
            ]
            if any(reply is not None for reply in replies):
                found[str(name)] = [None if said is None else without_reasoning(str(said)) for said in replies]
    return found


def _by_question(items: Sequence[Item]) -> Mapping[str, list[Item]]:
    found: dict[str, dict[str, Item]] = {}
    for item in items:
        for said in (item.question, item.asked):
            found.setdefault(_plain(said), {})[item.id] = item
    return {said: list(ones.values()) for said, ones in found.items()}


def _plain(said: str) -> str:
    return " ".join(said.split())
