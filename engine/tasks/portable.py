"""A task that can be filed away: a copy that needs none of the small files that lay beside it."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from engine.tasks.kinds import database_folder
from engine.tasks.presets import NAMES


def portable(name: str, data: Path, folder: Path) -> str:
    """The name of the task to file: a named one as it is, or the path of a task file written into `folder`.

    The user's scorer and a schema are copied. Databases are named by their full
    path: they may be large. The task has been loaded before, so its file is known to be sound.
    """
    if name in NAMES:
        found = database_folder(data.parent) if name == "text_to_sql" else None
        if found is None:
            return name
        return _written({"preset": name, "scorer": {"databases": str(found.resolve())}}, folder, f"{name}.toml")
    source = Path(name)
    raw = tomllib.loads(source.read_text(encoding="utf-8"))
    scorer = raw.get("scorer", {})
    for table, key in ((scorer, "file"), (raw, "schema")):
        if isinstance(table.get(key), str):
            folder.mkdir(parents=True, exist_ok=True)
            copy = folder / f"{key}-{Path(table[key]).name}"
            shutil.copyfile(source.parent / table[key], copy)
            table[key] = copy.name
    if scorer.get("kind", raw.get("preset")) in ("sql", "text_to_sql"):
        found = database_folder(source.parent, scorer.get("databases", ""))
        if found is not None:
            raw["scorer"] = {**scorer, "databases": str(found.resolve())}
    return _written(raw, folder, source.name)


def _written(raw: dict[str, Any], folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return str(path)
