"""Runs cells on this machine in processes of their own, cells of one base in packs (`pack_plan.py`).

A small student on a CPU takes a process per core, a large one a single process, and each GPU has one of its own. All
end with the trainer, or with the worker, however it ends. One that the system kills for its memory is replaced, and
what it did is gone on with smaller.
"""

from __future__ import annotations

import gc
import json
import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from pathlib import Path
from typing import TypeVar

from engine import trainer_processes
from engine.domain import CellJob, CellResult, OnCellDone, OnProgress
from engine.errors import SeedPilotError
from engine.job_files import FEWER, KILLED, is_trained, read_json, write_json
from engine.trainer_processes import ProcessEndedError, Processes, end_server, gpu_names, imported_once
from engine.training_order import PackPlan

T = TypeVar("T")

SMALL_STUDENT = 50_000_000
"""Parameters up to which a cell gets one thread and shares the machine with others."""

POLL_S = 1.0
MOST_KILLS = 3
"""How often a pack is begun again smaller."""
LAST_WORDS_S = 10.0
"""How long a finished process's results may still be on their way."""


class LocalTrainer:
    """Trains and answers on this machine; `parameters` is the student's size (None: unknown).

    To be left as a context: its processes wait for the next `run` until then.
    """

    def __init__(self, parameters: int | None) -> None:
        cores = os.cpu_count() or 1
        self.gpus = gpu_names()
        alone = parameters is None or parameters > SMALL_STUDENT
        self.processes = len(self.gpus) or (1 if alone else cores)
        self.threads = max(1, cores // self.processes)
        self._processes: Processes | None = None

    def __enter__(self) -> LocalTrainer:
        if not self.gpus:
            # The libraries take seconds to import: time enough while the first examples are made.
            imported_once()
            forkserver.ensure_running()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        """Ends its processes, whatever they do, and the one whose copies they are; a `run` starts others."""
        if self._processes is None:
            end_server()
            return
        # They wait for work; leaving their libraries in order would take seconds.
        self._processes.terminate()
        self._processes = None

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """Runs every job; an error that `on_done` or `on_progress` raises ends them all.

        Where the system kills a process, as it does for its memory, what is left is gone on with in fewer processes
        at once (from then on), and in one alone in smaller steps. ProcessEndedError where that does not help either.
        """
        left = {job.key: job for job in jobs}
        while True:
            running: dict[Future[None], PackPlan] = {}
            try:
                self._run(left, running, on_done, on_progress)
                return
            except BaseException as error:
                killed = isinstance(error, ProcessEndedError) and self._processes and self._processes.killed
                # Ends running cells at once: a pause must not wait for an hour's training.
                self._end()
                packs = [pack for pack in running.values() if left.keys() & set(pack.keys)]
                if not killed or not self._smaller(packs, left):
                    raise

    def _run(
        self,
        left: dict[str, CellJob],
        running: dict[Future[None], PackPlan],
        on_done: OnCellDone,
        on_progress: OnProgress,
    ) -> None:
        """Takes out of `left` what has ended; `running` receives the packs as they are handed over."""
        if self._processes is None:
            self._processes = Processes(self.processes, self.threads, self.gpus)
        pool, results = self._processes.pool, self._processes.results
        processes = min(self.processes, len(left))

        def drain(wait_s: float, until: Sequence[str] = ()) -> None:
            """Tells of what has come; waits for those that are named."""
            while True:
                try:
                    key, result = results.get(timeout=wait_s if left.keys() & set(until) else 0)
                except queue.Empty:
                    return
                if key in left:  # else it comes too late: what it belongs to is over
                    on_done(left.pop(key), result)

        packs = _result(_submitted(pool, _plan, list(left.values()), processes), lambda: on_progress(_shares(left)))
        for pack in packs:
            running[_submitted(pool, _run_pack, [left[key] for key in pack.keys], pack)] = pack
        waiting = set(running)
        while waiting:
            ended, waiting = wait(waiting, timeout=POLL_S, return_when=FIRST_COMPLETED)
            drain(0)
            for future in ended:
                _result(future)
                keys = running[future].keys
                drain(LAST_WORDS_S, keys)
                for key in left.keys() & set(keys):
                    on_done(left.pop(key), SeedPilotError(f"the process that trained {key} said nothing of it"))
            on_progress(_shares(left))

    def _smaller(self, packs: Sequence[PackPlan], left: Mapping[str, CellJob]) -> bool:
        """Whether there is a smaller way to what the system killed; `packs` are those under way, in their order."""
        if self.processes > 1:
            # With as many threads each as before: so the numbers stay what they are.
            before, self.processes = self.processes, self.processes // 2
            said = f"{self.processes} process{'es' if self.processes > 1 else ''} at once instead of {before}"
            for folder in {Path(job.out).parent / "packs" for job in left.values()}:
                write_json(folder / FEWER, {"lowered": [said]})
            return True
        if not packs or packs[0].folder is None or all(is_trained(left[key]) for key in packs[0].keys if key in left):
            return False
        file = Path(packs[0].folder) / KILLED
        times = (read_json(file) or {}).get("times", 0) + 1
        write_json(file, {"times": times})
        return bool(times <= MOST_KILLS)


def _submitted(pool: ProcessPoolExecutor, work: Callable[..., T], *given: object) -> Future[T]:
    """The work under way; SeedPilotError where no process could be started for it."""
    try:
        return pool.submit(work, *given)
    except (EOFError, ConnectionError, BrokenProcessPool) as error:
        raise ProcessEndedError from error


def _result(future: Future[T], meanwhile: Callable[[], None] | None = None) -> T:
    """What a process gave; SeedPilotError where it was ended from outside."""
    while meanwhile is not None and not future.done():
        wait([future], timeout=POLL_S)
        meanwhile()
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise ProcessEndedError from error


def _shares(jobs: Mapping[str, CellJob]) -> dict[str, float]:
    return {key: _share(job) for key, job in jobs.items()}


def _share(job: CellJob) -> float:
    """How much of a running job is done, 0 to 1, from the file that it writes."""
    try:
        progress = json.loads((Path(job.out) / "progress.json").read_text())
        return min(1.0, float(progress["done"]) / max(1.0, float(progress["total"])))
    except (OSError, ValueError, KeyError):
        return 0.0


# --- in the processes ---------------------------------------------------------------------------------


def _plan(jobs: list[CellJob], processes: int) -> list[PackPlan]:
    from engine.pack_plan import plan_packs

    return plan_packs(jobs, processes)


def _run_pack(jobs: list[CellJob], pack: PackPlan) -> None:
    from engine.training import run_jobs

    def tell(job: CellJob, result: CellResult | Exception) -> None:
        trainer_processes.tell(job.key, result)

    run_jobs(jobs, tell, None if pack.folder is None else Path(pack.folder), pack.order)
    gc.collect()  # the process stays: what a model leaves in circles would stay with it
