"""A chat-completions endpoint in a process of its own: answers after a fixed time, counts, and can be told
to refuse the next requests. `GET /counts` says what it answered and refused, `POST /storm?refusals=N` begins one.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from aiohttp import web

REPLY = "Tom has 3 boxes with 4 apples each, so he has 3 * 4 = 12 apples.\n#### 12"
RETRY_AFTER_S = 0.2


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint."""

    root: str

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.root}/counts") as reply:  # noqa: S310 - our own address
            counts: dict[str, int] = json.load(reply)
            return counts

    def storm(self, refusals: int) -> None:
        """Refuses the next `refusals` requests, and asks each of them to wait."""
        asked = urllib.request.Request(f"{self.root}/storm?refusals={refusals}", method="POST")  # noqa: S310
        urllib.request.urlopen(asked).close()  # noqa: S310


@contextmanager
def endpoint(latency_s: float = 0.5, spread_s: float = 0.0) -> Iterator[Endpoint]:
    """An endpoint that answers after `latency_s` seconds, give or take `spread_s`; stopped at the end."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(latency_s, spread_s, theirs), daemon=True
    )
    process.start()
    try:
        yield Endpoint(f"http://127.0.0.1:{ours.recv()}")
    finally:
        process.terminate()
        process.join()


def _serve(latency_s: float, spread_s: float, started: Connection) -> None:
    rng = random.Random(0)
    state = {"answered": 0, "refused": 0, "storm": 0}

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        if state["storm"] > 0:
            state["storm"] -= 1
            state["refused"] += 1
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return web.json_response({"error": {"message": "Rate limit reached"}}, status=429, headers=headers)
        await asyncio.sleep(latency_s + rng.uniform(-spread_s, spread_s))
        state["answered"] += 1
        return web.json_response(_completion(body, state["answered"]))

    async def counts(_: web.Request) -> web.Response:
        return web.json_response(state)

    async def storm(request: web.Request) -> web.Response:
        state["storm"] = int(request.query["refusals"])
        return web.json_response({})

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", complete)
        app.router.add_get("/counts", counts)
        app.router.add_post("/storm", storm)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        started.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


def _completion(body: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": REPLY}}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 30, "total_tokens": 90},
    }
