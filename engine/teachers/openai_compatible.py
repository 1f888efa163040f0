"""A teacher behind the OpenAI chat-completions protocol (OpenAI, vLLM, Ollama, llama.cpp ...).

One request is one call, never repeated here: each repetition could be billed past the ledger. Every
failure is translated by what it means for the bill (engine.errors), and the key is cut out of every
message. The protocol is one POST, so it is spoken by aiohttp directly: the openai package needs four
times the processor time a call, on its own or on aiohttp (docs/benchmarks.md), and its transport reports
a connection that broke after sending as one that was never made, which would release a paid query.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import certifi
from pydantic import SecretStr

from engine.domain import Reply, Request
from engine.errors import (
    KeyRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
    TeacherError,
    TeacherRefusedError,
    TeacherUnreachableError,
)
from engine.teachers.reasoning import with_reasoning

_NO_KEY = "no-key"
"""Sent where the user gave no key: some servers ask for the header, and none gets another endpoint's key."""
CONNECT_TIMEOUT_S = 15.0
KEEP_ALIVE_S = 4.0
"""Below the five seconds after which common servers close an idle connection: a request that meets the
closing would be of unknown outcome."""
MOST_REPLY_BYTES = 32_000_000

log = logging.getLogger("seedpilot.teacher")


class OpenAICompatibleTeacher:
    """Asks one model of one endpoint."""

    def __init__(self, base_url: str, model: str, key: SecretStr | None, *, timeout_s: float = 120.0) -> None:
        """`timeout_s` is for a whole request, from its sending to the last byte of the reply."""
        self.base_url = base_url
        self.model = model
        self.name = f"{model} at {urlsplit(base_url).netloc}"
        self.timeout_s = timeout_s
        self.notes: list[str] = []
        """What the user should know about how this endpoint was asked."""
        self._key = key
        self._schemas = True
        self._opened: tuple[asyncio.AbstractEventLoop, AsyncGenerator[aiohttp.ClientSession, None]] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, request: Request) -> Reply:
        """One reply; TeacherRefusedError, RateLimitedError, TeacherUnreachableError or
        OutcomeUnknownError, by what the failure means for the bill."""
        with_schema = request.response_schema is not None and self._schemas
        try:
            return await self._once(request, with_schema)
        except _SchemaRefusedError as refused:
            # Nothing was charged for the refusal, so this is still one query.
            if self._schemas:
                self._schemas = False
                self.notes.append(
                    f"{self.name} does not take a JSON schema ({refused}); it is asked without one, and replies "
                    "that do not follow the schema are left out"
                )
                log.warning("%s", self.notes[-1])
            return await self._once(request, with_schema=False)

    async def close(self) -> None:
        """Closes the connections; the next request opens new ones. The end of the event loop does it too."""
        opened, self._opened, self._session = self._opened, None, None
        if opened is not None and opened[0] is asyncio.get_running_loop():
            await opened[1].aclose()

    async def _once(self, request: Request, with_schema: bool) -> Reply:
        body = self.body(request, with_schema)
        session = await self._connected()
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                # A redirect would carry the key to whatever host it names.
                session.post(
                    self._url("chat/completions"), data=json.dumps(body).encode(), allow_redirects=False
                ) as response,
            ):
                status, headers = response.status, response.headers
                raw = await response.content.read(MOST_REPLY_BYTES)
                while not response.content.at_eof() and len(raw) < MOST_REPLY_BYTES:
                    raw += await response.content.read(MOST_REPLY_BYTES - len(raw))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise TeacherUnreachableError(
                f"{self.base_url} cannot be reached ({self.clean(str(error) or type(error).__name__)}); "
                "check the address and that the server is running"
            ) from None
        except TimeoutError:
            raise OutcomeUnknownError(f"{self.name}: timed out after {self.timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknownError(
                f"{self.name}: lost the connection after the request was sent ({type(error).__name__})"
            ) from None
        if status != 200:
            raise self._status_error(status, headers, raw, with_schema)
        try:
            return reply_of(json.loads(raw))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # A 200 that is no chat completion: the endpoint may have charged for it.
            raise OutcomeUnknownError(
                f"{self.name}: the reply is no chat completion ({type(error).__name__}); "
                "check that base_url is the endpoint's OpenAI-compatible address, often ending in /v1"
            ) from None

    def body(self, request: Request, with_schema: bool = True) -> dict[str, Any]:
        """The request as the protocol writes it."""
        hosted = (urlsplit(self.base_url).hostname or "").endswith("openai.com")
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": request.temperature,
            # OpenAI's newer models take the second name only, most local servers the first.
            "max_completion_tokens" if hosted else "max_tokens": request.max_tokens,
        }
        if with_schema and request.response_schema is not None:
            schema = dict(request.response_schema)
            # OpenAI enforces only schemas that forbid what they do not name, and refuses the others as strict.
            strict = schema.get("additionalProperties") is False
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": strict},
            }
        return body

    async def _connected(self) -> aiohttp.ClientSession:
        """The session of the running loop. It lives in an asynchronous generator, which the loop closes at
        its own end, so that whoever asks once need not think of closing."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._opened is None or self._opened[0] is not loop:
            sessions = self._sessions()
            self._opened = (loop, sessions)
            self._session = await anext(sessions)
        return self._session

    async def _sessions(self) -> AsyncGenerator[aiohttp.ClientSession, None]:
        tls: ssl.SSLContext | bool = True
        if self.base_url.startswith("https:"):
            tls = ssl.create_default_context()
            tls.load_verify_locations(certifi.where())
        headers = {
            "Authorization": f"Bearer {self.key_or_none}",
            "Content-Type": "application/json",
        }
        async with aiohttp.ClientSession(
            # How many at once is the generator's business.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_TIMEOUT_S, self.timeout_s)),
            headers=headers,
            proxy=_proxy(self.base_url),
        ) as session:
            yield session

    def _url(self, path: str) -> str:
        return f"{self.base_url.rstrip('/')}/{path}"

    def _status_error(self, status: int, headers: Mapping[str, str], raw: bytes, with_schema: bool) -> TeacherError:
        said, code = _message(raw)
        said = self.clean(said)
        if status == 429 and code == "insufficient_quota":
            return TeacherRefusedError(f"{self.name} says that its quota is used up (429): {said}. Add credit there")
        if status == 429:
            return RateLimitedError(f"{self.name} asks to slow down (429): {said}", retry_after(headers))
        if status in (401, 403):
            refused = KeyRefusedError if status == 401 else TeacherRefusedError
            return refused(
                f"{self.base_url} refused the key ({status}): {said}. Check the key and that it may use {self.model!r}"
            )
        if status == 404:
            return TeacherRefusedError(
                f"{self.base_url} does not know the model {self.model!r} or the path (404): {said}. "
                f"Check the model's name; {self._url('models')} lists those it serves"
            )
        if 300 <= status < 400:
            return TeacherRefusedError(
                f"{self.base_url} redirects to another address ({status}), which is not followed; "
                "give the address that it redirects to, if you trust it"
            )
        if with_schema and status in (400, 422, 501) and any(word in said.lower() for word in _SCHEMA_WORDS):
            return _SchemaRefusedError(f"{status}: {said}")
        if 400 <= status < 500 and status != 408:
            return TeacherRefusedError(f"{self.name} refused the request ({status}): {said}")
        return OutcomeUnknownError(f"{self.name} failed ({status}): {said}")

    @property
    def key_or_none(self) -> str:
        """The key as it is sent, or the stand-in for none."""
        return self._key.get_secret_value() if self._key else _NO_KEY

    def clean(self, text: str) -> str:
        """A message of the endpoint, short and without the key."""
        secret = self._key.get_secret_value() if self._key else ""
        return (text.replace(secret, "[key]") if secret else text)[:300]


class _SchemaRefusedError(TeacherRefusedError):
    """The endpoint does not take a `response_format`."""


_SCHEMA_WORDS = ("response_format", "json_schema", "schema", "grammar", "structured")


def reply_of(completion: Any) -> Reply:
    """The reply in a parsed chat completion; LookupError, TypeError, ValueError or AttributeError where it
    is none."""
    choice = completion["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal")
    text = message.get("content") or refusal or ""
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if not isinstance(text, str):
        raise TypeError("content is no text")
    usage = completion.get("usage") or {}
    text = with_reasoning(text, reasoning if isinstance(reasoning, str) else None)
    return Reply(
        # Lone surrogates, which JSON allows, can be stored nowhere.
        text=text.encode("utf-8", "replace").decode(),
        finish_reason="refusal" if refusal else str(choice.get("finish_reason") or "stop"),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an endpoint asks to wait, from `retry-after-ms` or `Retry-After` (seconds or a date);
    None where it says nothing, or more than an hour."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        said = headers.get(name, "")
        try:
            seconds = float(said) * unit
        except ValueError:
            try:
                seconds = max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
            except (TypeError, ValueError):
                continue
        return seconds if 0 <= seconds < 3600 else None
    return None


def _proxy(base_url: str) -> str | None:
    """The proxy that the environment names for this address. (aiohttp's `trust_env` would also look for
    passwords in ~/.netrc, at every request, and refuse to send a key beside one.)"""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _message(raw: bytes) -> tuple[str, str | None]:
    """What an error's body says, and its code: `{"error": {"message", "code"}}` or any text."""
    try:
        error = json.loads(raw)
        error = error.get("error", error)
        if isinstance(error, dict):
            return str(error.get("message") or error), error.get("code")
        return str(error), None
    except (AttributeError, ValueError):
        return raw[:300].decode("utf-8", "replace"), None
