"""What a user can ask of a run while a worker holds it, and how its work hears of it."""

from __future__ import annotations

from collections.abc import Callable

PAUSE, CANCEL, STOP = "pause", "cancel", "stop"
"""Requests: rest until it is resumed; end; end a pilot and score what is trained until then (stop and keep)."""


class Stopped(Exception):  # noqa: N818 - no error: the user asked for it
    """The user asked for one of these; raised by the work's `check`, between two of its steps."""

    def __init__(self, request: str) -> None:
        self.request = request
        super().__init__(request)


def deaf_to_stop(check: Callable[[], None]) -> Callable[[], None]:
    """The same `check` for the scoring that STOP asks for itself; it still hears PAUSE and CANCEL."""

    def heard() -> None:
        try:
            check()
        except Stopped as stopped:
            if stopped.request != STOP:
                raise

    return heard
