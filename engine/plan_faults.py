"""What is wrong with a plan, in words, and the plan without it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


def without(raw: Any, places: list[tuple[int | str, ...]]) -> bool:
    """Takes those settings out of a raw plan; whether there were any to take out."""
    removed = False
    for place in places:
        # A setting goes as a whole: a list with one wrong member would be another list.
        keys = [part for part in place if isinstance(part, str)]
        part = raw
        for key in keys[:-1]:
            part = part.get(key) if isinstance(part, dict) else None
        if keys and isinstance(part, dict) and keys[-1] in part:
            del part[keys[-1]]
            removed = True
    return removed


def problems_of(error: ValidationError, name: str) -> list[str]:
    """What is wrong with a plan, in words; `name` goes before each line."""
    problems = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "is no setting of a plan; `seedpilot plan --example` shows them all"
        if where:
            message = f"{where}: {message[0].lower()}{message[1:]}"
            if fault["type"] not in ("extra_forbidden", "missing"):
                message += f" (found {fault['input']!r})"
        problems += [f"{name}: {line}" for line in message.split("\n")]
    return problems
