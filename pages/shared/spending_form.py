"""The form of what is spent on a data set: queries by strategy, or money that is turned into them, and the ceiling."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.determined import NOT_APPLICABLE, not_applicable
from engine.domain import Strategy
from engine.errors import InputError
from pages.shared import columns_form, full_plans, inputs_form, money_limit, run_words, words
from pages.shared.pilot_parts import KEEP, Asked

QUERIES, MONEY = "Queries", "Money"
FIRST = {Strategy.NEW_QUESTION: 600, Strategy.ANSWER_AUGMENTATION: 200}
"""What stands in the form at first."""


def section(asked: Asked) -> dict[str, int]:
    """Asks for strategies and what each gets; teacher queries by strategy, in the order in which they are spent."""
    names = {label: strategy for strategy, label in words.STRATEGIES.items()}
    picked = st.pills(
        "Strategies",
        list(names),
        selection_mode="multi",
        default=[words.STRATEGIES[s] for s in FIRST],
        key="generate_strategies",
        help="\n".join(f"- {words.STRATEGIES[s]}: {said}" for s, said in words.WHAT_IS_ASKED.items()),
        **KEEP,
    )
    chosen = [names[name] for name in words.STRATEGIES.values() if name in picked]
    if not chosen:
        asked.problems.append("Strategies: none is chosen; choose at least one.")
        asked.complete = False
        return {}
    chosen = _applicable(asked, chosen)
    if not chosen:
        return {}
    if Strategy.REAL_QUESTION in chosen:
        inputs_form.section(asked, "generate")
    unit = st.segmented_control(
        "Say how much in", [QUERIES, MONEY], default=QUERIES, required=True, key="generate_unit", **KEEP
    )
    return _money(asked, chosen) if unit == MONEY else _queries(chosen)


def _applicable(asked: Asked, chosen: list[Strategy]) -> list[Strategy]:
    """Without what the task rules out, which is shown as not applicable; a problem where nothing is left."""
    task = columns_form.task_of(asked.raw.get("task"))
    ruled_out = frozenset() if task is None else not_applicable(task, chosen)
    left = [strategy for strategy in chosen if strategy not in ruled_out]
    if ruled_out:
        st.caption(f":material/block: {words.plain(NOT_APPLICABLE)}")
    if not left:
        asked.problems.append("Strategies: the one that is chosen is not applicable here; choose another.")
        asked.complete = False
    return left


def _queries(chosen: list[Strategy]) -> dict[str, int]:
    columns = st.columns(2)
    return {
        strategy.value: int(
            columns[place % 2].number_input(
                f"{words.STRATEGIES[strategy]}: queries",
                min_value=2,
                value=FIRST.get(strategy, 200),
                step=50,
                key=f"generate_queries_{strategy.value}",
                help=words.WHAT_IS_ASKED[strategy][0].upper() + words.WHAT_IS_ASKED[strategy][1:] + ".",
                **KEEP,
            )
        )
        for place, strategy in enumerate(chosen)
    }


def _money(asked: Asked, chosen: list[Strategy]) -> dict[str, int]:
    """Money for each strategy, at the expected price of a query."""
    each = None
    if asked.complete and not asked.problems:
        try:
            each = full_plans.usd_per_query(asked.raw, [strategy.value for strategy in chosen])
        except InputError as error:
            asked.problems += [run_words.in_form_words(problem) for problem in error.problems]
            each = None
    columns = st.columns(2)
    usd = {
        strategy: float(
            columns[place % 2].number_input(
                f"{words.STRATEGIES[strategy]}: money, $",
                min_value=0.01,
                value=1.0,
                step=1.0,
                key=f"generate_usd_{strategy.value}",
                **KEEP,
            )
        )
        for place, strategy in enumerate(chosen)
    }
    if not each:
        if not asked.problems:
            why = "what this teacher charges is unknown" if each is None else "this teacher's queries cost nothing"
            asked.problems.append(
                f"Money cannot be turned into queries: {why}. Type its prices, or say how many queries."
            )
        asked.complete = False
        return {}
    st.caption(words.plain(f"A query is expected to cost ${each:.2g}, by the mean length of your examples."))
    return {strategy.value: max(2, int(amount / each)) for strategy, amount in usd.items()}


def ceiling(asked: Asked, spending: dict[str, int]) -> dict[str, Any]:
    """Asks for the most that is charged; `asked` says who is asked, and so which prices are known."""
    queries, usd = st.columns(2)
    most = queries.number_input(
        "Teacher queries",
        min_value=1,
        value=None,
        step=100,
        key="generate_ceiling",
        placeholder=f"{sum(spending.values()):,}: those above",
        help="What must be asked again after a lost reply comes out of it too.",
        **KEEP,
    )
    known = money_limit.prices_known(asked.raw)
    money = money_limit.ask(usd, "Money, $", "generate_ceiling_usd", known=known, **KEEP)
    found = {"queries": most, "usd": money}
    return {name: value for name, value in found.items() if value is not None}
