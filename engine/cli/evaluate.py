"""A student's answers to test items, or a file of them from elsewhere: scored, with intervals."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from engine.cli.frame import Commands, command, dumps, tell
from engine.cli.mapping import add_map, mapping
from engine.cli.replies import belonging, items_of
from engine.comparison import Z95, detectable_difference, duel, wilson
from engine.domain import GoldLikelihood, Item, Outcome, Score
from engine.errors import InputError
from engine.hub_rows import local
from engine.items import read_rows, write_jsonl
from engine.mapping import mapped
from engine.paired import difference
from engine.recording import prediction_rows
from engine.rows import as_text
from engine.student import check_student
from engine.tally import mean_gold_loss, tally
from engine.tasks import Task, load_task
from engine.tasks.outcomes import not_scored

REPLY_COLUMNS = ("reply", "prediction", "output", "response", "completion", "generated_text")
"""What files of predictions call the reply, the first that a row has."""
MAX_NEW_TOKENS = 200
"""As a plan has it unless it says otherwise."""


class _Answers(NamedTuple):
    """What there is of a student's answers, item by item."""

    replies: tuple[str | None, ...]
    gold: tuple[GoldLikelihood | None, ...]
    """How likely the gold answers are; empty where the student is not at hand."""
    told: dict[str, Any]
    """Facts for the output beside the scores."""
    notes: tuple[str, ...]


def add(commands: Commands) -> None:
    """Declares the command."""
    evaluate = command(
        commands,
        "evaluate",
        _evaluate,
        "Scores a student, with or without an adapter, or predictions from elsewhere, on test items; nothing is paid.",
        "seedpilot evaluate --task math --test test.jsonl --student ./student --adapter ./adapter --json",
    )
    evaluate.add_argument("--task", required=True, help="a named task, or the path of a task.toml")
    evaluate.add_argument(
        "--test", required=True, help="JSONL, CSV or Parquet with questions and gold answers, or hub:OWNER/NAME#SPLIT"
    )
    which = evaluate.add_mutually_exclusive_group(required=True)
    which.add_argument("--student", help="a folder in hub layout, a hub id, or `sandbox`")
    which.add_argument(
        "--predictions",
        type=Path,
        help="replies of a model that runs elsewhere, a row each with `reply`; rows belong to the test items by `id`, "
        "by `question`, or line by line",
    )
    evaluate.add_argument("--adapter", type=Path, help="folder of a LoRA adapter in peft's layout, for --student")
    evaluate.add_argument("--against", type=Path, help="predictions of another model, compared on the same items")
    evaluate.add_argument("--max-new-tokens", type=int, default=MAX_NEW_TOKENS, help="of an answer (default: 200)")
    evaluate.add_argument("--stop", action="append", default=[], help="a text that ends an answer; may be repeated")
    evaluate.add_argument("--out", type=Path, help="writes predictions.jsonl there, item by item")
    add_map(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")


def _evaluate(given: argparse.Namespace) -> int:
    problems = []
    if given.adapter is not None and given.student is None:
        problems.append("--adapter belongs to a --student; predictions have their adapter behind them")
    if given.max_new_tokens < 1:
        problems.append(f"--max-new-tokens {given.max_new_tokens}: expected at least 1")
    if given.adapter is not None and not given.adapter.is_dir():
        problems.append(f"--adapter {given.adapter}: there is no such folder")
    if problems:
        raise InputError(problems)
    test, note = local(given.test)
    task = load_task(given.task, test)
    rows, items = items_of(test, mapped(task.read_row, task, mapping(given.map), "--map"))
    # An item that stands there twice is one item, as in a pilot; replies may still follow line by line.
    once = list({item.id: at for at, item in reversed(list(enumerate(items)))}.values())[::-1]
    # Read before the student answers: a wrong file should not be known only after an hour.
    against = None if given.against is None else _read(given.against, rows, items, task, once)
    if given.predictions is not None:
        replies = _read(given.predictions, rows, items, task, once)
    repeats, items = len(items) - len(once), [items[at] for at in once]
    if given.predictions is not None:
        answers = _Answers(replies, (), {"predictions": str(given.predictions)}, ())
    else:
        answers = _ask(given, task, items)
    scores = _scored(task, items, answers.replies)
    told = _told(task, items, answers, scores) | {"repeats": repeats}
    told["notes"] = [*([note] if note else []), *answers.notes]
    told["against"] = None
    if against is not None:
        told["against"] = _compared(items, scores, _scored(task, items, against), str(given.against))
    if given.out is not None:
        file = given.out / "predictions.jsonl"
        write_jsonl(file, prediction_rows(items, answers.replies, scores, answers.gold))
        told["written"] = str(file)
    print(dumps(told) if given.json else _text(told))
    return 0


def _read(
    path: Path, rows: Sequence[dict[str, Any]], items: Sequence[Item], task: Task, once: Sequence[int]
) -> tuple[str | None, ...]:
    """A file's reply to each of the items at `once`; None where it has none."""
    given = read_rows(path)
    column = next((name for name in REPLY_COLUMNS if given and name in given[0]), "reply")
    replies = [{"reply": row[column], **row} if column in row else row for row in given]
    found: dict[int, str | None] = {}
    twice: list[int] = []
    for at, row in belonging(rows, items, replies, path.name, task):
        if at in found:
            twice.append(at + 1)
        found[at] = None if row["reply"] is None else as_text(row["reply"])
    if twice:
        raise InputError(f"{path.name}: {len(twice)} test items have several replies, the first is row {twice[0]}")
    return tuple(found.get(at) for at in once)


def _ask(given: argparse.Namespace, task: Task, items: Sequence[Item]) -> _Answers:
    from engine.adapters import read_adapter
    from engine.inference import adapted, load, replies
    from engine.likelihood import gold_likelihoods

    student = load(given.student)
    notes = []
    if not student.tokenizer.chat_template:
        notes.append("The student has no chat template: it reads plain texts, one a line.")
    if given.adapter is not None:
        base = read_adapter(student.model, given.adapter).base
        own = Path(check_student(given.student).path)
        if base is not None and Path(base).resolve() != own.resolve() and Path(base).name != own.name:
            notes.append(f"The adapter names {base} as its base, not {given.student}: it fits by its shapes alone.")
    questions = [task.student_prompt(item.asked) for item in items]
    begun = time.perf_counter()
    with adapted(student, given.adapter) as speaker:
        answered = replies(speaker, questions, given.max_new_tokens, given.stop)
        gold = gold_likelihoods(speaker, questions, [item.answer for item in items])
    if answered.cut_prompts:
        notes.append(
            f"{answered.cut_prompts} questions do not fit into the student's {student.context} tokens beside an "
            "answer: of these the last part was read."
        )
    if answered.unended:
        notes.append(
            f"{answered.unended} answers came to no end within {given.max_new_tokens} tokens (--max-new-tokens)."
        )
    return _Answers(
        answered.texts,
        gold,
        {
            "student": given.student,
            "adapter": None if given.adapter is None else str(given.adapter),
            "cut_prompts": answered.cut_prompts,
            "unended": answered.unended,
            "gold_loss": mean_gold_loss(gold),
            "seconds": round(time.perf_counter() - begun, 2),
        },
        tuple(notes),
    )


def _scored(task: Task, items: Sequence[Item], replies: Sequence[str | None]) -> list[Score]:
    return [
        not_scored("no reply") if reply is None else task.score_item(item, reply)
        for item, reply in zip(items, replies, strict=True)
    ]


def _told(task: Task, items: Sequence[Item], answers: _Answers, scores: Sequence[Score]) -> dict[str, Any]:
    found = tally(task, items, answers.replies, scores)
    n = found.right + found.wrong
    wide = wilson(found.right, n, Z95)
    return {
        "task": task.name,
        **answers.told,
        "items": len(items),
        "n": n,
        "right": found.right,
        "wrong": found.wrong,
        "not_scored": found.not_scored,
        "unanswered": sum(reply is None for reply in answers.replies),
        "accuracy": None
        if found.accuracy is None or wide is None
        else asdict(found.accuracy) | {"low95": wide.low80, "high95": wide.high80},
        "mean_value": found.mean_value,
        "macro_f1": found.macro_f1,
        "reasons": found.reasons,
        "detectable_points": 100 * detectable_difference(n) if n else None,
    }


def _compared(items: Sequence[Item], scores: Sequence[Score], others: Sequence[Score], name: str) -> dict[str, Any]:
    """This model less the other, on the items that both have a score for."""
    one, other = _outcomes(scores), _outcomes(others)
    families = [item.family for item in items]
    found = difference([one], [other], families)
    exact = duel(one, other)
    if found is None:
        return {"predictions": name, "items": 0, "difference": None}
    alone = all(family is None for family in families)
    return {
        "predictions": name,
        "items": found.items,
        "left_out": found.left_out,
        "families": found.families,
        "difference": found.difference,
        "low95": found.low,
        "high95": found.high,
        "won": exact.won,
        "lost": exact.lost,
        "p": exact.p if alone else found.p,
        "test": "McNemar, exact" if alone else "paired bootstrap, clustered by family",
    }


def _outcomes(scores: Sequence[Score]) -> list[float | None]:
    return [None if one.outcome == Outcome.NOT_SCORED else float(one.outcome == Outcome.RIGHT) for one in scores]


def _text(told: dict[str, Any]) -> str:
    who = told.get("predictions") or " with ".join(x for x in (told["student"], told.get("adapter")) if x)
    lines = [f"{told['task']}, {who}: nothing could be scored of {told['items']} items"]
    if (a := told["accuracy"]) is not None:
        lines = [
            f"{told['task']}, {who}: {100 * a['mean']:.1f} % right of {told['n']} "
            f"(80 % interval {100 * a['low80']:.1f} to {100 * a['high80']:.1f}), {told['not_scored']} not scored"
        ]
    if told["mean_value"] is not None:
        f1 = "" if told["macro_f1"] is None else f", macro-F1 {told['macro_f1']:.3f}"
        lines.append(f"mean value {told['mean_value']:.3f}{f1}")
    if told.get("gold_loss") is not None:
        chance = math.exp(-told["gold_loss"])
        lines.append(f"gold answers: loss {told['gold_loss']:.3f} nats a token (each token likely at {chance:.1%})")
    if told["detectable_points"] is not None:
        lines.append(
            f"{told['n']} items show differences from {told['detectable_points']:.1f} points on, four times in five"
        )
    if (b := told["against"]) is not None:
        said = "no item is scored for both"
        if b["difference"] is not None:
            low, high = 100 * b["low95"], 100 * b["high95"]
            said = (
                f"{100 * b['difference']:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}) on {b['items']} items"
            )
            said += f", p = {b['p']:.3g} ({b['test']})"
        lines.append(f"against {b['predictions']}: {said}")
    for note in told["notes"]:
        tell(note)
    if "written" in told:
        lines.append(f"item by item: {told['written']}")
    return "\n".join(lines)
