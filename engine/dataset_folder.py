"""The data set folder: what a run generated, as files that trainers and `datasets.load_dataset` take as they are.

Rows are streamed from the pools' `examples.jsonl`, so that memory stays flat. The folder is written beside its place
and moved there whole; one that holds anything that SeedPilot did not write is left alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.data_card import KEPT, Asked, Card, as_markdown
from engine.dataset_files import PROVENANCE, REJECTED, REJECTED_SCHEMA, Rows, origin_of, parquet_rows, repeated
from engine.domain import Item
from engine.errors import InputError
from engine.seen import Marks, number
from engine.tasks import Task
from engine.trainer_configs import CHAT_PAIRS, FILES, MESSAGES, PAIRS, Training, axolotl_config, trl_config

CARD = "README.md"
WRITTEN = frozenset({*FILES.values(), f"{PROVENANCE}.parquet", f"{REJECTED}.parquet", CARD, "trl.yaml", "axolotl.yaml"})
"""All that a data set folder may hold."""
SEED = "seed"
"""Source of a row that is a seed; the others name their strategy."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What one strategy generated."""

    strategy: str
    examples: Path
    """The pool's `examples.jsonl`; it need not exist where nothing was kept."""
    counts: Mapping[str, int]
    """Visits by reason."""
    queries: int | None = None
    """What it was given; None where a pilot made it."""
    rejected: Path | None = None
    """JSONL with the columns of `rejected.parquet` by name; None where only their counts are known."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a folder is made of."""

    task: Task
    seeds: tuple[Item, ...]
    """All that were visited."""
    with_seeds: bool
    pools: tuple[Pool, ...]
    training: Training
    """Recipe and student of the configs; its number of examples is filled in here."""
    card: Card
    """What is known beforehand; strategies, rows and files are filled in here."""


def problems_of(folder: Path) -> list[str]:
    """Why a data set cannot be written there; empty where it can."""
    parent = next((one for one in folder.parents if one.exists()), None)
    if folder.is_symlink():
        return [f"{folder}: is a link, and what it leads to would be replaced; give the folder itself"]
    if not folder.exists():
        if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
            return [f"{folder}: no folder can be made in {parent}; give a place that you may write to"]
        return []
    if not folder.is_dir():
        return [f"{folder}: is a file; give the name of a folder, which may be new"]
    own = sorted(entry.name for entry in folder.iterdir() if entry.name not in WRITTEN or not entry.is_file())
    if own:
        more = f" and {len(own) - 3} more" if len(own) > 3 else ""
        return [
            f"{folder}: holds {', '.join(own[:3])}{more}, which no data set folder does; give a new or an empty folder"
        ]
    return []


def write_folder(folder: Path, data: DataSet) -> Card:
    """Writes the folder, whole or not at all, in place of a data set that was there; returns what its card says.

    Of examples that several strategies came to, the first stays and the others count as `duplicate`. InputError
    where the place holds something else, or where nothing at all was kept.
    """
    if problems := problems_of(folder):
        raise InputError(problems)
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    new = folder.with_name(f".{folder.name}.{mark}.new")
    old = folder.with_name(f".{folder.name}.{mark}.old")
    try:
        new.mkdir()
        card = _fill(new, data)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
    return card


def as_zip(target: Path, name: str, data: DataSet) -> Card:
    """The same folder as a ZIP file, with everything under `name/`."""
    folder = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        card = write_folder(folder, data)
        part = folder / "zip"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
            for entry in sorted(WRITTEN):
                if (folder / entry).is_file():
                    file.write(folder / entry, f"{name}/{entry}")
        part.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return card


def _fill(folder: Path, data: DataSet) -> Card:
    """Writes every file into an empty folder."""
    asked: list[Asked] = []
    seen = Marks()
    told = all(pool.rejected is not None for pool in data.pools)
    with Rows.into(folder) as rows, parquet_rows(folder / f"{REJECTED}.parquet", REJECTED_SCHEMA) as reject:
        for seed in data.seeds:
            turns = _seed_row(data.task, seed)
            seen.new(_identity(turns))
            if data.with_seeds:
                rows.write(SEED, turns, {"seed_id": seed.id})
        for pool in data.pools:
            found = _Found()
            for one in _lines(pool.rejected):
                reject(one)
            for row in _lines(pool.examples):
                if seen.new(_identity(row["messages"])):
                    found.add(row)
                    rows.write(pool.strategy, row["messages"], origin_of(row))
                else:
                    found.repeated += 1
                    reject(repeated(pool.strategy, row))
            asked.append(found.asked(pool))
    left_out = sum(count for one in asked for reason, count in one.counts.items() if reason != KEPT)
    if not rows.count:
        raise InputError("nothing was kept, and the seeds are left out: there is no data set to write")
    files = {name: FILES[name] for name in (MESSAGES, PAIRS, CHAT_PAIRS)}
    tables = {PROVENANCE: f"{PROVENANCE}.parquet"}
    if told and left_out:
        tables[REJECTED] = f"{REJECTED}.parquet"
    else:
        (folder / f"{REJECTED}.parquet").unlink()
    training = replace(data.training, examples=rows.count)
    (folder / "trl.yaml").write_text(trl_config(training), encoding="utf-8")
    (folder / "axolotl.yaml").write_text(axolotl_config(training), encoding="utf-8")
    seed_rows = len(data.seeds) if data.with_seeds else 0
    card = replace(
        data.card, asked=tuple(asked), seeds=len(data.seeds), seed_rows=seed_rows, files=files, tables=tables
    )
    (folder / CARD).write_text(as_markdown(card), encoding="utf-8")
    return card


class _Found:
    """What a pool's kept rows have in common."""

    def __init__(self) -> None:
        self.kept = self.repeated = 0
        self.names: dict[str, dict[str, None]] = {"teacher": {}, "augmenter": {}, "prompts": {}}

    def add(self, row: Mapping[str, Any]) -> None:
        self.kept += 1
        for name, found in self.names.items():
            if row.get(name):
                found[row[name]] = None

    def asked(self, pool: Pool) -> Asked:
        counts = Counter(pool.counts)
        counts["duplicate"] += self.repeated
        counts[KEPT] = self.kept
        teachers, augmenters, prompts = (tuple(found) for found in self.names.values())
        counted = {reason: count for reason, count in counts.items() if count or reason == KEPT}
        return Asked(pool.strategy, counted, pool.queries, teachers, augmenters, prompts)


def _lines(path: Path | None) -> Iterable[dict[str, Any]]:
    if path is None or not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _seed_row(task: Task, seed: Item) -> list[dict[str, str]]:
    asked = [{"role": message.role, "content": message.content} for message in task.student_prompt(seed.asked)]
    return [*asked, {"role": "assistant", "content": seed.answer}]


def _identity(messages: Sequence[Mapping[str, str]]) -> int:
    """Of an example's words; a number, so that a large data set's marks stay small."""
    said = " ".join("\x00".join(one["content"] for one in messages).split()).casefold()
    return number(said.encode(errors="surrogatepass"))
