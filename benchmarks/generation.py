"""How fast and how sparingly a teacher is asked, beside the stock client; `seedpilot bench generation`.

A local endpoint in a process of its own answers after half a second. `ours` is what a pilot runs: strategy,
generator, durable ledger, teacher. The rivals ask the same prompts with no ledger at all. They take turns, so
that what else the machine does meets all of them; figures are medians, ratios are medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from openai import AsyncOpenAI, DefaultAioHttpClient

from benchmarks._endpoint import Endpoint, endpoint
from benchmarks._memory import memory
from engine.costs import examples_for
from engine.domain import Item, Strategy
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger, account
from engine.store import Store
from engine.strategies import answer_request
from engine.tasks import load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher

LATENCY_S = 0.5
SPREAD_S = 0.25
"""At one fixed latency a thousand requests are five waves, and whatever delays one request by a moment adds a
sixth wave, nearly empty. Storms are measured there and where replies come after 0.25 to 0.75 s."""
MATH = load_task("math")
SEEDS = tuple(
    Item(f"s{i}", f"Tom has {i} boxes with 4 apples each. How many apples?", f"#### {4 * i}") for i in range(1, 101)
)
MODEL = "bench"
PARTS = ("speed", "queries", "memory")
OURS, OURS_UNEVEN = "ours, durable ledger", "ours, uneven latency"
STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)
STOCK = "stock AsyncOpenAI, no ledger"

Contender = Callable[[Endpoint, int, int], Awaitable[None]]


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--examples", type=int, nargs="*", default=[10_000, 100_000], help="sizes of the memory runs")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        print(json.dumps(memory(given.memory_of)))
        return
    rows: list[dict[str, Any]] = []
    with endpoint(LATENCY_S) as server, endpoint(LATENCY_S, SPREAD_S) as uneven:
        if "speed" in given.parts:
            rows += _speed(server, uneven, given.requests, given.concurrency, given.rounds)
        if "queries" in given.parts:
            rows += _counts(server, given.concurrency)
    for size in given.examples if "memory" in given.parts else ():
        _say(f"memory at {size} examples")
        rows.append(_memory_apart(size))
    print(json.dumps(rows))


# --- speed -------------------------------------------------------------------------------------------------


def _speed(server: Endpoint, uneven: Endpoint, requests: int, concurrency: int, rounds: int) -> list[dict[str, Any]]:
    contenders: dict[str, tuple[Contender, Endpoint]] = {
        OURS: (_ours, server),
        "ours in a storm of 429": (_ours_in_a_storm, server),
        OURS_UNEVEN: (_ours, uneven),
        "ours in a storm of 429, uneven latency": (_ours_in_a_storm, uneven),
        STOCK: (_stock, server),
        "AsyncOpenAI on aiohttp, no ledger": (_on_aiohttp, server),
        "bare aiohttp, no ledger": (_bare, server),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, (ask, at) in contenders.items():
            answered = at.counts()["answered"]
            begun, cpu = time.perf_counter(), time.process_time()
            asyncio.run(ask(at, requests, concurrency))
            took[name].append((time.perf_counter() - begun, time.process_time() - cpu))
            _expect(at.counts()["answered"] - answered, requests, f"answers of {name}")
            _say(f"round {number + 1}: {name}: {requests / took[name][-1][0]:.0f} requests/s")
    ideal = concurrency / LATENCY_S
    return [
        {
            "what": name,
            "requests_per_s": round(median(requests / s for s, _ in runs), 1),
            "best": round(max(requests / s for s, _ in runs), 1),
            "of_ceiling": round(median(requests / s for s, _ in runs) / ideal, 3),
            "best_of_ceiling": round(max(requests / s for s, _ in runs) / ideal, 3),
            "cpu_ms_per_request": round(1e3 * median(cpu for _, cpu in runs) / requests, 2),
            "times_stock": _ratio(took[STOCK], runs),
            "time_over_calm": _ratio(runs, took[OURS_UNEVEN if "uneven" in name else OURS]),
            "runs": rounds,
        }
        for name, runs in took.items()
    ]


def _ratio(above: list[tuple[float, float]], below: list[tuple[float, float]]) -> float:
    """Median over the rounds of one time over the other."""
    return round(median(a[0] / b[0] for a, b in zip(above, below, strict=True)), 3)


async def _ours(server: Endpoint, requests: int, concurrency: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        await _pool(_generator(server, Path(folder), concurrency), Strategy.ANSWER_AUGMENTATION, requests)


async def _ours_in_a_storm(server: Endpoint, requests: int, concurrency: int) -> None:
    """After a third of the work the endpoint refuses as many requests as a fifth of all."""
    visits = 0

    def on_visit() -> None:
        nonlocal visits
        visits += 1
        if visits == requests // 3:
            server.storm(requests // 5)

    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        generator = _generator(server, Path(folder), concurrency)
        await _pool(generator, Strategy.ANSWER_AUGMENTATION, requests, on_visit)


async def _stock(server: Endpoint, requests: int, concurrency: int) -> None:
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        await _with_openai(client, requests, concurrency)


async def _on_aiohttp(server: Endpoint, requests: int, concurrency: int) -> None:
    http = DefaultAioHttpClient()
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0, http_client=http) as client:
        await _with_openai(client, requests, concurrency)


async def _with_openai(client: AsyncOpenAI, requests: int, concurrency: int) -> None:
    async def ask(index: int) -> None:
        messages: Any = _messages(index)
        await client.chat.completions.create(model=MODEL, messages=messages, temperature=0.7, max_tokens=512)

    await _at_once(ask, requests, concurrency)


async def _bare(server: Endpoint, requests: int, concurrency: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(index: int) -> None:
            body = {"model": MODEL, "messages": _messages(index), "temperature": 0.7, "max_tokens": 512}
            async with session.post(f"{server.base_url}/chat/completions", json=body) as response:
                json.loads(await response.read())

        await _at_once(ask, requests, concurrency)


async def _at_once(ask: Callable[[int], Awaitable[None]], requests: int, concurrency: int) -> None:
    indices = iter(range(requests))

    async def work() -> None:
        for index in indices:
            await ask(index)

    await asyncio.gather(*(work() for _ in range(concurrency)))


def _messages(index: int) -> list[dict[str, str]]:
    asked = answer_request(MATH, SEEDS[index % len(SEEDS)].question, index)
    return [{"role": message.role, "content": message.content} for message in asked.messages]


def _generator(server: Endpoint, folder: Path, concurrency: int) -> Generator:
    store = Store(folder / "seedpilot.sqlite")
    store.file_run("bench", "bench", {}, "bench")
    ledger = Ledger(store, "bench", Ceiling(10_000_000, 1e6), bound=lambda _: 0.001, price=lambda _: 0.0001)
    teacher = OpenAICompatibleTeacher(server.base_url, MODEL, None)
    return Generator(teacher, ledger, concurrency=concurrency, check=lambda: None)


async def _pool(
    generator: Generator, strategy: Strategy, visits: int, on_visit: Callable[[], None] = lambda: None
) -> int:
    made = 0
    async for draft in generator.drafts(strategy, MATH, SEEDS, visits, on_visit):
        made += draft is not None
    _expect(made, visits, "visits that came through")
    return made


# --- queries -----------------------------------------------------------------------------------------------

BUDGETS = (100, 200, 400, 800, 1600)


def _counts(server: Endpoint, concurrency: int) -> list[dict[str, Any]]:
    """Queries of five nested budgets and three strategies: cell by cell, as one pool, and again."""
    alone = sum(budget for budget in BUDGETS for _ in STRATEGIES)  # each cell generates its own
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        generator = _generator(server, Path(folder), concurrency)

        async def grid() -> None:
            for budget in BUDGETS:
                for strategy in STRATEGIES:
                    await _pool(generator, strategy, examples_for(budget, strategy))

        before = server.counts()["answered"]
        asyncio.run(grid())
        nested = server.counts()["answered"] - before
        begun = time.perf_counter()
        asyncio.run(grid())
        again_s = time.perf_counter() - begun
        again = server.counts()["answered"] - before - nested
        _expect(account(generator.ledger.store, "bench").queries, nested, "queries in the ledger")
    return [
        {
            "what": "queries of five nested budgets, three strategies",
            "cell_by_cell": alone,
            "nested": nested,
            "times_fewer": round(alone / nested, 3),
        },
        {"what": "the finished grid again", "queries": again, "seconds": round(again_s, 2)},
    ]


# --- memory ------------------------------------------------------------------------------------------------


def _memory_apart(examples: int) -> dict[str, Any]:
    """In a process of its own, whose peak is its own."""
    ran = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "benchmarks.generation", "--memory-of", str(examples)],
        stdout=subprocess.PIPE,
        check=True,
    )
    row: dict[str, Any] = json.loads(ran.stdout)
    return row


def _expect(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise SystemExit(f"{what}: found {found}, expected {expected}; these figures would mean nothing")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
