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
from engine.errors import InputError
from engine.hub_rows import local
from engine.items import read_rows
from engine.judge_agreement import IN_THE_FILE, Agreement, Label, agreement, agreements, as_json, read_labels
from engine.judge_agreement import told as agreement_told
from engine.mapping import mapped
from engine.rows import as_text
from engine.scoring import score_reply
from engine.settings import Settings
from engine.store import Store
from engine.tally import Tally, tally
from engine.tasks import Task, load_task

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
        type=Path,
        help="JSONL, CSV or Parquet with a column `reply`; rows belong to the data by `id`, by `question`, or "
        "line by line. For a judge: `verdict` (what the judge replied) and `human` (right or wrong, as you judge it)",
    )
    score.add_argument(
        "--judge-labels",
        type=Path,
        metavar="FILE",
        help="replies that you have judged yourself (`question` or `id`, `reply`, `label`: right or wrong): how often "
        "the judge says the same, by the verdicts that were paid for in earlier runs, or a column `verdict`",
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
    if given.judge_labels is not None:
        return _judge(given, task, items)
    if given.replies is None:
        raise InputError("--replies is missing; give a file of replies to score, or --judge-labels")
    replies = read_rows(given.replies)
    paired = belonging(rows, items, replies, given.replies.name, task)
    scored = [_judged(task, items[at], row) for at, row in paired]
    told = tally(task, [s.item for s in scored], [s.reply for s in scored], [s.score for s in scored])
    unanswered = len(items) - len({at for at, _ in paired})
    agreed = None if task.judge is None else _agreed(scored)
    if given.json:
        print(dumps(_json(task, told, scored, unanswered, None if agreed is None else as_json([agreed])[0])))
        return 0
    print(_text(task, told, scored, unanswered))
    if agreed is not None:
        print(agreement_told(agreed))
    return 0


def _agreed(scored: Sequence[_Scored]) -> Agreement:
    """The recorded verdicts against the labels that stand beside them."""
    both = [s for s in scored if s.human is not None and s.reply is not None]
    labels = [Label(s.item, s.reply or "", bool(s.human)) for s in both]
    return agreement(IN_THE_FILE, labels, [s.score for s in both])


def _judge(given: argparse.Namespace, task: Task, items: Sequence[Item]) -> int:
    """Labels of a file against the verdicts that there are."""
    home = Settings().store_path
    found = agreements(task, read_labels(given.judge_labels, items), Store(home) if home.exists() else None)
    print(dumps({"task": task.name, "agreements": as_json(found)}) if given.json else _agreements(found))
    return 0


def _agreements(found: Sequence[Agreement]) -> str:
    lines = []
    for one in found:
        lines.append(agreement_told(one))
        for row in one.disagreements[:20]:
            you = "right" if row.user else "wrong"
            lines.append(
                f"  you: {you:<5}  {_short(row.question)}  ->  {_short(row.reply)} ({_short(row.judge_reason)})"
            )
    return "\n".join(lines)


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
