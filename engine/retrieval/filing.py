"""Files a retrieval pilot in the store and reads what came of it; without torch, so that pages can."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from engine.job_files import read_json
from engine.plan import SANDBOX, PilotPlan
from engine.records import RETRIEVAL, Run
from engine.retrieval.prepared import prepare_retrieval
from engine.store import Store

RESULT = "retrieval.json"
"""In the run's folder: what was measured."""


def file_retrieval(plan: PilotPlan, store: Store, start_token: str | None = None) -> str:
    """Checks a plan whole (InputError) and queues it; returns the run's id."""
    prepared = prepare_retrieval(plan)
    asked = prepared.asked
    here = {
        name: str(Path(path).expanduser().resolve())
        for name in ("collection", "out_of_domain", "encoder")
        if (path := getattr(asked, name)) and path != SANDBOX and Path(path).expanduser().is_dir()
    }
    # What was shown before the start holds, whatever a later version would compute.
    plan = plan.model_copy(
        update={
            "retrieval": asked.model_copy(update=here),
            "ceiling": plan.ceiling.model_copy(update={"queries": prepared.ceiling.queries}),
        }
    )
    run_id = f"{RETRIEVAL}{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    return store.file_run(run_id, plan.name, plan.model_dump(mode="json"), start_token or run_id)


def result_of_run(store: Store, run_id: str) -> dict[str, Any] | None:
    """What a retrieval pilot measured; None while there is nothing."""
    return read_json(store.folder(run_id) / RESULT)


def retrieval_runs(store: Store) -> list[Run]:
    """The store's retrieval pilots, newest first."""
    return [run for run in store.runs() if run.id.startswith(RETRIEVAL)]
