"""A trained adapter as a folder to take away: its weights, its config without paths of this machine, and its card."""

from __future__ import annotations

import json
import re
import shutil
import time
import zipfile
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.comparison import wilson
from engine.domain import Mixed, Recipe, Strategy
from engine.errors import InputError
from engine.job_files import read_json
from engine.model_card import Made, ModelCard, as_markdown
from engine.plan import PLAIN, PilotPlan, check_plan
from engine.plan_task import name_of
from engine.recipe_sources import kept_settings
from engine.records import CellRow
from engine.sandbox.recipe import SANDBOX_RECIPE
from engine.store import Store

WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "README.md"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def adapters(store: Store, run_id: str) -> list[CellRow]:
    """The measured cells of a run whose adapters lie on the disk, the largest budget and then the best first."""
    found = [
        row
        for row in store.cells(run_id)
        if row.measurement is not None and row.folder and (Path(row.folder) / "adapter" / WEIGHTS).is_file()
    ]
    return sorted(
        found,
        key=lambda row: (row.cell.variant == PLAIN, row.cell.budget, _accuracy(row)),
        reverse=True,
    )


def adapter_of(store: Store, run_id: str, key: str | None = None) -> CellRow:
    """That cell, or the first of `adapters`; InputError where there is none."""
    found = adapters(store, run_id)
    if not found:
        store.run(run_id)
        raise InputError(f"run {run_id} has no adapter on the disk; `seedpilot show {run_id}` says what it measured")
    if key is None:
        return found[0]
    row = next((row for row in found if row.cell.key == key), None)
    if row is None:
        raise InputError(f"--cell {key}: is none of the adapters of {run_id}: {', '.join(r.cell.key for r in found)}")
    return row


def write_adapter(store: Store, run_id: str, row: CellRow, folder: Path) -> None:
    """Writes adapter, config and card into that folder, which is made; InputError where it holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: holds something already; give a new or an empty folder")
    source = Path(str(row.folder)) / "adapter"
    config = read_json(source / CONFIG)
    if config is None:
        raise InputError(f"{source / CONFIG}: cannot be read, so the adapter cannot be taken away")
    plan = check_plan(store.run(run_id).plan)
    folder.mkdir(parents=True, exist_ok=True)
    # peft needs the name of the base; where the base lies on this machine is nobody's business.
    config["base_model_name_or_path"] = base_of(plan)[0]
    (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    shutil.copyfile(source / WEIGHTS, folder / WEIGHTS)
    (folder / CARD).write_text(as_markdown(card_of(store, run_id, row, merged=False)), encoding="utf-8")


def zipped_adapter(store: Store, run_id: str, row: CellRow) -> Path:
    """The same as a ZIP file in the run's folder, made anew."""
    target = store.folder(run_id) / f"{row.cell.key}.zip"
    part = target.with_suffix(".partial")
    shutil.rmtree(part, ignore_errors=True)
    try:
        write_adapter(store, run_id, row, part)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:  # weights do not shrink
            for entry in sorted(part.iterdir()):
                file.write(entry, f"{row.cell.key}/{entry.name}")
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def card_of(store: Store, run_id: str, row: CellRow, *, merged: bool) -> ModelCard:
    """What the card of that cell's model says."""
    run, cell, measured = store.run(run_id), row.cell, row.measurement
    plan = check_plan(run.plan)
    base, on_hub = base_of(plan)
    task = name_of(plan)
    return ModelCard(
        name=f"{run.name}: {cell.arm.value.replace('_', ' ')}, {cell.budget:,} queries",
        base=base,
        base_on_hub=on_hub,
        task=re.sub(r"^\d+-", "", task),
        merged=merged,
        seeds=cell.seeds,
        generated=0 if measured is None else measured.examples,
        made=_made(store, run_id, row),
        recipe=_recipe(store.folder(run_id), plan, row),
        accuracy=None if measured is None else wilson(measured.correct, measured.scored),
        scored=0 if measured is None else measured.scored,
        not_scored=0 if measured is None else measured.not_scored,
        chosen_from=len(adapters(store, run_id)),
        sandbox=plan.sandbox_parts,
        run=run_id,
        date=time.strftime("%Y-%m-%d", time.gmtime(run.finished_at or run.created_at)),
        version=version("seedpilot"),
    )


def base_of(plan: PilotPlan) -> tuple[str, bool]:
    """What others may call the student, and whether the hub knows that name."""
    if not plan.sandbox_student and _HUB_ID.fullmatch(plan.student) and not Path(plan.student).exists():
        return plan.student, True
    return ("seedpilot-sandbox-student" if plan.sandbox_student else Path(plan.student).name), False


def _accuracy(row: CellRow) -> float:
    return 0.0 if row.measurement is None or row.measurement.accuracy is None else row.measurement.accuracy


def _made(store: Store, run_id: str, row: CellRow) -> tuple[Made, ...]:
    """What each pool kept that this cell may have learned from: a smaller cell used the first part of it."""
    arm = row.cell.arm
    arms = tuple(Strategy) if isinstance(arm, Mixed) else (arm,) if isinstance(arm, Strategy) else ()
    found = []
    for pool in store.pools(run_id):
        made, _, size = pool.name.rpartition("-s")
        strategy, _, variant = made.partition("-")
        if (
            strategy not in arms
            or int(size or 0) != row.cell.seeds
            or (variant or PLAIN) not in (PLAIN, row.cell.variant)
        ):
            continue
        teachers = _teachers(Path(pool.folder) / "examples.jsonl")
        name = f"{strategy.replace('_', ' ')}, of a pool of {sum(pool.counts.values()):,} visits"
        found.append(Made(name, pool.counts.get("kept", 0), teachers))
    return tuple(found)


def _teachers(examples: Path) -> tuple[str, ...]:
    try:
        with examples.open(encoding="utf-8") as lines:
            counted = Counter(str(json.loads(line).get("teacher") or "unknown") for line in lines)
    except (OSError, ValueError):
        return ()
    return tuple(name for name, _ in counted.most_common())


def _recipe(folder: Path, plan: PilotPlan, row: CellRow) -> list[tuple[str, str]]:
    """The settings as they were kept with the run; for a run of before, as its plan spells them."""
    kept = [(one.name, str(one.value)) for one in kept_settings(folder)]
    spelled: dict[str, Any] = asdict(plan.recipe(SANDBOX_RECIPE if plan.sandbox_student else Recipe()))
    found = kept or [(name, str(value)) for name, value in spelled.items()]
    own = [(name, str(row.detail[name])) for name in ("seed", "steps") if name in row.detail]
    return [*((f"training {name}", value) for name, value in own), *found]
