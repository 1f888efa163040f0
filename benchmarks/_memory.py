"""The memory that generation and curation take, however many examples come: part of `seedpilot bench generation`."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from engine.curation import Curator
from engine.domain import Strategy
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger
from engine.store import Store
from engine.tasks import load_task
from engine.teachers.sandbox import SandboxTeacher

MATH = load_task("math")


def memory(examples: int) -> dict[str, Any]:
    """New questions of the sandbox's teacher through generator, ledger and curation, each written as it comes."""
    from engine.sandbox import world

    seeds = world.seeds(100)
    curator = Curator(Strategy.NEW_QUESTION, seeds, world.test_items(300))
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        store = Store(folder / "seedpilot.sqlite")
        store.file_run("bench", "bench", {}, "bench")
        ledger = Ledger(store, "bench", Ceiling(None, None), bound=lambda _: 0.0, price=lambda _: 0.0)
        generator = Generator(SandboxTeacher(), ledger, concurrency=64, check=lambda: None)
        before, begun, cpu = _rss_mb(), time.perf_counter(), time.process_time()
        most = before

        async def run() -> int:
            nonlocal most
            kept = 0
            with (folder / "examples.jsonl").open("w", encoding="utf-8") as file:
                drafts = generator.drafts(Strategy.NEW_QUESTION, MATH, seeds, examples, lambda: None)
                async for draft in drafts:
                    for _, example in curator.judge(draft).kept:
                        file.write(json.dumps({"question": example.question, "answer": example.answer}) + "\n")
                        kept += 1
                        if kept % 500 == 0:
                            most = max(most, _rss_mb())
            return kept

        kept = asyncio.run(run())
        return {
            "what": "memory, sandbox teacher, durable ledger, curation",
            "examples": examples,
            "kept": kept,
            "rss_mb_at_the_start": round(before, 1),
            "rss_mb_at_most": round(most, 1),
            "seconds": round(time.perf_counter() - begun, 1),
            "cpu_ms_per_example": round(1e3 * (time.process_time() - cpu) / examples, 3),
            "store_mb": round((folder / "seedpilot.sqlite").stat().st_size / 1e6, 1),
        }


def _rss_mb() -> float:
    """Resident memory now. (The kernel's own peak counts the process that this one was forked from.)"""
    return float(psutil.Process().memory_info().rss) / 1e6
