"""Runs cells on this machine, several at a time in processes of their own.

A small student on a CPU trains fastest with one thread per cell and a cell per core (two processes
with two threads each were five times slower); a large one, or a GPU, takes one cell at a time. The
processes end with the worker, however it ends.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from engine.domain import CellJob, CellResult, OnCellDone, OnProgress
from engine.errors import SeedPilotError

SMALL_STUDENT = 50_000_000
"""Parameters up to which a cell gets one thread and shares the machine with others."""

POLL_S = 1.0


class LocalTrainer:
    """Trains and answers on this machine; `parameters` is the student's size (None: unknown)."""

    def __init__(self, parameters: int | None) -> None:
        cores = os.cpu_count() or 1
        alone = shutil.which("nvidia-smi") is not None or parameters is None or parameters > SMALL_STUDENT
        self.processes = 1 if alone else cores
        self.threads = cores if alone else 1

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        """Runs every job; an error that `on_done` or `on_progress` raises ends them all."""
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            max_workers=min(self.processes, len(jobs)),
            mp_context=context,
            initializer=_begin,
            initargs=(os.getpid(), self.threads),
        )
        try:
            futures = {pool.submit(_run_job, job): job for job in jobs}
            waiting = set(futures)
            while waiting:
                ended, waiting = wait(waiting, timeout=POLL_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        raise SeedPilotError(
                            "a training process was ended by the system, most often for want of memory; "
                            "close other programs or choose a smaller student, then resume the run"
                        )
                    if isinstance(error, Exception):
                        on_done(futures[future], error)
                    elif error is None:
                        on_done(futures[future], future.result())
                on_progress({futures[f].key: _share(futures[f]) for f in waiting})
        except BaseException:
            # Ends running cells at once: a pause must not wait for an hour's training.
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _share(job: CellJob) -> float:
    """How much of a running job is done, 0 to 1, from the file that it writes."""
    try:
        progress = json.loads((Path(job.out) / "progress.json").read_text())
        return min(1.0, float(progress["done"]) / max(1.0, float(progress["total"])))
    except (OSError, ValueError, KeyError):
        return 0.0


def _begin(parent: int, threads: int) -> None:
    """In each process: its threads, and its end when the worker is gone (killed workers cannot tell)."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    # Libraries warn each other of their next versions; that is no news to who reads a run's log.
    warnings.filterwarnings("ignore", category=FutureWarning)
    import torch

    torch.set_num_threads(threads)


def _run_job(job: CellJob) -> CellResult:
    from engine.training import run_job

    return run_job(job)
