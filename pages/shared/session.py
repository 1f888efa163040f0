"""What pages share in a session: cached evidence, and how errors reach the user."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from engine.errors import InputError, SeedPilotError
from pages.shared import words

log = logging.getLogger("seedpilot.pages")


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
