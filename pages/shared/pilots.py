"""What the pilot pages share: the store, the outline of a plan, the advice around a run; cached at the border."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from engine import runs
from engine.check_size import ceiling_of, queries_at_most, seeds_to_check
from engine.domain import Recommendation, Strategy
from engine.pilot_worth import PilotWorth, pilot_worth
from engine.pools import none_kept
from engine.prepare import Estimate
from engine.prompts_shown import Prompt, prompts
from engine.records import CellRow, PoolRow, Run
from engine.run_pairs import RunPairs
from engine.run_results import pairs_of, partial_pairs_of
from engine.settings import Settings
from engine.store import Store
from pages.shared import account


def store() -> Store:
    """The store of this dashboard, with the runs of whoever uses it; StoreError where it cannot be used."""
    return _store(Settings().store_path, account.owner())


@st.cache_resource(max_entries=64, show_spinner=False)
def _store(path: Path, owner: str | None) -> Store:
    return Store(path, owner)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a plan takes, as the form shows it before the start."""

    cells: int
    seeds: int
    test_items: int
    parameters: int | None
    """Of the student."""
    estimate: Estimate
    division: str | None
    """What became of the rows of the user's files; None in the sandbox."""
    warnings: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    """What is asked for one example of each strategy."""
    check: CheckSize
    worth: PilotWorth
    """What the pilot is expected to bring, and whether it is likely to end too close to call."""


@dataclass(frozen=True, slots=True)
class CheckSize:
    """What the check before this plan asks."""

    seeds: int
    queries: int
    """At most, if none has to be asked twice."""
    ceiling: int


# A student's folder may change under the same name: looked at again after a minute, and at the start anyway.
@st.cache_data(scope="session", max_entries=16, ttl=60, show_spinner="Reading the plan")
def outline(raw_plan: str) -> Outline:
    """The outline of a plan (JSON); InputError with every problem. No key ever stands in a plan."""
    found = runs.plan_from(json.loads(raw_plan))
    return Outline(
        len(found.cells),
        len(found.seeds),
        len(found.test),
        found.student.parameters,
        found.estimate,
        None if found.division is None else found.division.told,
        found.warnings,
        prompts(found),
        CheckSize(len(seeds_to_check(found)), queries_at_most(found), ceiling_of(found)),
        pilot_worth(found),
    )


def advice(
    run: Run, cells: Sequence[CellRow], pools: Sequence[PoolRow]
) -> tuple[Recommendation, Recommendation | None]:
    """The advice before and after a run, fitted again only when something new was measured or not kept."""
    return _advice(state(run, cells), none_kept(pools), run, list(cells), pools)


def comparison(cells: Sequence[CellRow]) -> RunPairs:
    """The pairs of a run, compared again only when something new was measured."""
    return _comparison(_done(cells), list(cells))


def partial_comparison(cells: Sequence[CellRow]) -> RunPairs | None:
    """The same with partial credit; None where the task gives none."""
    return _partial(_done(cells), list(cells))


def _done(cells: Sequence[CellRow]) -> int:
    return hash(tuple((row.folder, row.cell, row.measurement) for row in cells if row.measurement is not None))


def state(run: Run, cells: Sequence[CellRow]) -> int:
    """What everything that is computed from a run depends on, within this process: its plan, and what is measured."""
    measured = tuple((row.cell, row.measurement) for row in cells if row.measurement is not None)
    return hash((run.id, json.dumps(run.plan), measured))


# As resources, not data: what is frozen need not be copied for each look.
@st.cache_resource(max_entries=64, show_spinner=False)
def _comparison(state: int, _cells: list[CellRow]) -> RunPairs:
    return pairs_of(_cells)


@st.cache_resource(max_entries=64, show_spinner=False)
def _partial(state: int, _cells: list[CellRow]) -> RunPairs | None:
    return partial_pairs_of(_cells)


@st.cache_resource(max_entries=64, show_spinner=False)
def _advice(
    state: int, nothing: tuple[tuple[Strategy, int], ...], _run: Run, _cells: list[CellRow], _pools: Sequence[PoolRow]
) -> tuple[Recommendation, Recommendation | None]:
    return runs.advice(_run, _cells, _pools)
