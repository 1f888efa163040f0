"""The worlds of the sandbox, in the order in which a teacher tries to read a question."""

from __future__ import annotations

from typing import Any

from engine.errors import InputError
from engine.sandbox import facts, maths, open_answers, sql, tickets
from engine.sandbox.worlds import World

WORLDS: tuple[World[Any], ...] = (maths.WORLD, sql.WORLD, facts.WORLD, tickets.WORLD, open_answers.WORLD)

NAMES = tuple(one.name for one in WORLDS)


def world_of(name: str) -> World[Any]:
    """The world of that name; InputError with all names where there is none."""
    for one in WORLDS:
        if one.name == name:
            return one
    raise InputError(f"world {name!r} is not known; expected one of {', '.join(NAMES)}")
