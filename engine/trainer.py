"""Runs cells on this machine in processes of their own, cells of one base in packs (`pack_plan.py`).

A small student on a CPU trains fastest with one thread per process and a process per core (two processes
with two threads each were five times slower); a large one takes one process, and each GPU has one of its own. A
process is started when there is work for it and stays for the work that follows: a pilot comes with a few cells at a
time, and importing the libraries takes as long as training some of them. On a CPU they are imported once, in a process
whose copies the others are. All end with the trainer, or with the worker, however it ends.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import pickle
import queue
import shutil
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import psutil

from engine.domain import CellJob, CellResult, OnCellDone, OnProgress
from engine.errors import SeedPilotError
from engine.training_order import PackPlan

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.queues import Queue

    Results: TypeAlias = Queue[tuple[str, CellResult | Exception]]

T = TypeVar("T")

SMALL_STUDENT = 50_000_000
"""Parameters up to which a cell gets one thread and shares the machine with others."""

POLL_S = 1.0
ENDED = (
    "a training process was ended by the system, most often for want of memory; "
    "close other programs or choose a smaller student, then resume the run"
)
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
            _imported_once()
            forkserver.ensure_running()
        return self

    def __exit__(self, *_: object) -> None:
        if self._processes is not None:
            # They wait for work; leaving their libraries in order would take seconds.
            self._processes.terminate()
            self._processes = None
        _end_server()

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """Runs every job; an error that `on_done` or `on_progress` raises ends them all."""
        if self._processes is None:
            self._processes = Processes(self.processes, self.threads, self.gpus)
        pool, results = self._processes.pool, self._processes.results
        processes = min(self.processes, len(jobs))
        left = {job.key: job for job in jobs}

        def drain(wait_s: float, until: Sequence[str] = ()) -> None:
            """Tells of what has come; waits for those that are named."""
            while True:
                try:
                    key, result = results.get(timeout=wait_s if left.keys() & set(until) else 0)
                except queue.Empty:
                    return
                if key in left:  # else it comes too late: what it belongs to is over
                    on_done(left.pop(key), result)

        try:
            packs = _result(_submitted(pool, _plan, list(jobs), processes), lambda: on_progress(_shares(left)))
            running = {_submitted(pool, _run_pack, [left[key] for key in pack.keys], pack): pack for pack in packs}
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
        except BaseException:
            # Ends running cells at once: a pause must not wait for an hour's training.
            self._processes.terminate()
            self._processes = None
            raise


class Processes:
    """The processes of a trainer, started as they are needed."""

    def __init__(self, most: int, threads: int, gpus: Sequence[str]) -> None:
        context = _imported_once() if not gpus else multiprocessing.get_context("spawn")
        self.results: Results = context.Queue()
        own = context.Queue()
        for gpu in gpus:
            own.put(gpu)
        self.pool = ProcessPoolExecutor(
            max_workers=most,
            mp_context=context,
            initializer=_begin,
            initargs=(os.getpid(), threads, self.results, own if gpus else None),
        )

    def terminate(self) -> None:
        """Whatever they do."""
        for process in list((self.pool._processes or {}).values()):
            process.terminate()
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.results.close()
        _end_server()


def _end_server() -> None:
    """Ends the process whose copies the others were, once it has none: it holds the libraries in memory, and the
    environment of its start."""
    server: Any = forkserver._forkserver
    with suppress(psutil.Error):
        if server._forkserver_pid is not None and not (its := psutil.Process(server._forkserver_pid)).children():
            its.terminate()  # it may still be importing
            server._stop()


def _imported_once() -> BaseContext:
    """Processes are copies of one that has imported the libraries. Not with GPUs: a copy of a process whose libraries
    looked for one cannot use it."""
    context = multiprocessing.get_context("forkserver")
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    # Each copy runs this process's main module again (but for a package's `__main__`), and what that imports.
    runs_again = spec is not None and not spec.name.endswith("__main__")
    here = [name for name in sys.modules if name.startswith("engine.")] if runs_again else []
    context.set_forkserver_preload(["engine.training", *here])
    return context


def gpu_names() -> tuple[str, ...]:
    """The GPUs that may be used, as CUDA_VISIBLE_DEVICES names them: those that it names, else all; none without the
    driver's own tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1")
    listed = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, check=False)  # noqa: S603
    found = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return tuple(str(place) for place in range(len(found)))


def _submitted(pool: ProcessPoolExecutor, work: Callable[..., T], *given: object) -> Future[T]:
    """The work under way; SeedPilotError where no process could be started for it."""
    try:
        return pool.submit(work, *given)
    except (EOFError, ConnectionError, BrokenProcessPool) as error:
        raise SeedPilotError(ENDED) from error


def _result(future: Future[T], meanwhile: Callable[[], None] | None = None) -> T:
    """What a process gave; SeedPilotError where it was ended from outside."""
    while meanwhile is not None and not future.done():
        wait([future], timeout=POLL_S)
        meanwhile()
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise SeedPilotError(ENDED) from error


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

_results: Results | None = None


def _begin(worker: int, threads: int, results: Results, gpus: Queue[str] | None) -> None:
    """In each process: its GPU and threads, and its end when the worker is gone (killed workers cannot tell)."""
    global _results
    _results = results
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus.get()

    def watch() -> None:
        # Not its parent: that may be the process which this one is a copy of, and that waits for its copies.
        with suppress(psutil.Error):
            of = psutil.Process(worker)
            while of.is_running() and of.status() != psutil.STATUS_ZOMBIE:
                time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    compute_with(threads)


def compute_with(threads: int) -> None:
    """Gives this process so many threads; numbers are the same for the same number of threads."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Libraries warn each other of their next versions; that is no news to who reads a run's log.
    warnings.filterwarnings("ignore", category=FutureWarning)
    import torch

    torch.set_num_threads(threads)


def _plan(jobs: list[CellJob], processes: int) -> list[PackPlan]:
    from engine.pack_plan import plan_packs

    return plan_packs(jobs, processes)


def _run_pack(jobs: list[CellJob], pack: PackPlan) -> None:
    from engine.training import run_jobs

    def tell(job: CellJob, result: CellResult | Exception) -> None:
        try:
            pickle.dumps(result)
        except Exception:  # another library's error, with something in it that cannot cross
            result = SeedPilotError(f"{type(result).__name__}: {result}")
        if _results is not None:
            _results.put((job.key, result))

    run_jobs(jobs, tell, None if pack.folder is None else Path(pack.folder), pack.order)
    gc.collect()  # the process stays: what a model leaves in circles would stay with it
