"""The limit in money: what holds where nobody types one, in the forms before a run and on the pages of it.

Where every price is known, the ledger holds a run to the upper cost that was shown before its start
(`engine.asking.ledger_of`); where one is unknown, queries alone are limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from engine.plan import ModelPlan, PilotPlan, TeacherPlan, all_priced
from engine.records import CHECK, Run
from engine.runs import kept_estimate
from engine.store import Store
from pages.shared import run_words

UPPER, QUERIES_ONLY = "the upper cost shown", "no limit: a price is unknown"
HELP = (
    "Where you type nothing, the upper cost that is shown before the start is the limit. It is known where every price "
    "is; otherwise the ceiling holds in queries only."
)


def ask(place: Any, label: str, key: str, *, known: bool, **options: Any) -> float | None:
    """Asks for a limit at that place; `known` says whether every price is, and so what holds where none is typed."""
    usd: float | None = place.number_input(
        label,
        min_value=0.01,
        value=None,
        step=1.0,
        key=key,
        placeholder=UPPER if known else QUERIES_ONLY,
        help=HELP,
        **options,
    )
    return usd


def prices_known(raw: Mapping[str, Any]) -> bool:
    """Whether every price of a form's raw plan is known; not while who is asked is not said whole."""
    others = [raw.get("augmenter"), *raw.get("teachers", {}).values()]
    try:
        teacher = TeacherPlan.model_validate(raw["teacher"])
        return all_priced(teacher, [ModelPlan.model_validate(one) for one in others if one])
    except (KeyError, ValidationError):
        return False


def in_force(run: Run, plan: PilotPlan, store: Store) -> float | None:
    """The limit of a run in dollars: what was typed or filed, or the upper cost with which a pilot was filed; None
    where none holds, or where nothing costs anything."""
    if plan.ceiling.usd is not None or run.id.startswith(CHECK):
        return plan.ceiling.usd  # a check's own ceiling is in queries
    shown = (kept_estimate(store, run.id) or {}).get("upper_usd")
    return None if not shown else float(shown)


def charged(run: Run, plan: PilotPlan, store: Store, usd: float | None) -> str:
    """What a run was charged (`usd`), of its limit in money."""
    return _of(usd, in_force(run, plan, store))


def metric(place: Any, run: Run, plan: PilotPlan, store: Store, usd: float | None) -> None:
    """The same as a figure, with what the two amounts are."""
    limit = in_force(run, plan, store)
    said = "Charged so far; queries on their way count at the most that they can cost."
    if limit:
        said += (
            " The second figure is the limit: what was typed, or else the upper cost that was shown before the start."
        )
    elif not plan.price_known:
        said += " A price is unknown, so the ceiling holds in queries only."
    place.metric("Cost", _of(usd, limit), help=said)


def _of(usd: float | None, limit: float | None) -> str:
    return run_words.money(usd) + (f" of {run_words.money(limit)}" if limit else "")
