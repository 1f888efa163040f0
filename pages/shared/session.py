"""What pages share in a session: how errors reach the user, and the first moment in the browser."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.errors import InputError, SeedPilotError
from pages.shared import words

log = logging.getLogger("seedpilot.pages")

DRAWN = "session_drawn"
breath_s = 0.0
"""Seconds that `let_draw` waits; our own server sets it, so that only a browser is waited for."""


def let_draw() -> None:
    """Lets the browser draw what it has, once in a visit. It takes in all that comes at once before it draws any of
    it: the sentence that somebody came for would wait 200 to 300 ms for the chart and the lists below it."""
    if not st.session_state.get(DRAWN):
        st.session_state[DRAWN] = True
        time.sleep(breath_s)


@contextmanager
def shown_errors() -> Iterator[None]:
    """Shows any error of a page as one message that says what to do; never a traceback.

    Reruns and stops of Streamlit are no `Exception` and pass through. The whole error goes to the log of
    the server.
    """
    try:
        yield
    except SeedPilotError as error:
        st.error(message(error), icon=":material/error:")
    except Exception:
        log.exception("A page failed")
        st.error(
            "Something went wrong on this page, and that is a fault of SeedPilot. Reload the page; if it "
            "happens again, the terminal that runs `seedpilot app` shows the details to report.",
            icon=":material/bug_report:",
        )


def message(error: SeedPilotError) -> str:
    """The error for the user's eye: several problems as a list."""
    if isinstance(error, InputError) and len(error.problems) > 1:
        return "\n".join(f"- {words.plain(problem)}" for problem in error.problems)
    return words.plain(str(error))
