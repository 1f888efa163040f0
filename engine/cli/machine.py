"""The dashboard, and what this machine can do."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

from engine.cli.frame import Commands, command, dumps
from engine.errors import InputError
from engine.exposure import not_ready
from engine.settings import ROOT, Settings

HERE = "127.0.0.1"


def add(commands: Commands) -> None:
    """Declares the commands."""
    app = command(commands, "app", _app, "Opens the dashboard on 127.0.0.1.", "seedpilot app --port 8501")
    app.add_argument("--port", type=int, default=8501)
    app.add_argument("--address", default=HERE, help="another than the default exposes it: docs/exposed.md")
    app.add_argument("--secrets", type=Path, help="the TOML file with the identity provider ([auth]); exposed only")

    doctor = command(
        commands,
        "doctor",
        _doctor,
        "Says what this machine can do.",
        "seedpilot doctor --endpoint http://127.0.0.1:8000/v1",
    )
    doctor.add_argument("--endpoint", help="base URL of an OpenAI-compatible endpoint")
    doctor.add_argument("--key-env", help="name of the environment variable that holds its key")
    doctor.add_argument("--json", action="store_true")


def _app(given: argparse.Namespace) -> int:
    secrets = None if given.secrets is None else given.secrets.resolve()
    serve = [sys.executable, "-m", "pages.shared.serve", "--server.port", str(given.port)]
    if given.address != HERE:
        if problems := not_ready(secrets, Settings()):
            raise InputError(problems)
        serve += ["--server.address", given.address, "--secrets.files", str(secrets)]
    os.chdir(ROOT)
    os.execv(sys.executable, serve)  # noqa: S606 - our own interpreter, no shell


def _doctor(given: argparse.Namespace) -> int:
    from engine.doctor import examine

    findings = examine(Settings(), given.endpoint, given.key_env)
    if given.json:
        print(dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<16} {finding.found}")
    return 0 if all(finding.good for finding in findings) else 1
