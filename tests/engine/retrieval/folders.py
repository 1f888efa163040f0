"""Collections on the disk, and the sandbox's teacher behind a real endpoint."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from engine.domain import Message, Request
from engine.retrieval import world
from engine.retrieval.world_teacher import WorldTeacher


def write_folder(
    folder: Path,
    passages: dict[str, str],
    queries: dict[str, str],
    judged: list[tuple[str, str, int]],
    name: str = "qrels/test.tsv",
) -> Path:
    """A collection in BEIR layout."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for file, rows in (("corpus.jsonl", passages), ("queries.jsonl", queries)):
        text = "".join(json.dumps({"_id": key, "text": value}) + "\n" for key, value in rows.items())
        (folder / file).write_text(text, encoding="utf-8")
    lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{p}\t{grade}" for q, p, grade in judged)]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def small_sandbox(folder: Path, train: int = 24, dev: int = 8, test: int = 20, passages: int = 200) -> Path:
    """A part of the sandbox as a folder: both sides, and passages to hide the relevant ones among."""
    whole = world.collection(train, dev, test)
    queries = (*whole.train, *whole.dev, *whole.test)
    judged = {query.id: next(iter(whole.judgements[query.id])) for query in queries}
    names = dict.fromkeys([*judged.values(), *list(whole.passages)[:passages]])
    write_folder(folder, {name: whole.passages[name] for name in names}, {}, [])
    (folder / "qrels" / "test.tsv").unlink()
    rows = [{"_id": q.id, "text": q.text, "metadata": {"family": q.family, "side": q.side}} for q in queries]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for part in ("train", "dev", "test"):
        lines = [f"{q.id}\t{judged[q.id]}\t1" for q in getattr(whole, part)]
        (folder / "qrels" / f"{part}.tsv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def world_voice(messages: list[dict[str, str]]) -> str:
    """What the sandbox's teacher says to these messages."""
    asked = Request(tuple(Message(m["role"], m["content"]) for m in messages), 200, 0.7, 0)
    return asyncio.run(WorldTeacher().ask(asked)).text
