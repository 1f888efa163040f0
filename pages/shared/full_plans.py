"""What the pages know of a data set before it is made: its outline, its dry run, its start; cached at the border."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.domain import Strategy
from engine.full_prepare import PreparedFull, prepare_full
from engine.plan import check_plan
from engine.prepare import Estimate
from engine.query_pace import measured
from engine.records import FULL, HELD
from engine.settings import Settings
from engine.store import Store

NOMINAL = 1000
"""Queries of each strategy of which the mean price of a query is taken, where money is to be turned into queries."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a data set takes, as the form shows it before the start."""

    seeds: int
    test_items: int
    examples: Mapping[Strategy, int]
    """Asked for, by strategy; what is left out by curation is known afterwards."""
    estimate: Estimate
    usd_ceiling: float | None
    division: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """What a dry run measured, and what all queries will then take."""

    queries: int
    """Measured."""
    each_s: float
    all_s: float | None
    """None where the queries go out in batches: those take up to a day a round."""
    usd: float | None
    """Expected, of all queries; None where a price or token counts are unknown, or several models are asked."""


def prepared(raw: Mapping[str, Any]) -> PreparedFull:
    """The plan made concrete; InputError with every problem."""
    return prepare_full(check_plan(raw))


# Files may change under the same name: looked at again after a minute, and at the start anyway.
@st.cache_data(scope="session", max_entries=16, ttl=60, show_spinner="Reading the plan")
def outline(raw_plan: str) -> Outline:
    """The outline of a plan (JSON); InputError with every problem. No key ever stands in a plan."""
    ready = prepared(json.loads(raw_plan))
    found = ready.prepared
    return Outline(
        len(found.seeds),
        len(found.test),
        dict(ready.visits),
        found.estimate,
        found.plan.ceiling.usd,
        None if found.division is None else found.division.told,
        found.warnings,
    )


def usd_per_query(raw: Mapping[str, Any], strategies: list[str]) -> float | None:
    """The expected price of one query of such a plan, in dollars; None where it is unknown or the plan has faults."""
    nominal = with_spending(raw, dict.fromkeys(strategies, NOMINAL), {})
    found = outline(json.dumps(nominal, sort_keys=True)).estimate
    return None if found.expected_usd is None else found.expected_usd / found.queries


def with_spending(raw: Mapping[str, Any], spending: Mapping[str, int], ceiling: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with what is spent on each strategy, and a folder of its own below the store's."""
    plan = dict(raw)
    plan["full"] = {
        "spending": dict(spending),
        "with_seeds": raw.get("full", {}).get("with_seeds", True),
        # What a pilot would test on stays out of the data set here too.
        "held_out": raw["seeds"].get("path") != "sandbox" and "path" not in raw["test"],
    }
    plan["grid"] = {"strategies": list(spending), "budgets": sorted({2, *spending.values()}), "replicates": 1}
    plan["ceiling"] = dict(ceiling)
    # Another content is another folder: nothing that was made before is replaced by it.
    asked = json.dumps({k: v for k, v in plan.items() if k not in ("name", "ceiling")}, sort_keys=True)
    name = re.sub(r"[^a-z0-9]+", "-", plan["name"].lower()).strip("-")[:40] or "data"
    mark = hashlib.sha256(asked.encode()).hexdigest()[:8]
    plan["full"]["folder"] = str(Settings().home / "data-sets" / f"{name}-{mark}")
    return plan


def under_way(store: Store, raw: Mapping[str, Any]) -> str | None:
    """The run that makes this very data set now; None where none does."""
    live = [run for run in store.runs() if run.id.startswith(FULL) and run.state in HELD]
    folder = raw["full"]["folder"]
    return next((run.id for run in live if (run.plan.get("full") or {}).get("folder") == folder), None)


def pace(store: Store, run_id: str, ready: PreparedFull) -> Pace | None:
    """What that dry run measured; None where not one query was answered on its account."""
    found = measured(store, run_id)
    if found is None:
        return None
    plan, queries = ready.prepared.plan, ready.prepared.estimate.queries
    # Means over several models' queries have no price of their own.
    alone = plan.augmenter is None
    return Pace(
        found.queries,
        found.seconds,
        None if plan.teacher.batch else found.time_s(queries, plan.teacher),
        found.usd(queries, ready.prepared.price) if alone else None,
    )
