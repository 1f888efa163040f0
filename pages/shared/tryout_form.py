"""The scorer tried on the first rows before anything is paid: the gold answers, and a reply that the user types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from engine.domain import Outcome
from engine.errors import InputError
from engine.mapping import mapped
from engine.scoring import TRIED_ROWS, Tried, first_items, try_scorer
from engine.tasks import load_task
from pages.shared import words
from pages.shared.pilot_parts import KEEP

OUTCOMES = {Outcome.RIGHT: "Right", Outcome.WRONG: "Wrong", Outcome.NOT_SCORED: "Not scored"}


def section(file: Path, task: str, columns: Mapping[str, str]) -> None:
    """Draws it for a file of examples, a task, and the plan's `map`."""
    with st.expander("Try the scorer on your first rows; nothing is paid", icon=":material/fact_check:"):
        typed = st.text_area(
            "A reply to try",
            key="try_reply",
            height=80,
            placeholder="What a teacher or a student might say",
            help="Scored against each of the rows. The right answers are tried as replies too.",
            **KEEP,
        )
        pressed = st.button(f"Try it on {TRIED_ROWS} rows", key="try_scorer", icon=":material/play_arrow:")
        wanted = json.dumps([str(file), task, dict(columns), typed])
        if pressed:
            with st.spinner("Scoring"):
                st.session_state["try_state"] = (wanted, *_tried(file, task, columns, typed))
        state: tuple[str, list[Tried], tuple[str, ...]] | None = st.session_state.get("try_state")
        if state is None:
            return
        if state[0] != wanted:
            st.caption("The task, its columns or the reply changed since: try again.")
        elif state[2]:
            st.error("\n".join(f"- {words.plain(problem)}" for problem in state[2]), icon=":material/error:")
        else:
            _shown(state[1])


def _tried(file: Path, task: str, columns: Mapping[str, str], typed: str) -> tuple[list[Tried], tuple[str, ...]]:
    try:
        found = load_task(task, file)
        items = first_items(file, mapped(found.read_row, found, columns, "seeds.map"))
        return try_scorer(found, items, typed), ()
    except InputError as error:
        return [], error.problems


def _shown(tried: list[Tried]) -> None:
    right = sum(one.gold.outcome is Outcome.RIGHT for one in tried)
    said = f"Of {len(tried)} right answers of yours, the scorer takes {right} for right."
    if right == len(tried):
        st.success(said, icon=":material/check_circle:")
    elif all(one.gold.outcome is Outcome.NOT_SCORED for one in tried):
        st.info(f"None of your right answers was scored: {words.plain(tried[0].gold.reason)}.", icon=":material/info:")
    else:
        st.warning(f"{said} Look at why, and change the scorer or the rows.", icon=":material/warning:")
    rows = []
    for one in tried:
        row = {"Right answer": OUTCOMES[one.gold.outcome], "Why": one.gold.reason}
        if one.typed is not None:
            row |= {"Your reply": OUTCOMES[one.typed.outcome], "Why of your reply": one.typed.reason}
        rows.append(row | {"Question": one.item.question, "Gold": one.item.answer})
    if not any(row["Why"] for row in rows):
        rows = [{name: value for name, value in row.items() if name != "Why"} for row in rows]
    # Replies and rows are others' text: shown as text in cells, never as Markdown.
    st.dataframe(
        rows,
        hide_index=True,
        key="try_rows",
        column_config={name: st.column_config.Column(width="medium") for name in ("Question", "Gold")},
        alt="Each row with what the scorer says of its right answer and of your reply",
    )
