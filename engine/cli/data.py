"""Rows and replies: a task's scorer tried before anything is paid."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from engine.cli.frame import Commands, command, dumps, tell
from engine.cli.mapping import add_map, mapping
from engine.cli.replies import belonging, items_of
from engine.domain import Item, Outcome, Score
from engine.hub_rows import local
from engine.items import read_rows
from engine.mapping import mapped
from engine.rows import as_text
from engine.scoring import score_reply
from engine.tally import Tally, tally
from engine.tasks import Task, load_task
from engine.tasks.judge import FEWEST_LABELS, agreement

_HUMAN = {"1": True, "true": True, "right": True, "0": False, "false": False, "wrong": False}


def add(commands: Commands) -> None:
    """Declares `score`."""
    score = command(
        commands,
        "score",
        _score,
        "Try a task's scorer on rows and replies; nothing is paid.",
        "seedpilot score --task math --data test.jsonl --replies replies.jsonl --json",
    )
    score.add_argument("--task", required=True, help="a named task, or the path of a task.toml")
    score.add_argument(
        "--data",
        required=True,
        help="JSONL, CSV or Parquet with questions and gold answers, or hub:OWNER/NAME#SPLIT",
    )
    score.add_argument(
        "--replies",
        required=True,
        type=Path,
        help="JSONL, CSV or Parquet with a column `reply`; rows belong to the data by `id`, by `question`, or "
        "line by line. For a judge: `verdict` (what the judge replied) and `human` (right or wrong, as you judge it)",
    )
    add_map(score)
    score.add_argument("--json", action="store_true", help="print one JSON object")


class _Scored(NamedTuple):
    item: Item
    reply: str | None
    score: Score
    human: bool | None


def _score(given: argparse.Namespace) -> int:
    data, note = local(given.data)
    if note is not None:
        tell(note)
    task = load_task(given.task, data)
    read = mapped(task.read_row, task, mapping(given.map), "--map")
    rows, items = items_of(data, read)
    replies = read_rows(given.replies)
    paired = belonging(rows, items, replies, given.replies.name, task)
    scored = [_judged(task, items[at], row) for at, row in paired]
    told = tally(task, [s.item for s in scored], [s.reply for s in scored], [s.score for s in scored])
    unanswered = len(items) - len({at for at, _ in paired})
    agreed = agreement([s.score for s in scored], [s.human for s in scored]) if task.judge else None
    if given.json:
        print(dumps(_json(task, told, scored, unanswered, agreed and agreed._asdict())))
        return 0
    print(_text(task, told, scored, unanswered))
    if task.judge is not None:
        labels = sum(s.human is not None for s in scored)
        said = f"you gave {labels} labels; agreement is shown from {FEWEST_LABELS} judged ones on"
        if agreed is not None:
            kappa = "undefined" if agreed.kappa is None else f"{agreed.kappa:.2f}"
            said = f"judge and you say the same of {agreed.same} in {agreed.labels}; kappa {kappa}"
        print(said)
    return 0


def _judged(task: Task, item: Item, row: Mapping[str, Any]) -> _Scored:
    """One reply's score; a judge's comes from the recorded `verdict`, since nothing is paid here."""
    human = _HUMAN.get(as_text(row.get("human")).casefold())
    if row["reply"] is None:
        return _Scored(item, None, score_reply(task, item, None), human)
    reply = row["reply"] if isinstance(row["reply"], str) else as_text(row["reply"])
    return _Scored(item, reply, score_reply(task, item, reply, as_text(row.get("verdict"))), human)


def _json(
    task: Task, told: Tally, scored: Sequence[_Scored], unanswered: int, agreed: dict[str, Any] | None
) -> dict[str, Any]:
    accuracy = told.accuracy
    return {
        "task": task.name,
        "replies": len(scored),
        "rows_without_reply": unanswered,
        "right": told.right,
        "wrong": told.wrong,
        "not_scored": told.not_scored,
        "accuracy": None if accuracy is None else asdict(accuracy),
        "mean_value": told.mean_value,
        "macro_f1": told.macro_f1,
        "reasons": told.reasons,
        "agreement": agreed,
        "rows": [
            {
                "id": s.item.id,
                "question": s.item.question,
                "gold": s.item.answer,
                "reply": s.reply,
                "answer": None if s.reply is None else task.parse_answer(s.reply),
                "outcome": s.score.outcome.value,
                "value": s.score.value,
                "reason": s.score.reason,
            }
            for s in scored
        ],
    }


def _text(task: Task, told: Tally, scored: Sequence[_Scored], unanswered: int) -> str:
    lines = []
    for s in scored[:20]:
        reason = f" ({s.score.reason})" if s.score.reason else ""
        lines.append(f"{s.score.outcome.value:<10}  {_short(s.item.question)}  ->  {_short(s.reply or '')}{reason}")
    if len(scored) > 20:
        tell(f"The first 20 of {len(scored)} rows; --json has them all.")
    share = "no reply was scored"
    if told.accuracy is not None:
        a = told.accuracy
        share = f"{100 * a.mean:.1f} % right (80 % interval {100 * a.low80:.1f} to {100 * a.high80:.1f})"
    lines.append(f"{task.name}: {told.right} right, {told.wrong} wrong, {told.not_scored} not scored; {share}")
    if told.mean_value is not None:
        lines.append(
            f"mean value {told.mean_value:.3f}"
            + (f", macro-F1 {told.macro_f1:.3f}" if told.macro_f1 is not None else "")
        )
    for outcome in (Outcome.NOT_SCORED, Outcome.WRONG):
        lines += [f"  {outcome.value}: {n} x {why}" for why, n in list(told.reasons.get(outcome.value, {}).items())[:8]]
    if unanswered:
        lines.append(f"{unanswered} rows have no reply")
    return "\n".join(lines)


def _short(text: str, length: int = 50) -> str:
    """On one line, without what a terminal would obey."""
    flat = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return flat if len(flat) <= length else f"{flat[: length - 3]}..."
