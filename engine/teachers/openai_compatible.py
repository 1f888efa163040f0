"""A teacher behind the OpenAI chat-completions protocol (OpenAI, vLLM, Ollama, llama.cpp ...).

One request is one call: the client's own retries are off, because each of them could be billed past
the ledger. Every failure is translated by what it means for the bill (engine.errors), and the key is
cut out of every message.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import openai
from pydantic import SecretStr

from engine.domain import Reply, Request
from engine.errors import (
    OutcomeUnknownError,
    RateLimitedError,
    TeacherError,
    TeacherRefusedError,
    TeacherUnreachableError,
)

_NO_KEY = "no-key"
"""Sent where the user gave no key: without it the client would take OPENAI_API_KEY from the environment
and hand it to whatever endpoint the plan names."""

_NEVER_SENT = ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")


class OpenAICompatibleTeacher:
    """Asks one model of one endpoint."""

    def __init__(self, base_url: str, model: str, key: SecretStr | None, *, timeout_s: float = 120.0) -> None:
        self.base_url = base_url
        self.model = model
        self.name = f"{model} at {urlsplit(base_url).netloc}"
        self._key = key
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=key.get_secret_value() if key else _NO_KEY,
            max_retries=0,
            timeout=timeout_s,
        )

    async def ask(self, request: Request) -> Reply:
        """One reply; TeacherRefusedError, RateLimitedError, TeacherUnreachableError or
        OutcomeUnknownError, by what the failure means for the bill."""
        hosted = (urlsplit(self.base_url).hostname or "").endswith("openai.com")
        # OpenAI's newer models take the second name only, most local servers the first.
        limit: dict[str, Any] = {"max_completion_tokens" if hosted else "max_tokens": request.max_tokens}
        messages: list[Any] = [{"role": m.role, "content": m.content} for m in request.messages]
        try:
            completion = await self._client.chat.completions.create(
                model=self.model,
                messages=messages,
                temperature=request.temperature,
                **limit,
            )
            choice = completion.choices[0]
            text, finish = choice.message.content or "", choice.finish_reason or "stop"
            usage = completion.usage
        except openai.OpenAIError as error:
            raise self._translated(error) from None
        except (AttributeError, IndexError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            # A 200 that is no chat completion: the endpoint may have charged for it.
            raise OutcomeUnknownError(
                f"{self.name}: the reply is no chat completion ({type(error).__name__}); "
                "check that base_url is the endpoint's OpenAI-compatible address, often ending in /v1"
            ) from None
        return Reply(
            # Lone surrogates, which JSON allows, can be stored nowhere.
            text=text.encode("utf-8", "replace").decode(),
            finish_reason=finish,
            input_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _translated(self, error: openai.OpenAIError) -> TeacherError:
        if isinstance(error, openai.APIStatusError):
            return self._status_error(error)
        if isinstance(error, openai.APIConnectionError):
            if type(error.__cause__).__name__ in _NEVER_SENT:
                return TeacherUnreachableError(
                    f"{self.base_url} cannot be reached ({self._clean(str(error.__cause__))}); "
                    "check the address and that the server is running"
                )
            what = "timed out" if isinstance(error, openai.APITimeoutError) else "lost the connection"
            return OutcomeUnknownError(f"{self.name}: {what} after the request was sent")
        return OutcomeUnknownError(f"{self.name}: {self._clean(str(error))}")

    def _status_error(self, error: openai.APIStatusError) -> TeacherError:
        status, said = error.status_code, self._clean(error.message)
        if status == 429:
            return RateLimitedError(f"{self.name} asks to slow down (429): {said}", _retry_after(error))
        if status in (401, 403):
            return TeacherRefusedError(
                f"{self.base_url} refused the key ({status}): {said}. Check the key and that it may use {self.model!r}"
            )
        if status == 404:
            return TeacherRefusedError(
                f"{self.base_url} does not know the model {self.model!r} or the path (404): {said}. "
                f"Check the model's name; {self.base_url.rstrip('/')}/models lists those it serves"
            )
        if 400 <= status < 500:
            return TeacherRefusedError(f"{self.name} refused the request ({status}): {said}")
        return OutcomeUnknownError(f"{self.name} failed ({status}): {said}")

    def _clean(self, text: str) -> str:
        secret = self._key.get_secret_value() if self._key else ""
        return (text.replace(secret, "[key]") if secret else text)[:300]


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 3600 else None
