"""A run's examples as a data set folder to take away: a full run's own, or one made of a pilot's pools."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from engine import hand_edits
from engine.curation import KEPT
from engine.data_card import Card
from engine.dataset_folder import WRITTEN, DataSet, Pool, as_zip
from engine.domain import Strategy
from engine.errors import InputError
from engine.full_prepare import prepare_full, training_of
from engine.plan import check_plan
from engine.pools import EXAMPLES, REJECTED, usd_of
from engine.prepare import prepare
from engine.records import FULL, PoolRow
from engine.store import Store


def exportable(store: Store, run_id: str) -> bool:
    """Whether there is anything to take away now; reads no file but looks for them."""
    return any((Path(pool.folder) / EXAMPLES).is_file() for pool in _largest(store.pools(run_id)))


def export(store: Store, run_id: str) -> Path:
    """The ZIP file of the run's data set, made anew; InputError where there is nothing in it."""
    plan = check_plan(store.run(run_id).plan)
    target = store.folder(run_id) / f"{run_id}-data.zip"
    by_hand = hand_edits.told(store.folder(run_id))
    full = plan.full if run_id.startswith(FULL) else None
    if full is not None and not by_hand:
        return _zipped(Path(full.folder), target, run_id)
    prepared = prepare(plan) if full is None else prepare_full(plan).prepared
    found = _largest(store.pools(run_id))
    sizes = [_size(row) for row in found]
    pools = tuple(hand_edits.with_changes(store.folder(run_id), row.name, _pool(row)) for row in found)
    ids = [row for pool in pools for row in _query_ids(pool.examples)]
    run = store.run(run_id)
    practice = [part for part in plan.sandbox_parts if part != "student"]
    card = Card(
        name=plan.name,
        task=prepared.task.name,
        date=datetime.now(UTC).date().isoformat(),
        version=version("seedpilot"),
        asked=(),
        seeds=0,
        seed_rows=0,
        files={},
        tables={},
        usd=usd_of(store, ids),
        priced="the replies behind the kept examples alone",
        incomplete="" if run.state.value == "done" else f"The run is {run.state.value}.",
        tested=len(prepared.test) or None,
        notes=[
            *(["Made from the pools of a pilot: every strategy at its largest budget."] if full is None else []),
            *by_hand,
            *([f"Practice only: {' and '.join(practice)} are the built-in sandbox's."] if practice else []),
        ],
    )
    seeds = prepared.seeds[: max(sizes, default=0)]
    training = training_of(plan, prepared.student, prepared.recipe)
    with_seeds = full is None or full.with_seeds
    as_zip(target, run_id, DataSet(prepared.task, seeds, with_seeds, pools, training, card))
    return target


def _pool(row: PoolRow) -> Pool:
    """What was left out is known row by row, but for pilots of before it was kept."""
    folder = Path(row.folder)
    lost = sum(row.counts.values()) - row.counts.get(KEPT, 0)
    told = (folder / REJECTED).is_file() or not lost
    return Pool(_strategy(row) or "", folder / EXAMPLES, row.counts, rejected=folder / REJECTED if told else None)


def _zipped(folder: Path, target: Path, name: str) -> Path:
    entries = [folder / entry for entry in sorted(WRITTEN) if (folder / entry).is_file()]
    if not entries:
        raise InputError(f"{folder}: the data set is no longer there; the command that made it writes it again")
    part = target.with_suffix(".partial")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in entries:
            file.write(entry, f"{name}/{entry.name}")
    part.replace(target)
    return target


def _largest(pools: list[PoolRow]) -> list[PoolRow]:
    """The plain pools of the largest seed count; variants made their examples otherwise."""
    plain = [row for row in pools if _strategy(row) is not None]
    most = max((_size(row) for row in plain), default=0)
    return [row for row in plain if _size(row) == most]


def _strategy(row: PoolRow) -> str | None:
    name = row.name.rpartition("-s")[0]
    return name if name in tuple(Strategy) else None


def _size(row: PoolRow) -> int:
    return int(row.name.rpartition("-s")[2])


def _query_ids(path: Path) -> list[int]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [row for line in lines for row in json.loads(line).get("query_ids", ())]
