"""What the user has and wants, asked once: bound to the URL, so that a link restores it on every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.domain import Situation, TeacherOffer
from pages.shared import budget, teachers, words

MOST_SEEDS = 10_000_000
AUGMENTERS = {"Strong, like the teacher": "strong", "Weak": "weak"}
CHECKABLE: dict[str, bool | None] = {"Not said": None, "Yes": True, "No": False}
CALLS = {"Every call, as on the bill": "all", "One per example, as in the studies": "paper"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, and where the price of each named teacher comes from."""

    situation: Situation
    price_sources: dict[str, str]


def ask() -> Asked | None:
    """Draws the inputs; None, and a sentence on what is missing, where the budget cannot be known yet."""
    tasks = {label: task for task, label in words.TASKS.items()}
    task = tasks[st.selectbox("What does one answer look like?", list(tasks), key="task", bind="query-params")]
    seeds = st.number_input(
        "Labelled examples",
        min_value=1,
        max_value=MOST_SEEDS,
        value=100,
        step=50,
        key="seeds",
        bind="query-params",
        help="Questions with a right answer that you may train on (your seeds).",
    )
    have = budget.ask()
    with st.expander("Assumptions", icon=":material/tune:", key="assumptions"):
        augmenter = st.radio(
            "The model that writes questions",
            list(AUGMENTERS),
            key="augmenter",
            bind="query-params",
            help="A weak model's new questions are worth less; its rephrasings hold up.",
        )
        calls = st.radio(
            "What counts as a query",
            list(CALLS),
            key="calls",
            bind="query-params",
            help="A rephrasing and a new question take two calls each: one for the question, one for its answer.",
        )
    with st.expander("Other teachers", icon=":material/groups:", key="others"):
        compared = teachers.others(have.tokens)
        if compared and have.usd_per_query is None:
            st.caption("Compared for the same money, as soon as the price of a query of your own teacher is known.")
    with st.expander("What else you have", icon=":material/inventory_2:", key="more"):
        more = _more(have)
    if have.queries is None:
        return None
    named = [have.teacher, *compared] if have.usd_per_query is not None else []
    situation = Situation(
        task,
        int(seeds),
        have.queries,
        AUGMENTERS[augmenter],
        CALLS[calls],
        budget_usd=have.usd,
        teachers=tuple(priced.offer for priced in named),
        **more,
    )
    return Asked(situation, {priced.offer.name: priced.source for priced in named})


def _more(have: budget.Budget) -> dict[str, Any]:
    """What few have to say: each left empty is unknown, and nothing is guessed for it."""

    def number(label: str, key: str, help: str, step: float = 1.0, least: float = 0.0) -> float | None:
        return st.number_input(
            label,
            min_value=least,
            value=None,
            step=step,
            key=key,
            bind="query-params",
            placeholder="not said",
            help=help,
            format="%.0f" if step >= 1 else "%.5f",
        )

    unlabelled = number(
        "Questions without an answer", "unlabelled", "Your own real inputs: asking about them competes."
    )
    test = number(
        "Test items",
        "test_items",
        "Items that you keep for testing: they limit which difference can be seen.",
        least=1.0,
    )
    seed_usd = number("Price of one more labelled example, $", "seed_usd", "Then seeds and queries are weighed.", 0.1)
    checked = st.selectbox(
        "Can an answer be checked without the teacher?",
        list(CHECKABLE),
        key="verifiable",
        bind="query-params",
        help="By a test, a database, or a known result.",
    )
    student = st.text_input(
        "Student", key="student", bind="query-params", placeholder="not said", help="For example Qwen2.5-1.5B."
    )
    writer = number(
        "Price of one query of another question writer, $",
        "writer_usd",
        "A cheaper model could write the questions, your teacher answers them. Its strength is set under Assumptions.",
        0.001,
    )
    if writer is not None and have.usd_per_query is None:
        st.caption("Weighed for the same money, as soon as the price of a query of your teacher is known.")
    return {
        "unlabelled": None if unlabelled is None else int(unlabelled),
        "test_items": None if test is None else int(test),
        "seed_usd": seed_usd or None,
        "verifiable": CHECKABLE[checked],
        "student": student.strip() or None,
        "augmenter_offer": None if writer is None else TeacherOffer("question writer", usd_per_query=writer),
    }
