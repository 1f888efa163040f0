"""The limit in money: what holds where nobody types one, in the forms before a run and on the pages of it.

Where every price is known, the ledger holds a run to the upper cost that was shown before its start
(`engine.asking.ledger_of`); where one is unknown, queries alone are limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from engine.plan import ModelPlan, PilotPlan, TeacherPlan
from engine.records import CHECK, Run
from engine.runs import kept_estimate
from engine.store import Store
from pages.shared import run_words

UPPER, QUERIES_ONLY = "the upper cost shown", "no limit: a price is unknown"
HELP = (
    "Where you type nothing, the upper cost that is shown before the start is the limit. It is known where every price "
    "is; otherwise the ceiling holds in queries only."
)


def placeholder(*, known: bool) -> str:
    """What holds where no limit is typed; `known` says whether every price is."""
    return UPPER if known else QUERIES_ONLY


def prices_known(raw: Mapping[str, Any]) -> bool:
    """Whether every price of a form's raw plan is known; not while who is asked is not said whole."""
    teacher = raw.get("teacher")
    others = [raw.get("augmenter"), *raw.get("teachers", {}).values()]
    if teacher is None:
        return False
    try:
        asked = TeacherPlan.model_validate(teacher)
        quotes = [asked.quote(batch=asked.batch), *(ModelPlan.model_validate(one).quote() for one in others if one)]
    except ValidationError:
        return False
    return all(quote.known for quote in quotes)


def in_force(run: Run, plan: PilotPlan, store: Store) -> float | None:
    """The limit of a run in dollars: what was typed or filed, or the upper cost with which a pilot was filed; None
    where none holds, or where nothing costs anything."""
    if plan.ceiling.usd is not None or run.id.startswith(CHECK):
        return plan.ceiling.usd  # a check's own ceiling is in queries
    shown = (kept_estimate(store, run.id) or {}).get("upper_usd")
    return None if not shown else float(shown)


def charged(run: Run, plan: PilotPlan, store: Store, usd: float | None) -> str:
    """What a run was charged (`usd`), of its limit in money."""
    limit = in_force(run, plan, store)
    return run_words.money(usd) + (f" of {run_words.money(limit)}" if limit else "")


def charged_help(run: Run, plan: PilotPlan, store: Store) -> str:
    """What those figures are."""
    said = "Charged so far; queries on their way count at the most that they can cost."
    if in_force(run, plan, store):
        return (
            f"{said} The second figure is the limit: what was typed, or else the upper cost that was shown before the "
            "start."
        )
    return said if plan.price_known else f"{said} A price is unknown, so the ceiling holds in queries only."
