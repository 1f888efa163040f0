"""A small real HTTP server that speaks the OpenAI chat-completions protocol, for tests.

It answers with a *voice* (a function from the messages to a reply) and can be told to misbehave:
429, 500, garbage, slow, cut off, cut connection. It counts what a real endpoint would bill.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.openai_batches import Batches

Voice = Callable[[list[dict[str, str]]], str]

KEY = "sk-test-right-key"
MODEL = "test-teacher"
REFUSED: dict[str, str] = {}
"""Stands in `loras` for a server that loads no adapters."""
FAULTS = ("429", "no_quota", "500", "garbage", "slow", "drip", "cut_off", "cut_connection", "dropped")


class OpenAIServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1, on a free port unless one is given."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self, voice: Voice, *, key: str | None = KEY, fault_rates: dict[str, float] | None = None, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.voice = voice
        self.key = key
        self.fault_rates = fault_rates or {}
        """Share of requests that meet each fault; drawn with a fixed seed."""
        self.faults: list[str] = []
        """Faults of the next requests, first come first served; before the rates."""
        self.slow_s = 5.0
        self.retry_after = "0"
        self.most_at_once: int | None = None
        """More requests than that at a time are refused with a 429."""
        self.at_once = 0
        self.refused = 0
        self.latency_s = 0.0
        self.answered = 0
        """Completions that were made and would be billed, whether or not they arrived."""
        self.requests = 0
        self.billed: dict[str, list[int]] = {}
        """Output tokens of each billed request, by the key that asked."""
        self.seen: list[list[dict[str, str]]] = []
        """The messages of each billed request."""
        self.bodies: list[dict[str, Any]] = []
        """The same requests whole."""
        self.takes_schemas = True
        self.reasoning: str | None = None
        """Sent as `reasoning_content` where it is set."""
        self.redirect_to: str | None = None
        self.loras: dict[str, str] = {}
        """Adapters that were loaded, by name."""
        self.authorizations: set[str] = set()
        self.batches = Batches()
        self.lock = threading.Lock()
        self.connections: set[Any] = set()
        self._rng = random.Random(0)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_fault(self) -> str | None:
        with self.lock:
            self.requests += 1
            if self.faults:
                return self.faults.pop(0)
            draw = self._rng.random()
            for name, rate in self.fault_rates.items():
                if draw < rate:
                    return name
                draw -= rate
            return None

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def go_down(self) -> None:
        """Ends as a killed server does: what is open is cut, and nobody listens any more."""
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OpenAIServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        if self.path.endswith("/files"):
            if server.batches.hold_upload is not None:
                server.batches.hold_upload.wait(60)
            return self._json(200, server.batches.upload(raw, self.headers["Content-Type"]))
        body = json.loads(raw)
        if self.path.endswith("/load_lora_adapter"):
            return self._load_lora(body)
        if self.path.endswith("/batches"):
            return self._create_batch(body)
        if server.redirect_to is not None:
            return self._json(307, {}, {"Location": f"{server.redirect_to}/chat/completions"})
        server.authorizations.add(self.headers.get("Authorization", ""))
        if server.key is not None and self.headers.get("Authorization") != f"Bearer {server.key}":
            sent = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            # Real endpoints repeat the key that they refuse.
            return self._json(401, {"error": {"message": f"Incorrect API key provided: {sent}."}})
        if body["model"] != MODEL and body["model"] not in server.loras:
            return self._json(404, {"error": {"message": f"The model `{body['model']}` does not exist"}})
        fault = server.next_fault()
        with server.lock:
            if server.most_at_once is not None and server.at_once >= server.most_at_once:
                fault = "429"
            server.refused += fault == "429"
        if fault == "429":
            return self._json(429, {"error": {"message": "Rate limit reached"}}, {"Retry-After": server.retry_after})
        if fault == "no_quota":
            return self._json(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})
        if "response_format" in body and not server.takes_schemas:
            return self._json(400, {"error": {"message": "response_format json_schema is not supported"}})
        if fault == "500":
            return self._json(500, {"error": {"message": "The server had an error"}})
        if fault == "dropped":
            self.close_connection = True
            self.connection.close()
            return None
        text = server.voice(body["messages"])
        with server.lock:
            server.at_once += 1
            server.answered += 1
            asker = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            server.billed.setdefault(asker, []).append(len(text.split()))
            server.seen.append(body["messages"])
            server.bodies.append(body)
        time.sleep(server.slow_s if fault == "slow" else server.latency_s)
        with server.lock:
            server.at_once -= 1
        if fault == "garbage":
            return self._send(200, b"<html>gateway says hello</html>", "text/html")
        if fault == "cut_connection":
            self.close_connection = True
            self.connection.close()
            return None
        if fault == "drip":
            return self._drip()
        finish = "stop"
        if fault == "cut_off":
            text, finish = text[: len(text) // 2], "length"
        message = {"role": "assistant", "content": text}
        if server.reasoning is not None:
            message["reasoning_content"] = server.reasoning
        return self._json(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": finish, "message": message}],
                "usage": {
                    "prompt_tokens": sum(len(m["content"].split()) for m in body["messages"]),
                    "completion_tokens": len(text.split()),
                    "total_tokens": 0,
                },
            },
        )

    def _drip(self) -> None:
        """A byte now and then, so that no pause is long."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(int(self.server.slow_s / 0.1)):
            self.wfile.write(b" ")
            time.sleep(0.1)

    def _load_lora(self, body: dict[str, Any]) -> None:
        """As vLLM does, in its words."""
        name = body["lora_name"]
        if self.server.loras is REFUSED:
            return self._json(404, {"detail": "Not Found"})
        if name in self.server.loras:
            return self._json(400, {"message": f"The lora adapter '{name}' has already been loaded."})
        self.server.loras[name] = body["lora_path"]
        return self._send(200, f"Success: LoRA adapter '{name}' added successfully.".encode(), "text/plain")

    def _create_batch(self, body: dict[str, Any]) -> None:
        batches = self.server.batches
        if batches.refuse_creation:
            batches.refuse_creation -= 1
            return self._json(500, {"error": {"message": "The server had an error"}})
        batches.arrived.set()
        if batches.hold_arrival is not None:
            batches.hold_arrival.wait(60)
        batch = batches.create(body)
        if batch is None:
            return self._json(400, {"error": {"message": "No such File object"}})
        batches.created.set()
        if batches.hold_creation is not None:
            batches.hold_creation.wait(60)
        return self._json(200, batch)

    def _complete_line(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One request of a batch: a fault is an error that is not billed."""
        server = self.server
        if (fault := server.next_fault()) is not None:
            return (400 if fault == "refused" else 500), {"error": {"message": f"line failed: {fault}"}}
        text = server.voice(body["messages"])
        with server.lock:
            server.answered += 1
            server.seen.append(body["messages"])
        message = {"role": "assistant", "content": text}
        return 200, {
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 5, "completion_tokens": len(text.split())},
        }

    def do_DELETE(self) -> None:
        gone = self.server.batches.delete(self.path.split("/")[-1])
        self._json(200 if gone else 404, gone or {"error": {"message": "no such file"}})

    def do_GET(self) -> None:
        batches, parts = self.server.batches, self.path.split("?")[0].split("/")
        if parts[-1] == "batches":
            if not batches.lists:
                return self._json(500, {"error": {"message": "The server had an error"}})
            return self._json(200, {"object": "list", "data": list(batches.batches.values()), "has_more": False})
        if parts[-2] == "batches":
            batch = batches.look(parts[-1], self._complete_line)
            return self._json(200 if batch else 404, batch or {"error": {"message": "no such batch"}})
        if parts[-1] == "content":
            return self._send(200, batches.files[parts[-2]].encode(), "application/octet-stream")
        return self._json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def _json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(voice: Voice, **options: object) -> Iterator[OpenAIServer]:
    """A running server, closed at the end."""
    server = OpenAIServer(voice, **options)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
