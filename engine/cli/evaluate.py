"""A student's answers to test items, or a file of them from elsewhere: scored, with intervals."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.cli.evaluated import compared, text_of, told_of
from engine.cli.frame import Commands, command, dumps
from engine.cli.mapping import add_map, mapping
from engine.cli.replies import belonging, items_of
from engine.domain import GoldLikelihood, Item, Score
from engine.errors import InputError
from engine.hub_rows import local
from engine.imported import check_name, import_cell
from engine.items import read_rows, write_jsonl
from engine.mapping import mapped
from engine.prepare import prepare
from engine.recording import prediction_rows
from engine.rows import as_text
from engine.runs import plan_of
from engine.settings import Settings, key_from_environment
from engine.store import Store
from engine.student import check_student
from engine.tally import mean_gold_loss
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
    evaluate.add_argument("--task", help="a named task, or the path of a task.toml")
    evaluate.add_argument(
        "--test", help="JSONL, CSV or Parquet with questions and gold answers, or hub:OWNER/NAME#SPLIT"
    )
    evaluate.add_argument("--run", help="instead of both: a run, whose task and test items are taken; the result is")
    evaluate.add_argument("--name", help="recorded in it as a cell of that name, in the ladder of its page")
    which = evaluate.add_mutually_exclusive_group(required=True)
    which.add_argument("--student", help="a folder in hub layout, a hub id, or `sandbox`")
    which.add_argument(
        "--predictions",
        type=Path,
        help="replies of a model that runs elsewhere, a row each with `reply`; rows belong to the test items by `id`, "
        "by `question`, or line by line",
    )
    which.add_argument(
        "--server",
        help="address of an OpenAI-compatible server that answers as the student (http://127.0.0.1:8000/v1, vLLM with "
        "LoRA); with --model, and --key-env where it asks for a key",
    )
    evaluate.add_argument("--model", help="the server's name for the student, or for an adapter that it serves")
    evaluate.add_argument("--key-env", help="name of the environment variable with the server's key")
    evaluate.add_argument(
        "--adapter", type=Path, help="folder of a LoRA adapter in peft's layout, for --student or --server"
    )
    evaluate.add_argument("--against", type=Path, help="predictions of another model, compared on the same items")
    evaluate.add_argument("--max-new-tokens", type=int, default=MAX_NEW_TOKENS, help="of an answer (default: 200)")
    evaluate.add_argument("--stop", action="append", default=[], help="a text that ends an answer; may be repeated")
    evaluate.add_argument("--out", type=Path, help="writes predictions.jsonl there, item by item")
    add_map(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")


def _evaluate(given: argparse.Namespace) -> int:
    problems = _source_problems(given)
    if given.adapter is not None and given.predictions is not None:
        problems.append("--adapter belongs to a --student or --server; predictions have their adapter behind them")
    if given.max_new_tokens < 1:
        problems.append(f"--max-new-tokens {given.max_new_tokens}: expected at least 1")
    if given.adapter is not None and not given.adapter.is_dir():
        problems.append(f"--adapter {given.adapter}: there is no such folder")
    if problems:
        raise InputError(problems)
    store = Store(Settings().store_path)
    prepared = None if given.run is None else prepare(plan_of(store.run(given.run)))
    note = None
    rows: Sequence[dict[str, Any]]
    items: Sequence[Item]
    if prepared is not None:
        task, items = prepared.task, prepared.test
        rows = [{} for _ in items]
    else:
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
    elif given.server is not None:
        answers = _ask_server(given, task, items)
    else:
        answers = _ask(given, task, items)
    scores = _scored(task, items, answers.replies)
    told = told_of(task, items, answers.replies, answers.told, scores) | {"repeats": repeats}
    told["notes"] = [*([note] if note else []), *answers.notes]
    told["against"] = None
    if against is not None:
        told["against"] = compared(items, scores, _scored(task, items, against), str(given.against))
    if given.out is not None:
        file = given.out / "predictions.jsonl"
        write_jsonl(file, prediction_rows(items, answers.replies, scores, answers.gold))
        told["written"] = str(file)
    if prepared is not None:
        import_cell(store, given.run, prepared, given.name, answers.replies, scores, answers.gold)
        told |= {"run": given.run, "name": given.name}
    print(dumps(told) if given.json else text_of(told))
    return 0


def _source_problems(given: argparse.Namespace) -> list[str]:
    """What does not fit together about where items and answers come from."""
    problems = []
    if given.run is None:
        problems += [
            f"--{name}: is missing (or give --run)" for name in ("task", "test") if getattr(given, name) is None
        ]
        if given.name is not None:
            problems.append("--name: names a cell of a run; give --run too")
    else:
        problems += [
            f"--{name}: the run brings its own; leave it out" for name in ("task", "test") if getattr(given, name)
        ]
        if given.name is None:
            problems.append("--run: the cell needs a name; give --name")
        else:
            try:
                check_name(given.name)
            except InputError as error:
                problems += error.problems
    if given.server is not None and not given.model:
        problems.append("--server: which model? give the server's name for it with --model")
    if given.server is None and (given.model or given.key_env):
        problems.append("--model and --key-env belong to --server")
    return problems


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
    from engine.inference import adapted, replies
    from engine.likelihood import gold_likelihoods
    from engine.loading import load

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


def _ask_server(given: argparse.Namespace, task: Task, items: Sequence[Item]) -> _Answers:
    """The same through a server; how likely the gold answers are is not known there."""
    from engine.served import Server, adapter_on, answers_of

    if refusal := Settings().refusal(given.server):
        raise InputError(f"--server: {refusal}")
    key = key_from_environment(given.key_env) if given.key_env else None
    if given.key_env and key is None:
        raise InputError(f"--key-env: the environment variable {given.key_env} is not set")
    begun = time.perf_counter()
    server = Server(given.server, given.model, key)
    if given.adapter is not None:
        server = adapter_on(server, given.adapter)
    questions = [task.student_prompt(item.asked) for item in items]
    replies = answers_of(server, questions, given.max_new_tokens, given.stop)
    told = {
        "student": f"{server.model} at {given.server}",
        "adapter": None if given.adapter is None else str(given.adapter),
        "seconds": round(time.perf_counter() - begun, 2),
    }
    return _Answers(replies, (), told, ())


def _scored(task: Task, items: Sequence[Item], replies: Sequence[str | None]) -> list[Score]:
    return [
        not_scored("no reply") if reply is None else task.score_item(item, reply)
        for item, reply in zip(items, replies, strict=True)
    ]
