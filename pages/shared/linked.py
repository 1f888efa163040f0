"""Inputs that live in the address: a link restores them, Back goes back to them, and other pages find them filled.

Streamlit's own `bind` is not used for them: on the way from one page to another it drops from the address what the
page before had bound under the same name, so neither a link with the situation nor Back would work (seen on 1.67).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, auto
from typing import Any, NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

COMING, PAGE, LEFT, READ, CARRIED = "linked_coming", "linked_page", "linked_left", "linked_read", "linked_carried"
"""In the session: the page of this run, that of the last whole run, its address as that run left it, where inputs of
this run take their values from, and every value that stands in an address, as text."""
_folded: ContextVar[bool] = ContextVar("linked_folded", default=False)
"""Whether the inputs that come next lie in a part that is folded. Not in the session: a run that is cut off there may
be kept from taking it back, and all inputs of the next run would be hidden."""


class _From(Enum):
    """Where the inputs of a run take their values from."""

    ADDRESS = auto()
    """One came by a link, or by Back."""
    CARRIED = auto()
    """One came by the menu: what was said on other pages holds here."""
    INPUTS = auto()
    """Somebody typed."""


@contextmanager
def page(name: str) -> Iterator[None]:
    """Around a page: decides whether its address speaks, what was said elsewhere, or what is typed."""
    state, now = st.session_state, st.query_params.to_dict()
    arrived = state.get(PAGE) != name
    state[COMING] = name
    if arrived:
        state[READ] = _From.ADDRESS if now else _From.CARRIED
    else:
        state[READ] = _From.ADDRESS if now != state.get(LEFT) else _From.INPUTS
    try:
        yield
    except RerunException:
        # Cut off by the next run, perhaps before every input was drawn: that one then arrives in its place.
        if not arrived:
            state[LEFT] = st.query_params.to_dict()
        raise
    except Exception:  # shown to the user by whoever is around
        _done(name)
        raise
    _done(name)


def stop() -> NoReturn:
    """In place of `st.stop`, after which nothing can be kept in the session any more."""
    _done(st.session_state[COMING])
    st.stop()


def _done(name: str) -> None:
    st.session_state[PAGE] = name
    st.session_state[LEFT] = st.query_params.to_dict()


def put(key: str, value: Any) -> None:
    """Says something in the user's place, before the input of that key is drawn: it counts as typed. None: not said."""
    state = st.session_state
    state[key] = value
    if value is None:
        state.setdefault(CARRIED, {}).pop(key, None)
        if key in st.query_params:
            del st.query_params[key]
        return
    state.setdefault(CARRIED, {})[key] = _text(value)
    if st.query_params.get(key) != _text(value):
        st.query_params[key] = _text(value)


@contextmanager
def fold(label: str, *, key: str, icon: str, expanded: bool = False) -> Iterator[None]:
    """A part that is folded at first. Folded, its inputs are not drawn, and each is what was said before: what nobody
    sees costs neither the server nor the browser anything."""
    under = st.expander(label, icon=icon, key=key, expanded=expanded, on_change="rerun")
    around = _folded.set(_folded.get() or not under.open)
    try:
        with under:
            yield
    finally:
        _folded.reset(around)


def number(label: str, default: float | None, *, key: str, whole: bool = False, on: Any = st, **options: Any) -> Any:
    """A number input; None, where that is the default, is what was not said."""
    least, most = options.get("min_value"), options.get("max_value")

    def read(text: str) -> float:
        value = float(text)
        if value != value:  # not a number
            raise ValueError(text)
        value = value if least is None else max(value, least)
        value = value if most is None else min(value, most)
        return int(value) if whole else value

    return _asked(lambda now: on.number_input(label, value=now, key=key, **options), key, default, read)


def text(label: str, default: str = "", *, key: str, **options: Any) -> str:
    """A text input, without blanks around."""
    return str(_asked(lambda now: st.text_input(label, value=now, key=key, **options), key, default, str)).strip()


def choice(label: str, options: Sequence[str], *, key: str, on: Any = st, **more: Any) -> str:
    """One of some options in a box; the first is the default."""

    def draw(now: str) -> str:
        return str(on.selectbox(label, options, index=options.index(now), key=key, **more))

    return str(_asked(draw, key, options[0], _one_of(options)))


def radio(label: str, options: Sequence[str], *, key: str, **more: Any) -> str:
    """One of some options, all of them seen; the first is the default."""

    def draw(now: str) -> str:
        return str(st.radio(label, options, index=options.index(now), key=key, **more))

    return str(_asked(draw, key, options[0], _one_of(options)))


def segments(label: str, options: Sequence[str], *, key: str, **more: Any) -> str:
    """One of a few options in a row; the first is the default."""

    def draw(now: str) -> str | None:
        return st.segmented_control(label, options, default=now, required=True, key=key, **more)

    return str(_asked(draw, key, options[0], _one_of(options)))


def toggle(label: str, *, key: str, **more: Any) -> bool:
    """On or off; off is the default."""
    return bool(
        _asked(lambda now: st.toggle(label, value=now, key=key, **more), key, False, lambda text: text == "true")
    )


def slider(label: str, options: Sequence[float], default: float, *, key: str, **more: Any) -> float:
    """One of some values in order."""

    def read(text: str) -> float:
        return next(value for value in options if _text(value) == text)

    def draw(now: float) -> float:
        return float(st.select_slider(label, options, value=now, key=key, **more))

    return float(_asked(draw, key, default, read))


def _one_of(options: Sequence[str]) -> Callable[[str], str]:
    return lambda text: options[options.index(text)]


def _asked(draw: Callable[[Any], Any], key: str, default: Any, read: Callable[[str], Any]) -> Any:
    state = st.session_state
    carried: dict[str, str] = state.setdefault(CARRIED, {})
    source = state.get(READ, _From.INPUTS)
    if source is not _From.INPUTS or (key not in state and key in carried):
        found = st.query_params.get(key) if source is _From.ADDRESS else carried.get(key)
        try:
            state[key] = default if found is None else read(found)
        except (ValueError, StopIteration):  # a link by hand, or of another version
            state[key] = default
    # The value is also the widget's own default: where two runs follow each other quickly, a browser that has not drawn
    # the first yet would otherwise show the default and keep the address's value unseen. What is folded is taken out,
    # so that what the address says until its part is opened counts then.
    value = state.pop(key, default) if _folded.get() else draw(state.get(key, default))
    if value == default:
        carried.pop(key, None)
        if key in st.query_params:
            del st.query_params[key]
    else:
        carried[key] = _text(value)
        if st.query_params.get(key) != carried[key]:
            st.query_params[key] = carried[key]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else "" if value is None else str(value)
