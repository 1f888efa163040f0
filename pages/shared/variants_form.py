"""The form of a plan's variants: changes of a strategy that are measured beside its plain form.

Each says what it does, what it costs, and where it cannot be used, why. A variant has the budget of the plain form
beside it, so that the most it can ask is that budget again; queries that both ask are bought once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.costs import examples_for
from engine.domain import Strategy
from engine.plan import TEACHER, VariantPlan
from pages.shared import teacher_form, words
from pages.shared.pilot_parts import KEEP, Asked

MOST_TEACHERS = 3
"""Further teachers of one plan; more would each answer too few questions to be told apart."""


@dataclass(frozen=True, slots=True)
class _Offer:
    name: str
    label: str
    said: str
    trial: dict[str, Any]
    """Settings that make it one, to ask the engine where it applies."""


OFFERS = (
    _Offer("votes", "Vote over several answers", "Each question is answered several times, and kept only where "
           "most answers agree, with one of theirs. Needs no right answers.", {"votes": 3}),
    _Offer("gold", "Keep only what matches your answers", "Another answer to one of your questions is kept only "
           "where it agrees with yours.", {"gold": True}),
    _Offer("together", "Several questions in one call", "New questions are asked for in lists: cheaper, and less "
           "different from each other.", {"questions_per_call": 4}),
    _Offer("own_share", "Share of your own examples", "Your examples are repeated, or left out, until they make "
           "this share of what the student learns from.", {"seed_share": 0.5}),
    _Offer("guided", "Spend more where the student errs", "Seeds that the student still gets wrong are visited more "
           "often. Smaller budgets are then no part of larger ones.", {"guided": True}),
    _Offer("teachers", "Share by several teachers", "Several models answer, each its share of the questions: "
           "their mistakes differ.", {"teachers": {TEACHER: 1.0}}),
)  # fmt: skip


def section(asked: Asked) -> dict[str, Any]:
    """Asks for variants; the plan's `variants` and `teachers`. Reads the grid and the teacher asked for before."""
    grid = asked.raw["grid"]
    strategies = [Strategy(name) for name in grid["strategies"]]
    st.caption(
        "Each is measured beside the plain form, at the largest budget, with the same seeds and test items."
        if strategies
        else "Choose a strategy first."
    )
    variants: list[dict[str, Any]] = []
    teachers: dict[str, dict[str, Any]] = {}
    for offer in OFFERS:
        why = _unusable(offer, strategies, batch=bool(asked.raw["teacher"].get("batch")))
        with st.container(gap="small"):
            on = st.checkbox(offer.label, key=f"variant_{offer.name}", disabled=bool(why), **KEEP)
            st.caption(why or offer.said)
            if not on or why:
                continue
            settings, further = _settings(offer.name, asked)
            teachers |= further
            variant = {"name": offer.name, **settings}
            variants.append(variant)
            st.caption(f":material/payments: {_cost(variant, strategies, grid, asked)}")
    found: dict[str, Any] = {"variants": variants} if variants else {}
    return found | ({"teachers": teachers} if teachers else {})


def _unusable(offer: _Offer, strategies: Sequence[Strategy], *, batch: bool) -> str:
    """Why it cannot be used with what was chosen; empty where it can."""
    if not strategies:
        return "Choose a strategy first."
    trial = VariantPlan.model_validate({"name": offer.name, **offer.trial})
    if not trial.of(strategies):
        able = [words.STRATEGIES[s] for s in words.STRATEGIES if trial.applies(s)]
        return f"Changes {' and '.join(able)} only; choose them among the strategies to use it."
    if offer.name == "teachers" and batch:
        return "Batches take one model only: take the tick from the batches of the teacher to use it."
    return ""


def _settings(name: str, asked: Asked) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What the variant sets, and the tables of teachers that it names."""
    if name == "votes":
        return {"votes": int(_number("Answers to each question", "votes_count", 3, 2, 9))}, {}
    if name == "together":
        return {"questions_per_call": int(_number("Questions in one call", "together_count", 4, 2, 20))}, {}
    if name == "own_share":
        percent = st.slider("Your own examples, % of all", 5, 95, 50, 5, key="variant_own_percent", **KEEP)
        return {"seed_share": percent / 100}, {}
    if name == "teachers":
        return _several(asked)
    return {name: True}, {}


def _several(asked: Asked) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    count = int(_number("Further teachers", "teachers_count", 1, 1, MOST_TEACHERS))
    shares: dict[str, float] = {TEACHER: _share("Share of your teacher, %", "variant_share_0")}
    tables: dict[str, dict[str, Any]] = {}
    for place in range(1, count + 1):
        name = f"teacher_{place + 1}"
        with st.container(border=True):
            tables[name] = teacher_form.section(asked, name, label=f"Who is teacher {place + 1}")
            shares[name] = _share(f"Share of teacher {place + 1}, %", f"variant_share_{place}")
    total = sum(shares.values())
    said = ", ".join(
        f"{'your teacher' if name == TEACHER else name.replace('_', ' ')} {100 * share / total:.0f} %"
        for name, share in shares.items()
    )
    st.caption(f"Of all questions: {said}.")
    return {"teachers": shares}, tables


def _number(label: str, key: str, value: int, least: int, most: int) -> float:
    return float(
        st.number_input(label, min_value=least, max_value=most, value=value, key=f"variant_{key}", width=220, **KEEP)
    )


def _share(label: str, key: str) -> float:
    return float(st.number_input(label, min_value=1, max_value=100, value=50, key=key, width=220, **KEEP))


def _cost(variant: dict[str, Any], strategies: Sequence[Strategy], grid: dict[str, Any], asked: Asked) -> str:
    """What it asks and trains, in words; counts that need no look at the seeds."""
    plan = VariantPlan.model_validate(variant)
    measured, budget = plan.of(strategies), max(grid["budgets"], default=0)
    cells = len(measured) * grid["replicates"] * max(1, len(grid.get("seed_sizes", ())))
    adapters = f"{cells} more adapters to train"
    if not plan.generates:
        return f"No more queries: it learns from the plain examples. {adapters[0].upper()}{adapters[1:]}."
    queries = f"At most {budget * len(measured):,} more queries ({budget:,} for each of {len(measured)} strategies)"
    if len(measured) == 1:
        queries = f"At most {budget:,} more queries"
    said = f"{queries}, less what the plain form has bought; {adapters}."
    bought = _bought(plan, measured[0], budget, asked)
    return f"{said} {bought}" if bought else said


def _bought(variant: VariantPlan, strategy: Strategy, budget: int, asked: Asked) -> str:
    """How many examples its budget pays for, where that is another number than in the plain form."""
    together = int(asked.raw.get("prompts", {}).get("questions_per_call", 1))
    plain = examples_for(budget, strategy, together=together)
    now = examples_for(budget, strategy, together=variant.questions_per_call or together, votes=variant.votes)
    if now == plain:
        return ""
    name = words.STRATEGIES[strategy]
    return f"{name}: {budget:,} queries bring {now:,} examples in place of {plain:,}."
