"""What could be otherwise: asked once, bound to the address, so that a link restores it."""

from __future__ import annotations

import streamlit as st

from engine import offers, prices
from engine.changed import Change
from engine.domain import Situation
from pages.shared import linked, terms, words

REJECTED = 10
"""Percent of a teacher's answers that are wrong, as published once (claim `chan-verification`)."""
UNIT = 1e9


def ask(have: Situation) -> tuple[Change, list[str]]:
    """The change, and its parts as the ends of `With ...`; none where nothing is changed."""
    st.subheader("What if …", anchor=False)
    told: list[str] = []
    augmenter = _writer(have, told)
    price, worth = _teacher(have, told)
    rejected = _check(told)
    student = _student(have, told)
    return (
        Change(augmenter, price, worth, rejected, 0.0 if have.verifiable else 1.0, student),
        told,
    )


def _writer(have: Situation, told: list[str]) -> str:
    other = "weak" if have.augmenter == "strong" else "strong"
    if linked.toggle(
        f"A {other} model writes the questions",
        key="if_writer",
        help=f"The {terms.link('Augmenter')}; answers stay your teacher's.",
    ):
        told.append(f"a {other} question writer")
        return other
    return have.augmenter


def _teacher(have: Situation, told: list[str]) -> tuple[float, float]:
    """Price of a query and worth of an example, as shares of the present teacher's."""
    name = linked.text(
        "Another teacher",
        key="if_teacher",
        placeholder="for example gpt-4.1-mini",
        max_chars=80,
        help="A name that the price table knows brings its price; else say below what it costs.",
    )
    listed = _share(have, name)
    if name and listed is not None:
        st.caption(f"A query of {words.plain(name)} costs {100 * listed:.3g} % of your teacher's, by the price table.")
    left, right = st.columns(2)
    typed = linked.number(
        "Its price, % of yours",
        None,
        key="if_price",
        on=left,
        min_value=0.1,
        max_value=10_000.0,
        step=5.0,
        placeholder="100" if listed is None else f"{100 * listed:.3g}",
        format="%g",
    )
    worth = linked.number(
        "Its examples' worth, %",
        100,
        key="if_worth",
        whole=True,
        on=right,
        min_value=1,
        max_value=200,
        step=5,
        help="What one of its examples teaches against one of your teacher's. Nobody has measured it for yours.",
    )
    share = typed / 100 if typed is not None else 1.0 if listed is None else listed
    if share != 1 or worth != 100:
        who = name or "another teacher"
        told.append(
            f"{who} at {100 * share:.3g} % of the price" + (f", {worth} % of the worth" if worth != 100 else "")
        )
    return share, worth / 100


def _share(have: Situation, name: str) -> float | None:
    """What a query of a listed model costs as a share of the present teacher's; None where a price is not known."""
    now, offer = offers.query_price(have), offers.counted(have)
    quote = prices.quote_by_name(name)
    if not name or not now or offer is None or not quote.known or offer.input_tokens is None:
        return None
    tokens = offer.input_tokens * (quote.input_usd or 0.0) + (offer.output_tokens or 0.0) * (quote.output_usd or 0.0)
    return tokens / 1e6 / now or None


def _check(told: list[str]) -> float | None:
    if not linked.toggle(
        "Every answer is checked",
        key="if_check",
        help=f"{terms.link('Verification')}: one more query an example; none where you can check by yourself.",
    ):
        return None
    rejected = linked.number(
        "Thrown out, %",
        REJECTED,
        key="if_rejected",
        whole=True,
        min_value=0,
        max_value=90,
        step=5,
        help="Share of examples that the check rejects. About 10 % of a teacher's answers were wrong in one study.",
    )
    told.append(f"checked answers, {rejected} % thrown out")
    return rejected / 100


def _student(have: Situation, told: list[str]) -> float | None:
    billions = linked.number(
        "Another student, billions of parameters",
        None,
        key="if_student",
        min_value=0.01,
        max_value=1000.0,
        step=1.0,
        placeholder="as it is",
        format="%g",
        help=f"The {terms.link('Student')}'s size. Without a name for yours, it is taken to have 7 billion, as most "
        "published ones do.",
    )
    if billions is None:
        return None
    told.append(f"a student of {words.parameters(billions * UNIT)}")
    return float(billions) * UNIT
