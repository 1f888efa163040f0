"""What can be spent: queries, or money and the price of a teacher. A price that is not known stays unknown,
and then the budget has to be given in queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine import offers
from engine.domain import TaskType
from pages.shared import linked, teachers
from pages.shared.teachers import Priced, Tokens

MOST_QUERIES = 100_000_000
MONEY, QUERIES = "Money", "Queries"


@dataclass(frozen=True, slots=True)
class Budget:
    """None is unknown."""

    queries: int | None
    usd: float | None
    """Where the user named a sum."""
    usd_per_query: float | None
    teacher: Priced
    tokens: Tokens | None
    """None where prices are known per query."""


def ask(task: TaskType) -> Budget:
    """Draws the inputs; `queries` is None, and a sentence says why, where the sum cannot be turned into them."""
    unit = linked.segments("Budget in", [MONEY, QUERIES], key="budget")
    if unit == QUERIES:
        queries = linked.number(
            "Teacher queries",
            3000,
            key="queries",
            whole=True,
            min_value=1,
            max_value=MOST_QUERIES,
            step=500,
            help="One query is one paid call of the teacher model.",
        )
        teacher, tokens = teachers.first(task, money=False)
        each = offers.usd_per_query(teacher.offer)
        if each:
            st.caption(f"{queries:,} queries at \\${each:.3g} cost **\\${queries * each:,.2f}**.")
        return Budget(int(queries), None, each, teacher, tokens)
    usd = float(linked.number("Money, $", 50.0, key="usd", min_value=0.01, step=10.0))
    teacher, tokens = teachers.first(task, money=True)
    each = offers.usd_per_query(teacher.offer)
    return Budget(_queries(usd, each, teachers.missing(teacher.offer, tokens)), usd, each, teacher, tokens)


def _queries(usd: float, each: float | None, missing: str) -> int | None:
    """Whole queries for the sum, or None and why not; `missing` is what is unknown of the price."""
    if each == 0:
        st.info(
            "This teacher costs nothing, so money sets no limit. Give the budget in queries.", icon=":material/help:"
        )
        return None
    queries = offers.affordable(usd, each)
    if queries is None:
        st.info(
            f"The price is unknown, so the money cannot be turned into queries. Fill in {missing}, or give the "
            "budget in queries.",
            icon=":material/help:",
        )
        return None
    if queries < 1:
        st.warning(
            f"One query costs \\${each:,.4g}: \\${usd:,.2f} buys none. Raise the budget or check the price.",
            icon=":material/warning:",
        )
        return None
    st.caption(f"\\${usd:,.2f} at \\${each:.3g} a query buys **{queries:,} queries**.")
    return queries
