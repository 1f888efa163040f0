"""A worker that kills itself (SIGKILL) as it comes to a stage's end: `python -m tests.killed_worker RUN STAGE`.

The stages are those whose results a pilot keeps: `generated` (a pool's replies are in the ledger), `curated` (the
pool is written), `trained` (an adapter is whole), `answered` (its answers came), `scored` (they have scores) and
`recorded`.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from engine import measuring, paid_work, worker
from engine.settings import Settings
from engine.store import Store

STAGES = ("generated", "curated", "trained", "answered", "scored", "recorded")


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(place: Any, name: str) -> None:
    setattr(place, name, die)


def after(place: Any, name: str) -> None:
    whole: Callable[..., Any] = getattr(place, name)
    setattr(place, name, lambda *given, **named: (whole(*given, **named), die()))


def once_trained(store: Store, run_id: str) -> None:
    """Another process trains: its adapter is watched for."""
    known = set(store.folder(run_id).glob("cells/*/adapter/done.json"))
    while set(store.folder(run_id).glob("cells/*/adapter/done.json")) <= known:
        time.sleep(0.002)
    die()


if __name__ == "__main__":
    run_id, stage = sys.argv[1:]
    store = Store(Settings().store_path)
    if stage == "generated":
        before(paid_work, "curate")
    elif stage == "curated":
        after(paid_work, "write_pool")
    elif stage == "trained":
        threading.Thread(target=once_trained, args=(store, run_id), daemon=True).start()
    elif stage == "answered":
        before(paid_work.PaidWork, "scores")
    elif stage == "scored":
        before(measuring, "record")
    else:
        after(measuring, "record")
    worker.run(run_id, store)
