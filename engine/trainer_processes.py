"""The processes in which a trainer computes: one thread each on a CPU and a process a core, or one for each GPU.

A small student on a CPU trains fastest with one thread per process (two processes with two threads each were five times
slower). A process is started when there is work for it and stays for the work that follows: a pilot comes with a few
cells at a time, and importing the libraries takes as long as training some of them. On a CPU they are imported once, in
a process whose copies the others are. All end with the worker, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

from engine.domain import CellResult
from engine.errors import SeedPilotError

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.queues import Queue

    Results: TypeAlias = Queue[tuple[str, CellResult | Exception]]

ENDED = (
    "a training process was ended by the system, most often for want of memory; "
    "close other programs or choose a smaller student, then resume the run"
)
KILLED_BY = (-signal.SIGKILL, 255)
"""How a process ends that the system kills; 255 is said where the process that watched it was killed, too."""


class ProcessEndedError(SeedPilotError):
    """A training process was ended from outside."""

    def __init__(self) -> None:
        super().__init__(ENDED)


class Processes:
    """The processes of a trainer, started as they are needed."""

    def __init__(self, most: int, threads: int, gpus: Sequence[str]) -> None:
        context = imported_once() if not gpus else multiprocessing.get_context("spawn")
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
        # The pool forgets them as it ends.
        self._started = self.pool._processes

    @property
    def killed(self) -> bool:
        """Whether the system killed one of them."""
        return any(process.exitcode in KILLED_BY for process in self._started.values())

    def terminate(self) -> None:
        """Whatever they do; and the process whose copies they are."""
        for process in list(self._started.values()):
            process.terminate()
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.results.close()
        end_server()


def end_server() -> None:
    """Ends the process whose copies the others were, once it has none: it holds the libraries in memory, and the
    environment of its start."""
    server: Any = forkserver._forkserver
    with suppress(psutil.Error):
        if server._forkserver_pid is not None and not (its := psutil.Process(server._forkserver_pid)).children():
            its.terminate()  # it may still be importing
            server._stop()


def imported_once() -> BaseContext:
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


# --- in the processes ---------------------------------------------------------------------------------

results: Results | None = None
"""Where a process tells what it found."""


def _begin(worker: int, threads: int, its_results: Results, gpus: Queue[str] | None) -> None:
    """In each process: its GPU and threads, and its end when the worker is gone (killed workers cannot tell)."""
    global results
    results = its_results
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


def tell(key: str, result: CellResult | Exception) -> None:
    """Tells the worker, from within a process, what became of that job."""
    try:
        pickle.dumps(result)
    except Exception:  # another library's error, with something in it that cannot cross
        result = SeedPilotError(f"{type(result).__name__}: {result}")
    if results is not None:
        results.put((key, result))
