"""What a run took against what it was estimated to take when it was filed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.ledger import account
from engine.records import Run, RunState
from engine.runs import kept_estimate
from engine.spent import Spent, spent
from engine.store import Store
from pages.shared import run_words, shown, words

PURPOSES = {"teacher_on_test": "The teacher's own test", "judge": "Verdicts of the judge"}
OUTCOMES = {
    "settled": "answered",
    "unknown": "outcome unknown, charged",
    "released": "given back, free",
    "reserved": "on the way",
}


def section(run: Run, store: Store) -> None:
    """A sentence and a table; nothing for a run that still goes on or of before estimates were kept."""
    estimate = kept_estimate(store, run.id)
    if estimate is None or run.finished_at is None or run.state is not RunState.DONE:
        return
    paid = account(store, run.id)
    seconds = run.finished_at - run.created_at
    st.subheader(takeaway(estimate, paid.queries, paid.usd, seconds), anchor=False)
    shown.table(
        table(estimate, paid.queries, paid.usd, seconds),
        key="run_estimate",
        name=f"{run.id}-estimate",
        alt="Queries, cost and time as estimated and as they were",
    )
    st.caption(
        "Time runs from filing to the end, waiting and pauses included. Replies that earlier runs had paid for are not "
        "charged again, and an adaptive pilot stops early; both make less of the queries."
    )


def paid_for(run: Run, store: Store) -> None:
    """What the queries were for; nothing where none was asked."""
    found = spent(store, run.id)
    if not found:
        return
    charged = [one for one in found if one.state != "released"]
    most = max(charged or found, key=lambda one: (one.usd or 0.0, one.queries))
    st.subheader(f"Most of it went into {_what(most).lower()}", anchor=False)
    shown.table(
        bought(found),
        key="run_spent",
        name=f"{run.id}-spent",
        alt="What the queries of the run were for",
        column_config={
            "Cost, $": st.column_config.NumberColumn(format="%.4f", help="Empty where a price is unknown."),
            "Tokens read": st.column_config.NumberColumn(format="localized", help="Empty where none were reported."),
            "Tokens written": st.column_config.NumberColumn(format="localized", help="Empty where none were reported."),
        },
    )


def bought(found: Sequence[Spent]) -> pd.DataFrame:
    """A row for each purpose, model asked and outcome."""
    return pd.DataFrame(
        [
            {
                "What for": _what(one),
                "Asked": one.teacher,
                "Outcome": OUTCOMES.get(one.state, one.state),
                "Queries": one.queries,
                "Tokens read": one.input_tokens,
                "Tokens written": one.output_tokens,
                "Cost, $": one.usd,
            }
            for one in found
        ]
    ).astype({"Tokens read": "Int64", "Tokens written": "Int64", "Cost, $": "Float64"})


def _what(one: Spent) -> str:
    return PURPOSES.get(one.strategy) or words.row(one.strategy)


def takeaway(estimate: dict[str, Any], queries: int, usd: float | None, seconds: float) -> str:
    """`It took $1.20 of an expected $1.50, and about 12 min of about 15 min`."""
    time = f"{run_words.duration(seconds)} (estimated: {run_words.duration(estimate['seconds'])})"
    if usd is None or not estimate["expected_usd"]:  # unknown, or free
        return f"It asked {queries:,} of {estimate['queries']:,} queries, and took {time}"
    return f"It cost {run_words.money(usd)} of an expected {run_words.money(estimate['expected_usd'])}, and took {time}"


def table(estimate: dict[str, Any], queries: int, usd: float | None, seconds: float) -> pd.DataFrame:
    """Queries, cost and time."""
    least, expected, most = (run_words.money(estimate[f"{name}_usd"]) for name in ("lower", "expected", "upper"))
    return pd.DataFrame(
        [
            {
                "What": "Teacher queries",
                "At least": "0",
                "Expected": f"{estimate['queries']:,}",
                "At most": f"{estimate['ceiling_queries']:,}",
                "It was": f"{queries:,}",
            },
            {"What": "Cost", "At least": least, "Expected": expected, "At most": most, "It was": run_words.money(usd)},
            {
                "What": "Time",
                "At least": "unknown",
                "Expected": run_words.duration(estimate["seconds"]),
                "At most": "unknown",
                "It was": run_words.duration(seconds),
            },
        ]
    )
