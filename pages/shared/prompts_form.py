"""What the teacher will be sent: the choices of a plan's prompts, and the prompts themselves as plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.domain import Strategy
from engine.prompts_shown import Prompt
from pages.shared import words
from pages.shared.pilot_parts import KEEP, count

ROLES = {"system": "Instructions", "user": "Then, as the user's turn", "assistant": "The model's turn"}


def section() -> dict[str, Any]:
    """Asks what prompts hold beside instructions and the item; the plan's part."""
    left, right = st.columns(2)
    return {
        "prompts": {
            "few_shot": count(
                left,
                "Examples shown in each prompt",
                "prompts_few_shot",
                0,
                0,
                50,
                "Drawn from your seeds, never from test items. Each makes every query longer.",
            ),
            "questions_per_call": count(
                right,
                "New questions asked for at once",
                "prompts_together",
                1,
                1,
                20,
                "Several are cheaper, and less different from each other.",
            ),
        }
    }


def show(found: Sequence[Prompt] | None) -> None:
    """The queries for one example of each strategy; None where the plan has faults."""
    if not found:
        st.caption("The prompts appear here once seeds, task and teacher are complete.")
        return
    strategies = list(dict.fromkeys(prompt.strategy for prompt in found))
    chosen = st.segmented_control(
        "Strategy",
        strategies,
        default=strategies[0],
        required=True,
        format_func=words.STRATEGIES.__getitem__,
        key="prompts_strategy",
        **KEEP,
    )
    shown = chosen if chosen in strategies else strategies[0]
    what = "your first unlabelled input" if shown is Strategy.REAL_QUESTION else "your first seed"
    of_strategy = [prompt for prompt in found if prompt.strategy is shown]
    calls = "One query" if len(of_strategy) == 1 else f"{len(of_strategy)} queries"
    with st.expander(f"{calls} for an example from {what}, word for word", icon=":material/article:"):
        _texts(of_strategy)


def _texts(of_strategy: Sequence[Prompt]) -> None:
    for place, prompt in enumerate(of_strategy, 1):
        number = f"{place}. " if len(of_strategy) > 1 else ""
        st.markdown(f"**{number}{'Writes the question' if prompt.writes else 'Answers'}**")
        if prompt.stands_in:
            st.caption("Your own question stands where the written one will.")
        for message in prompt.request.messages:
            st.caption(ROLES.get(message.role, message.role))
            # As it is: neither Markdown nor HTML.
            st.code(message.content, language=None, wrap_lines=True)
        if prompt.request.response_schema is not None:
            st.caption("The reply has to follow this JSON schema, where the endpoint supports it")
            st.code(json.dumps(prompt.request.response_schema, ensure_ascii=False), language=None, wrap_lines=True)
