"""What the user has and wants, asked once: bound to the URL, so that a link restores it on every page.

The teacher's price is only asked for where the budget is money. A price that is not given stays unknown,
and then the budget has to be given in queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import costs
from engine.domain import Situation, TeacherOffer
from pages.shared import words

MOST_SEEDS, MOST_QUERIES = 10_000_000, 100_000_000
QUERIES, MONEY = "Queries", "Money"
TOKENS, ONE_QUERY = "Tokens", "One query"
AUGMENTERS = {"Strong, like the teacher": "strong", "Weak": "weak"}
CHECKABLE: dict[str, bool | None] = {"Not said": None, "Yes": True, "No": False}
CALLS = {"Every call, as on the bill": "all", "One per example, as in the studies": "paper"}


def ask() -> Situation | None:
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
    budget = _budget()
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
    with st.expander("What else you have", icon=":material/inventory_2:", key="more"):
        more = _more(budget)
    if budget.queries is None:
        return None
    return Situation(
        task,
        int(seeds),
        budget.queries,
        AUGMENTERS[augmenter],
        CALLS[calls],
        budget_usd=budget.usd,
        **more,
    )


@dataclass(frozen=True)
class Budget:
    """What can be spent; None is unknown."""

    queries: int | None
    usd: float | None = None
    usd_per_query: float | None = None


def _more(budget: Budget) -> dict[str, Any]:
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
    teachers = [TeacherOffer("Your teacher", usd_per_query=budget.usd_per_query)] if budget.usd_per_query else []
    for place in (2, 3, 4):
        name = st.text_input(
            f"Teacher {place} to compare", key=f"teacher{place}", bind="query-params", placeholder="none"
        )
        if name.strip():
            price = number(
                f"Price of one query of {name.strip()}, $", f"price{place}", "Empty is unknown: never guessed.", 0.001
            )
            teachers.append(TeacherOffer(name.strip(), usd_per_query=price))
    writer = number(
        "Price of one query of another question writer, $",
        "writer_usd",
        "A cheaper model could write the questions, your teacher answers them. Its strength is set under Assumptions.",
        0.001,
    )
    if (len(teachers) > 1 or writer is not None) and budget.usd is None:
        st.caption("Models are compared for the same money: give the budget as money, with the price of your teacher.")
    return {
        "unlabelled": None if unlabelled is None else int(unlabelled),
        "test_items": None if test is None else int(test),
        "seed_usd": seed_usd or None,
        "verifiable": CHECKABLE[checked],
        "student": student.strip() or None,
        "augmenter_offer": None if writer is None else TeacherOffer("question writer", usd_per_query=writer),
        "teachers": tuple(teachers) if budget.usd is not None or budget.usd_per_query else (),
    }


def _budget() -> Budget:
    unit = st.segmented_control(
        "Budget in", [QUERIES, MONEY], default=QUERIES, required=True, key="budget", bind="query-params"
    )
    if unit == QUERIES:
        queries = st.number_input(
            "Teacher queries",
            min_value=1,
            max_value=MOST_QUERIES,
            value=3000,
            step=500,
            key="queries",
            bind="query-params",
            help="One query is one paid call of the teacher model.",
        )
        return Budget(int(queries))
    usd = st.number_input("Money, $", min_value=0.01, value=50.0, step=10.0, key="usd", bind="query-params")
    price, tokens_in, tokens_out = _price()
    each = costs.usd_per_query(price, tokens_in, tokens_out)
    if each == 0:
        st.info(
            "This teacher costs nothing, so money sets no limit. Give the budget in queries.", icon=":material/help:"
        )
        return Budget(None)
    queries = costs.queries_for_budget(usd, price, tokens_in, tokens_out)
    if each is None or queries is None:
        st.info(
            "The price is unknown, so the money cannot be turned into queries. Fill it in, or give the budget "
            "in queries.",
            icon=":material/help:",
        )
        return Budget(None)
    if queries < 1:
        st.warning(
            f"One query costs ${each:,.4g}: ${usd:,.2f} buys none. Raise the budget or check the price.",
            icon=":material/warning:",
        )
        return Budget(None)
    st.caption(f"\\${usd:,.2f} at \\${each:.3g} a query buys **{queries:,} queries**.")
    return Budget(min(queries, MOST_QUERIES), float(usd), each)


def _price() -> tuple[costs.Price, float | None, float | None]:
    """The teacher's price per million tokens and the tokens of one query; what is left empty is unknown."""

    def number(label: str, key: str, step: float, **options: object) -> float | None:
        return st.number_input(
            label, min_value=0.0, value=None, step=step, key=key, bind="query-params", placeholder="unknown", **options
        )

    known = st.segmented_control(
        "Price known for", [TOKENS, ONE_QUERY], default=TOKENS, required=True, key="price", bind="query-params"
    )
    if known == ONE_QUERY:
        usd_query = number("Price of one query, $", "usd_query", 0.001, format="%.5f")
        # one token of that price: the engine counts in prices of a million
        return costs.Price(None if usd_query is None else 1e6 * usd_query, 0.0), 1.0, 0.0
    usd_in = number("Price of a million tokens read, $", "usd_in", 0.1, format="%.3f")
    tokens_in = number("Tokens read per query", "tokens_in", 50.0, format="%.0f")
    usd_out = number("Price of a million tokens written, $", "usd_out", 0.1, format="%.3f")
    tokens_out = number("Tokens written per query", "tokens_out", 50.0, format="%.0f")
    return costs.Price(usd_in, usd_out), tokens_in, tokens_out
