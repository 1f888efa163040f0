"""A form that is not yet a run, kept beside the store: a reload or a link finds it again, a key is never in it.

Streamlit's session ends with the browser's page. The address names the draft; who opens it anew goes on with a copy of
their own, so that two tabs never write over each other.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import streamlit as st

from engine.domain import Strategy, TaskType
from engine.settings import Settings
from pages.shared import account

KEPT_S = 30 * 24 * 3600.0
DRAFT, TOKEN = "pilot_draft", "pilot_token"
"""In the session: the draft's name, and what makes two starts of the same form the same run."""
_SAVED = "pilot_draft_saved"

_INPUTS = re.compile(
    r"(pilot|task|scorer|augmenter|teacher|variant|target|prompts|check|judge)_.*|try_reply|plan_came_from|advice_came"
)
_SWITCHES = re.compile(
    r"variant_[a-z_]+|scorer_.*|.*_reasoning|pilot_batch|pilot_shared|pilot_label_shares|target_adaptive|"
    r"target_recommended"
)
"""Of the inputs that are on or off: buttons look the same, and cannot be set."""
_NEVER = re.compile(
    r"pilot_key|pilot_shown|pilot_step.*|pilot_draft.*|check_token|judge_state|"
    r"judge_labels|(pilot|pilot_task|pilot_test|task)_file|.*_inputs|.*_replies"
)
"""What is no part of a draft; uploaders (the second line) refuse to be set, their files are kept by `_path`."""
_NAMED = {"strategy": Strategy, "task_type": TaskType}


def opened() -> list[str]:
    """To be called before the inputs are drawn: takes up the draft that the address names; what could not be."""
    session, address = st.session_state, st.query_params.get("draft", "")
    mine = session.get(DRAFT)
    told: list[str] = []
    if address and address != mine and mine is None:
        told = _taken_up(address)
    session.setdefault(DRAFT, secrets.token_hex(16))
    session.setdefault(TOKEN, secrets.token_hex(16))
    return told


def keep(*, entered: bool) -> None:
    """To be called at the end of the page: writes what changed. `entered`: the page was just come to."""
    values = {name: _written(value) for name, value in st.session_state.items() if _is_input(str(name), value)}
    saved = st.session_state.get(_SAVED)
    now = json.dumps(values, sort_keys=True)
    name = st.session_state[DRAFT]
    if saved is not None and now != saved:
        _write(name, values)
    # Written into the address when something changes or the page is come to, never in between: otherwise the
    # browser's back button would lead nowhere.
    if st.query_params.get("draft") != name and ((saved is not None and now != saved) or (entered and _path(name))):
        st.query_params["draft"] = name
    st.session_state[_SAVED] = now


def renew() -> None:
    """What is filled in from now on is another draft."""
    for name in (DRAFT, TOKEN):
        st.session_state[name] = secrets.token_hex(16)
    st.session_state[_SAVED] = ""


def clear() -> None:
    """An empty form."""
    for name in [str(name) for name in st.session_state if _INPUTS.fullmatch(str(name))]:
        del st.session_state[name]
    renew()


def _taken_up(name: str) -> list[str]:
    path = _path(name)
    try:
        kept = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    if (kept.get("version"), kept.get("owner")) != (version("seedpilot"), account.owner()):
        return ["The plan that this address names is not kept here any more. The form begins anew."]
    told = []
    for key, value in kept["values"].items():
        if _NEVER.fullmatch(key):
            continue
        read = _read(value)
        if isinstance(read, Path):
            if not read.exists():
                told.append(f"{read.name} is not kept here any more: upload it again.")
                continue
            with suppress(OSError):
                os.utime(read.parent)  # in use
        st.session_state[key] = read
    return told


def _is_input(name: str, value: Any) -> bool:
    if not _INPUTS.fullmatch(name) or _NEVER.fullmatch(name):
        return False
    if isinstance(value, bool):
        return bool(_SWITCHES.fullmatch(name))
    if name in ("plan_came_from", "advice_came"):
        return isinstance(value, dict)
    return value is None or isinstance(value, str | int | float | list | tuple | Path)


def _written(value: Any) -> Any:
    if isinstance(value, Path):
        return {"path": str(value)}
    for name, kind in _NAMED.items():
        if isinstance(value, kind):
            return {name: value.value}
    if isinstance(value, tuple):
        return {"tuple": [_written(part) for part in value]}
    if isinstance(value, list):
        return [_written(part) for part in value]
    return {"values": value} if isinstance(value, dict) else value


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(part) for part in value]
    if not isinstance(value, dict):
        return value
    (name, held), *_ = value.items()
    if name in _NAMED:
        return _NAMED[name](held)
    return {"path": Path, "tuple": lambda parts: tuple(map(_read, parts))}.get(name, lambda same: same)(held)


def _path(name: str) -> Path | None:
    """The file of a draft that is there."""
    path = _folder() / f"{name}.json"
    return path if re.fullmatch(r"[0-9a-f]{32}", name) and path.exists() else None


def _folder() -> Path:
    return Settings().home / "drafts"


def _write(name: str, values: dict[str, Any]) -> None:
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial, path = folder / f"{name}.partial", folder / f"{name}.json"
        begun = not path.exists()
        kept = {"version": version("seedpilot"), "owner": account.owner(), "values": values}
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(path)
        for other in folder.iterdir() if begun else ():
            if time.time() - other.stat().st_mtime > KEPT_S:
                other.unlink(missing_ok=True)
    except OSError as error:
        st.warning(
            f"The form could not be kept in {folder} ({error.strerror}): a reload would lose it.",
            icon=":material/warning:",
        )
