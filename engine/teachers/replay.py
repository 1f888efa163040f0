"""A teacher that repeats recorded replies from a file: old runs scored anew, demonstrations, tests. Costs nothing.

The file is JSONL; a row is either `{"messages": [{"role", "content"}, ...], "reply"}`, for exactly that
conversation, or `{"question", "reply"}`, for any request that ends with that question (`Question: ...`). Several
rows for the same are the draws of it, in order; `finish_reason`, `input_tokens` and `output_tokens` are optional.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.domain import Message, Reply, Request
from engine.errors import InputError, NoReplyError


class ReplayTeacher:
    """Answers from a file; NoReplyError for what was not recorded, which is charged to nobody."""

    def __init__(self, path: Path) -> None:
        """Reads the file; InputError with every row that cannot be used."""
        self.name = f"replay of {path.name}"
        self._replies: dict[str, list[Reply]] = {}
        problems: list[str] = []
        try:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        self._take(line, f"{path.name}, line {number}", problems)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({error}); expected a JSONL file of recorded replies") from error
        if not problems and not self._replies:
            problems.append(f"{path.name}: holds no reply; expected rows with `question` and `reply`")
        if problems:
            raise InputError(problems)

    async def ask(self, request: Request) -> Reply:
        """The recorded reply of that draw."""
        messages = request.messages
        recorded = self._replies.get(_conversation(messages)) or self._replies.get(_question(messages[-1].content), [])
        if request.sample_index < len(recorded):
            return recorded[request.sample_index]
        asked = " ".join(messages[-1].content.split())[:80]
        raise NoReplyError(
            f"{self.name}: {len(recorded)} replies are recorded for {asked!r}, none is left for this draw"
        )

    def _take(self, line: str, where: str, problems: list[str]) -> None:
        try:
            row = json.loads(line)
            key = _key(row)
            reply = Reply(
                text=_text(row["reply"]),
                finish_reason=str(row.get("finish_reason") or "stop"),
                input_tokens=row.get("input_tokens"),
                output_tokens=row.get("output_tokens"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(
                f"{where}: {type(error).__name__} ({error}); expected an object with `reply`, and with `question` "
                "or `messages`"
            )
            return
        self._replies.setdefault(key, []).append(reply)


def _key(row: dict[str, Any]) -> str:
    if "messages" in row:
        return _conversation(tuple(Message(_text(m["role"]), _text(m["content"])) for m in row["messages"]))
    return _question(_text(row["question"]))


def _conversation(messages: tuple[Message, ...]) -> str:
    return json.dumps([(message.role, message.content) for message in messages])


def _question(text: str) -> str:
    return " ".join(text.removeprefix("Question:").split())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"found {value!r}, expected text")
    return value
