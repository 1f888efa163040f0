"""What the pilot is for: the whole budget that will be spent in the end, and the grid that is recommended for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.domain import Situation, Strategy
from engine.errors import InputError
from engine.plan import GridPlan
from engine.proposed_grid import ProposedGrid, proposed_grid
from engine.tasks import task_type
from pages.shared import pilots, words
from pages.shared.pilot_parts import KEEP, Asked

QUERIES, MONEY = "Queries", "Money"
FIRST_LOOK = (
    "**Recommended without a whole budget:** 200 and 1,600 queries, since a small and a large budget show how steeply "
    "each strategy rises; 2 replicates, since a single adapter does not show how far training again moves a result."
)


def section(asked: Asked, strategies: Sequence[Strategy]) -> ProposedGrid | None:
    """Asks for the target into `asked.raw`; the grid that is recommended for it and wanted, or None."""
    st.markdown("**What will you spend in the end?** The pilot's own queries are part of it.")
    unit = st.segmented_control(
        "Whole budget in", [QUERIES, MONEY], default=QUERIES, required=True, key="target_unit", **KEEP
    )
    left, right = st.columns(2)
    queries = _queries(left) if unit == QUERIES else _bought(asked, left)
    seeds = right.number_input(
        "Seeds of the full run",
        min_value=1,
        value=None,
        step=50,
        key="target_seeds",
        placeholder="those of this pilot",
        help="Say more where you are going to label more before the full run.",
        **KEEP,
    )
    given = {"queries": queries, "seeds": seeds}
    asked.raw["target"] = {name: value for name, value in given.items() if value is not None}
    if queries is None:
        asked.raw["adaptive"] = True
        st.caption(FIRST_LOOK + " With a whole budget, the budgets are fitted to it and cells are bought step by step.")
        return None
    asked.raw["adaptive"] = st.toggle(
        "Adaptive: measure step by step, and stop when no cell is worth its price",
        value=True,
        key="target_adaptive",
        help="Recommended: after each step the cells that are worth most per query come next, and what is not spent "
        "here is left for the full run. Off: the whole grid is measured.",
        **KEEP,
    )
    found = _proposed(asked, strategies)
    if found is None:
        st.caption("Budgets are recommended here as soon as examples, teacher and student are complete.")
        return None
    wanted = st.toggle("Take the recommended budgets", value=True, key="target_recommended", **KEEP)
    sizes = " and ".join(f"{size:,}" for size in found.seed_sizes)
    budgets = " and ".join(f"{budget:,}" for budget in found.budgets)
    st.caption(words.plain(f"Recommended: {budgets} queries with {sizes} seeds. {found.why}"))
    return found if wanted else None


def sizes(typed: str, problems: list[str]) -> list[int]:
    """Seed sizes as they are typed; empty for all seeds."""
    parts = [part.strip() for part in typed.split(",") if part.strip()]
    if all(part.isdecimal() for part in parts):
        return [int(part) for part in parts]
    wrong = next(part for part in parts if not part.isdecimal())
    problems.append(f"Seed sizes: found {wrong!r}, expected whole numbers like 50, 100.")
    return []


def _queries(column: Any) -> int | None:
    found: int | None = column.number_input(
        "Whole budget, teacher queries",
        min_value=2,
        value=None,
        step=1000,
        key="target_queries",
        placeholder="not said: the whole grid",
        **KEEP,
    )
    return found


def _bought(asked: Asked, column: Any) -> int | None:
    """Queries that the money buys, at the expected price of one; None where nothing is said or the price is unknown."""
    usd = column.number_input(
        "Whole budget, $",
        min_value=0.01,
        value=None,
        step=10.0,
        key="target_usd",
        placeholder="not said: the whole grid",
        **KEEP,
    )
    if usd is None:
        return None
    found = _nominal(asked)
    each = None if found is None or found.estimate.expected_usd is None else found.estimate.expected_usd
    if found is None:
        st.caption("Money is turned into queries as soon as examples, teacher and student are complete.")
        return None
    if not each:
        why = "what this teacher charges is unknown" if each is None else "this teacher's queries cost nothing"
        asked.problems.append(
            f"Whole budget: money cannot be turned into queries, since {why}. Type its prices, or say how many queries."
        )
        return None
    each /= found.estimate.queries
    queries = int(usd / each)
    if queries < 2:
        asked.problems.append(f"Whole budget: ${usd:,.2f} buys {queries} queries at ${each:.2g} each; give more.")
        return None
    st.caption(words.plain(f"${usd:,.2f} buys about {queries:,} queries at ${each:.2g} each."))
    return queries


def _proposed(asked: Asked, strategies: Sequence[Strategy]) -> ProposedGrid | None:
    found = _nominal(asked)
    if found is None or not strategies:
        return None
    target: Mapping[str, int] = asked.raw["target"]
    situation = Situation(task_type(asked.raw.get("task", "math")), target.get("seeds", found.seeds), target["queries"])
    try:
        return proposed_grid(situation, strategies, found.seeds)
    except InputError as error:
        asked.problems += error.problems
        return None


def _nominal(asked: Asked) -> pilots.Outline | None:
    """The outline of the form so far with the default grid; None while something is missing or wrong."""
    if not asked.complete or asked.problems:
        return None
    raw = {name: value for name, value in asked.raw.items() if name not in ("target", "adaptive")}
    grid = {"budgets": list(GridPlan().budgets), "replicates": 1}
    try:
        return pilots.outline(json.dumps(raw | {"grid": grid}, sort_keys=True))
    except InputError:  # the whole plan's faults are told beside the form
        return None
