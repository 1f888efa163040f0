"""Plans for tests: small real pilots against a real server, with a tiny student in hub layout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tomli_w

from tests.openai_server import KEY, MODEL
from tests.voices import GSM8K

TICKETS = Path(__file__).parent / "data"
QUICK = {"min_steps": 8, "epochs": 1.0, "batch_size": 8, "learning_rate": 2e-4}
"""Short, and with a fixed learning rate: choosing one takes four more adapters."""


def teacher_of(base_url: str, **changes: Any) -> dict[str, Any]:
    """The plan's teacher: the test server, its key in an environment variable."""
    return {
        "kind": "openai_compatible",
        "base_url": base_url,
        "model": MODEL,
        "key_env": "SEEDPILOT_TEST_KEY",
    } | changes


def ticket_plan(base_url: str, student: Path, scorer: str = "json_fields", **changes: Any) -> dict[str, Any]:
    """300 tickets: 40 held out for the test, the rest are seeds."""
    return {
        "name": f"tickets, {scorer}",
        "task": str(TICKETS / ("tickets.toml" if scorer == "json_fields" else "tickets_exact.toml")),
        "student": str(student),
        "max_new_tokens": 16,
        "seeds": {"path": str(TICKETS / "tickets.jsonl")},
        # With this draw the reader errs on some of the held-out tickets.
        "test": {"holdout": 40, "teacher_items": 40, "draw": "b"},
        "teacher": teacher_of(base_url),
        "grid": {"budgets": [40], "replicates": 1},
        "training": QUICK | {"max_length": 400},
    } | changes


def undetermined(folder: Path, scorer: str = "json_fields") -> str:
    """The ticket task as one whose answers may differ, so that answer augmentation applies to it."""
    named = Path(ticket_plan("", folder, scorer)["task"])
    task = folder / named.name
    task.write_text(named.read_text(encoding="utf-8").replace('"structured"', '"open_ended"'), encoding="utf-8")
    return str(task)


def gsm8k_plan(base_url: str, student: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    """The 150 questions with recorded replies play the seeds; items of seeds.jsonl are the test."""
    seeds, test = folder / "gsm8k_seeds.jsonl", folder / "gsm8k_test.jsonl"
    seeds.write_bytes((GSM8K / "test.jsonl").read_bytes())
    test.write_bytes((GSM8K / "seeds.jsonl").read_bytes())
    return {
        "name": "gsm8k",
        "task": "math",
        "student": str(student),
        "max_new_tokens": 16,
        "seeds": {"path": str(seeds)},
        # The recordings answer the seeds only: on test items they would be no better than the student.
        "test": {"path": str(test), "count": 40, "teacher_items": 0},
        "teacher": teacher_of(base_url, usd_per_million_input=0.15, usd_per_million_output=0.6),
        "grid": {"budgets": [150], "replicates": 1},
        "ceiling": {"usd": 2.0},
        "training": QUICK | {"max_length": 2000},
    } | changes


def seedpilot_pilot(plan: dict[str, Any], folder: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """`seedpilot pilot PLAN.toml --json` in a process of its own, as a person runs it."""
    (folder / "plan.toml").write_text(tomli_w.dumps(plan))
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", "pilot", str(folder / "plan.toml"), "--json"],
        env=os.environ | {"SEEDPILOT_TEST_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
