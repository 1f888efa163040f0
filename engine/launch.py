"""Starts the process that runs a run, without knowing what that process needs: pages can do it too."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from pydantic import SecretStr

from engine.settings import ROOT, Settings


def start(run_id: str, settings: Settings, key: SecretStr | None = None) -> None:
    """Starts a detached worker for that run; it outlives the process that calls this.

    A typed key goes through the worker's standard input and nowhere else.
    """
    folder = settings.home / run_id
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "worker.log").open("ab") as log_file:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-m", "engine.worker", run_id],
            stdin=subprocess.PIPE,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"SEEDPILOT_HOME": str(settings.home), "SEEDPILOT_DATA": str(settings.data)},
            cwd=ROOT,
        )
    if process.stdin is not None:  # always so with PIPE; the type checker cannot know
        if key is not None:
            process.stdin.write(json.dumps({"key": key.get_secret_value()}).encode() + b"\n")
        process.stdin.close()


def was_started(run_id: str, settings: Settings) -> bool:
    """Whether a worker was ever started for that run."""
    return (settings.home / run_id / "worker.log").exists()
