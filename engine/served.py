"""A student that answers behind an OpenAI-compatible server (vLLM and the like), with a LoRA adapter if one is named.

Nothing goes through the ledger: the server is the user's own, and what it charges, if anything, is not counted. The
server's chat template is the student's, so what is asked is what training reads. Greedy: temperature 0.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from engine.domain import Message, Request
from engine.errors import OutcomeUnknownError, RateLimitedError, StudentError, TeacherError, TeacherUnreachableError
from engine.teachers.openai_compatible import OpenAICompatibleTeacher

AT_ONCE = 64
"""Questions on their way: a server batches what it has."""
ATTEMPTS = 4
LONGEST_WAIT_S = 20.0
LOAD_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a student answers."""

    base_url: str
    """`http://127.0.0.1:8000/v1` and the like."""
    model: str
    """The server's name for the student; an adapter gets one of its own (`adapter_on`)."""
    key: SecretStr | None = None


def answers_of(
    server: Server, questions: Sequence[Sequence[Message]], max_new_tokens: int, stop: Sequence[str] = ()
) -> tuple[str | None, ...]:
    """One greedy answer per question, in their order, up to the first of the `stop` texts; None where the server failed
    at one for good. StudentError where it refuses, is not there, or answers none of them."""
    said = asyncio.run(_all(server, questions, max_new_tokens))
    if questions and all(one is None for one in said):
        raise StudentError(f"{server.model} at {server.base_url} answered none of {len(questions)} questions")
    return tuple(None if one is None else _until(one, stop) for one in said)


def adapter_on(server: Server, folder: Path) -> Server:
    """Loads an adapter into the server under a name of its own, and gives the server as it speaks with it.

    vLLM does so where it was started with `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True; the folder must be
    one that the server can read. StudentError where it does not; an adapter that is there already is used.
    """
    name = f"{folder.resolve().parent.name}-{folder.resolve().name}"
    body = json.dumps({"lora_name": name, "lora_path": str(folder.resolve())}).encode()
    headers = {"Content-Type": "application/json"}
    if server.key is not None:
        headers["Authorization"] = f"Bearer {server.key.get_secret_value()}"
    url = f"{server.base_url.rstrip('/')}/load_lora_adapter"
    if not url.startswith(("http://", "https://")):
        raise StudentError(f"server {server.base_url}: expected an address like http://127.0.0.1:8000/v1")
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was looked at
    try:
        with urllib.request.urlopen(request, timeout=LOAD_TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        if error.code != 400 or "already" not in said:
            raise StudentError(
                f"{server.base_url} did not load the adapter {folder} ({error.code}): {_clean(said, server)}; "
                "start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or name an adapter that it "
                "serves with --model"
            ) from None
    except (OSError, ValueError) as error:
        raise StudentError(f"{server.base_url} cannot be reached ({error}); is the server running?") from None
    return Server(server.base_url, name, server.key)


async def _all(server: Server, questions: Sequence[Sequence[Message]], max_new_tokens: int) -> list[str | None]:
    asked = OpenAICompatibleTeacher(server.base_url, server.model, server.key, timeout_s=600.0)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(question: Sequence[Message]) -> str | None:
        async with places:
            for attempt in range(ATTEMPTS):
                try:
                    return (await asked.ask(Request(tuple(question), max_new_tokens, 0.0, 0))).text
                except RateLimitedError as error:
                    wait = error.retry_after or 2.0**attempt
                except OutcomeUnknownError:
                    wait = 0.5 * 2.0**attempt
                await asyncio.sleep(min(LONGEST_WAIT_S, wait))
            return None

    failed: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(question)) for question in questions]
    except* (TeacherError, TeacherUnreachableError) as several:
        failed = _first(several)
    finally:
        await asked.close()
    if failed is not None:  # raised up there, Python 3.11.2 would wrap it in a group
        raise StudentError(f"the student's server: {failed}")
    return [task.result() for task in tasks]


def _first(several: BaseException) -> BaseException:
    while isinstance(several, BaseExceptionGroup):
        several = several.exceptions[0]
    return several


def _until(text: str, stop: Sequence[str]) -> str:
    return text[: min((text.find(one) for one in stop if one in text), default=len(text))].strip()


def _clean(said: str, server: Server) -> str:
    short = " ".join(said.split())[:300]
    return short if server.key is None else short.replace(server.key.get_secret_value(), "***")
