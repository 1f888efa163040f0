"""What the parts of a pilot's form share: what they have asked for so far, and how they ask for a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEEP: Any = {"persist_state": "session"}
"""What was typed is still there after a visit to another page."""


@dataclass(slots=True)
class Asked:
    """What the form holds."""

    raw: dict[str, Any]
    key: str | None = field(default=None, repr=False)
    problems: list[str] = field(default_factory=list)
    """Faults of the form itself; the engine tells those of the plan."""
    complete: bool = True
    """Whether every file that the plan names is there, so that the engine can look at it."""
    notes: list[str] = field(default_factory=list)


def count(
    column: Any, label: str, key: str, value: int, least: int, most: int | None = None, help: str | None = None
) -> int:
    """Asks for a whole number."""
    return int(column.number_input(label, min_value=least, max_value=most, value=value, key=key, help=help, **KEEP))
