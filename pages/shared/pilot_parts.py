"""What the parts of a pilot's form share: what they have asked for so far, and how they ask for a number."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

KEEP: Any = {"persist_state": "session"}
"""What was typed is still there after a visit to another page."""


class Place(Protocol):
    """Where a part of the form is drawn: entered again, it goes on below what is there."""

    def __call__(self) -> AbstractContextManager[Any]:
        """To be used with `with`."""


@dataclass(slots=True)
class Asked:
    """What the form holds."""

    raw: dict[str, Any]
    key: str | None = field(default=None, repr=False)
    problems: list[str] = field(default_factory=list)
    """Faults of the form itself, and what it waits for; the engine tells those of the plan."""
    missing: set[str] = field(default_factory=set)
    """Those of `problems` that only say what is still to be given."""
    complete: bool = True
    """Whether every file that the plan names is there, so that the engine can look at it."""
    notes: list[str] = field(default_factory=list)

    def wait_for(self, said: str, *, complete: bool = False) -> None:
        """Something is still to be given; `complete` where the engine can look at the plan all the same."""
        self.problems.append(said)
        self.missing.add(said)
        self.complete = self.complete and complete


def count(
    column: Any, label: str, key: str, value: int, least: int, most: int | None = None, help: str | None = None
) -> int:
    """Asks for a whole number."""
    return int(column.number_input(label, min_value=least, max_value=most, value=value, key=key, help=help, **KEEP))
