"""Labelled examples on the advice page, as a file: they are counted, their kind of answer is guessed, wrong rows told.

The file stays on this machine: the address holds numbers only. The wizard takes it over without a second upload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.errors import InputError, StoreError
from engine.labelled import Labelled, inputs_in, look
from engine.mapping import GUESSES, guessed_columns
from engine.plan import FEWEST_SEEDS, FEWEST_TEST_ITEMS
from engine.tasks.presets import preset
from engine.tasks.records import normalise
from pages.shared import columns_form, faulty_rows, linked, session, uploads, words
from pages.shared.pilot_examples import FILES, FORMATS

FILE, INPUTS = "examples", "inputs"
HANDED = "examples_handed"
"""In the session: what a new pilot that is filled from the advice takes over."""


@dataclass(frozen=True, slots=True)
class Examples:
    """A file that was read: what it holds, and what it was read from."""

    file: Path
    columns: dict[str, str]
    held: Labelled
    of: str
    """Names the file's content: what is said about it belongs to it alone."""


def ask(told: DeltaGenerator) -> Examples | None:
    """Asks for the file and its columns; None where there is none, where a column is awaited, and where the file as a
    whole is wrong. What is wrong is `told` in the place of the advice's sentence."""
    under = st.expander(
        "Take them from your file", icon=":material/upload_file:", key="examples_upload", on_change="rerun"
    )
    if not (under.open or uploads.there(FILE)):
        return None
    with under:
        try:
            file = uploads.ask(
                f"Your labelled examples ({FORMATS})",
                FILES,
                FILE,
                "One row per example: a question and its answer. It stays on this machine, and is in no link.",
            )
        except StoreError as error:
            with told:
                faulty_rows.whole(None, session.message(error))
            return None
        if file is None:
            return None
        of = file.parent.name
        names = columns_form.preview(file, FILE)
        chosen = _columns(names, of) if names else {}
    if not names:
        return _refused(told, file, _unreadable(file))
    if not ("messages" in chosen or {"question", "answer"} <= set(chosen)):
        st.info("Say which column holds the question and which the answer.", icon=":material/view_column:")
        return None
    try:
        held = look(file, chosen, faulty_rows.corrections(FILE, of))
    except InputError as error:
        return _refused(told, file, error)
    with told:
        faulty_rows.section(held, FILE, of, _remap)
    return Examples(file, chosen, held, of)


def _refused(told: DeltaGenerator, file: Path, error: InputError) -> None:
    with told:
        faulty_rows.whole(file, session.message(error))


def _remap() -> None:
    """Opens the choice of columns."""
    st.session_state["examples_upload"] = True


def _unreadable(file: Path) -> InputError:
    try:
        look(file, {})
    except InputError as error:
        return error
    return InputError(f"{file.name}: no row of it can be read; expected {FORMATS}, one example a row")


def _columns(names: list[str], of: str) -> dict[str, str]:
    chats = guessed_columns({"messages": "messages"}, names)
    choices = next((name for name in GUESSES["choices"] if name in names), None)
    pairs = guessed_columns({"question": "question", "answer": "answer"}, names)
    if choices is not None and "answer" not in pairs:
        pairs = guessed_columns(
            {"question": "question", "answer": preset("multiple_choice")["columns"]["answer"]}, names
        )
    if "messages" in chats and "question" not in pairs:
        return columns_form.choose(["messages"], names, chats, "examples_chat", of, a_row=1)
    likely = {part: column for part, column in pairs.items() if part in ("question", "answer")}
    chosen = columns_form.choose(["question", "answer", "context"], names, likely, "examples_pair", of, a_row=1)
    return chosen | ({"choices": choices} if choices is not None else {})


def apply(found: Examples) -> None:
    """Says in the user's place what the file says: how many, what the answers look like, how many are kept for testing.

    Once for each file, but for the number of examples, which is the file's as long as it is there.
    """
    linked.put("seeds", len(found.held.items))
    guess = words.TASKS[found.held.type]
    told = (found.of, guess, len(found.held.items))
    if st.session_state.get("examples_applied") == told:
        return
    known = st.session_state.get("examples_applied")
    st.session_state["examples_applied"] = told
    if known is None or known[:2] != told[:2]:
        linked.put("task", guess)
    linked.put("test_items", float(found.held.held_out()) if enough(found) else None)


def enough(found: Examples) -> bool:
    """Whether a pilot could train on some and test on others."""
    return len(found.held.items) >= FEWEST_SEEDS + FEWEST_TEST_ITEMS


def guess(found: Examples, task: str) -> None:
    """What the answers look like, said as the guess that it is."""
    label = words.TASKS[found.held.type]
    said = found.held.guess.said
    if task == label:
        told = f"{said} This is a guess; choose another kind if it is wrong."
    else:
        told = f"{said} The guess was: {label}. You chose otherwise."
    st.info(words.plain(told), icon=":material/lightbulb:")


def inputs(found: Examples | None) -> int | None:
    """Asks for the file of inputs without answers; how many different ones there are that are no labelled example."""
    under = st.expander(
        "Count them in your file", icon=":material/upload_file:", key="inputs_upload", on_change="rerun"
    )
    if not (under.open or uploads.there(INPUTS)):
        return None
    with under:
        file = uploads.ask(
            f"Your inputs without answers ({FORMATS})", FILES, INPUTS, "One row per input. It stays on this machine."
        )
        if file is None:
            return None
        names = columns_form.preview(file, INPUTS)
        likely = guessed_columns({"question": "question"}, names)
        column = columns_form.choose(["question"], names, likely, "inputs_pair", file.parent.name, a_row=1).get(
            "question"
        )
        if column is None and names:
            st.info("Say which column holds the input.", icon=":material/view_column:")
            return None
        try:
            different, without = inputs_in(file, column or "question")
        except InputError as error:
            st.error(session.message(error), icon=":material/error:")
            return None
        known = set() if found is None else {normalise(item.question) for item in found.held.items}
        new = sum(text not in known for text in different)
        labelled = len(different) - new
        parts = [f"{new:,} {'input' if new == 1 else 'inputs'} that count"]
        if labelled:
            are = "is a labelled example" if labelled == 1 else "are labelled examples"
            parts.append(f"{labelled:,} {are} already")
        if without:
            parts.append(f"{without:,} {'row holds' if without == 1 else 'rows hold'} none")
        st.caption(f"{'; '.join(parts)}.")
    linked.put("unlabelled", float(new))
    st.session_state["inputs_column"] = column
    return new


def hand_over(found: Examples | None) -> None:
    """Keeps ready what a new pilot takes over: the files as they are after all corrections, and their columns."""
    handed: dict[str, object] = {}
    if found is not None and not found.held.wrong:
        handed["file"] = faulty_rows.mended(found.file, found.columns, FILE, found.of)
        handed["columns"] = found.columns
    path = st.session_state.get(f"{INPUTS}_path")
    if isinstance(path, Path):
        handed["inputs"], handed["inputs_column"] = path, st.session_state.get("inputs_column")
    st.session_state[HANDED] = handed


def handed() -> Mapping[str, object]:
    """What the advice page keeps ready; empty where no file was given there."""
    found: Mapping[str, object] = st.session_state.get(HANDED, {})
    return found
