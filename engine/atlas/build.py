"""Builds the atlas: batch after batch in processes of one thread each, for so many hours; what is there is not done
again.

Every finished batch goes into this call's own file (`table.write`), so that a kill loses at most what is under way, and
of that the finished adapters lie in the working folder and are found again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.atlas.design import TEST_ITEMS, WORLDS, Batch, Place, batches, planned
from engine.atlas.measure import measured, student_mark, world_mark
from engine.atlas.progress import Pace
from engine.atlas.table import SUFFIX, AtlasCell, load, one_student, write
from engine.job_files import fingerprint
from engine.settings import Settings
from engine.trainer_processes import ProcessEndedError, Processes, gpu_names
from engine.versions import versions

ROWS_A_FILE = 400
"""A call begins another file then: what is written again with every batch stays small."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What one call came to."""

    cells: int
    """Measured by it."""
    failed: tuple[str, ...]
    left: int
    """Planned cells that are still to be measured; those of a student that was not given are not counted."""
    seconds: float
    """By the clock."""


def build(
    out: Path,
    students: Mapping[str, str],
    *,
    hours: float,
    workers: int,
    worlds: Sequence[str] = WORLDS,
    tell: Tell = lambda _: None,
    places: Sequence[Place] | None = None,
    items: int = TEST_ITEMS,
    work: Path | None = None,
) -> Built:
    """Measures cells in the design's order until all are done or the time is over; a batch is begun only where it is
    expected to end in time. `students` are folders by slot (`first`, `second`); cells of a slot without one wait.

    `places` and `items` make another atlas than the design's. InputError where `out` holds cells of another student or
    of worlds that have changed since.
    """
    begun = time.monotonic()
    wanted = [one for one in (planned(tuple(worlds)) if places is None else places) if one.student in students]
    known = load(out)
    one_student(known, {slot: student_mark(path) for slot, path in students.items()}, "student_mark", out)
    one_student(known, {world: world_mark(world, items) for world in worlds}, "world_mark", out)
    done = {cell.key for cell in known}
    waiting = list(batches([place for place in wanted if place.key not in done]))
    pace = Pace(known)
    version = _version()
    # Two atlases may have folders of one name.
    work = work or Settings().home / "atlas" / fingerprint(str(out.resolve()))[:8]
    shards = _Shards(out)
    failed: list[str] = []
    measured_here = 0
    tell(f"{len(wanted)} cells planned, {sum(one.key in done for one in wanted)} done; {len(waiting)} batches wait")
    processes = Processes(workers, 1, gpu_names())
    try:
        running: dict[Future[tuple[list[AtlasCell], list[str]]], Batch] = {}
        while waiting or running:
            while waiting and len(running) < workers:
                over = 3600 * hours - (time.monotonic() - begun)
                if over <= 0 or pace.expected(waiting[0].places) > over:
                    waiting.clear()
                    break
                batch = waiting.pop(0)
                given = (batch, dict(students), work / batch.name, items, version)
                running[processes.pool.submit(measured, *given)] = batch
            if not running:
                break
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                batch = running.pop(future)
                cells, why = future.result()
                shards.add(cells)
                pace.add(cells)
                measured_here += len(cells)
                failed += why
                shutil.rmtree(work / batch.name, ignore_errors=True)
                tell(_told(batch, cells, why, measured_here, time.monotonic() - begun))
    except BrokenProcessPool as error:
        raise ProcessEndedError from error
    finally:
        processes.terminate()
    done |= {cell.key for cell in shards.all}
    left = sum(place.key not in done for place in wanted)
    return Built(measured_here, tuple(failed), left, time.monotonic() - begun)


class _Shards:
    """This call's files: rewritten whole with every batch until they are large enough."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.name = datetime.now(UTC).strftime(f"cells-%Y%m%dT%H%M%S-{os.getpid()}")
        self.number = 0
        self.rows: list[AtlasCell] = []
        self.all: list[AtlasCell] = []

    def add(self, cells: Sequence[AtlasCell]) -> None:
        self.rows += cells
        self.all += cells
        if not self.rows:
            return
        path = self.out / f"{self.name}-{self.number}{SUFFIX}"
        write(path, self.rows)
        if len(self.rows) >= ROWS_A_FILE:
            self.rows, self.number = [], self.number + 1


def _told(batch: Batch, cells: Sequence[AtlasCell], why: Sequence[str], total: int, elapsed: float) -> str:
    seconds = sum(cell.seconds for cell in cells)
    arms = ", ".join(f"{count} {arm}" for arm, count in Counter(cell.arm for cell in cells).items())
    line = f"{elapsed / 60:.0f} min: {batch.name}: {len(cells)} cells ({arms}) in {seconds:.0f} s; {total} so far"
    return "\n".join([line, *(f"  failed: {one}" for one in why)])


def _version() -> str:
    now = versions()
    commit = now["commit"]
    return f"{now['seedpilot']}" if commit is None else f"{now['seedpilot']}+{str(commit)[:9]}"
