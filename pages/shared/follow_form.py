"""The full run after a pilot: one button, what it comes to before it is paid, and the runs that follow a pilot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st
from pydantic import SecretStr

from engine import launch, runs
from engine.domain import Strategy
from engine.errors import InputError, SeedPilotError
from engine.following import FollowUp, follow
from engine.full_prepare import prepare_full
from engine.plan import PLAIN, PilotPlan
from engine.prepare import Estimate
from engine.rate_choice import chosen_rate
from engine.records import FULL, CellRow, PoolRow, Run
from engine.settings import Settings
from engine.store import Store
from pages.shared import (
    emphasis,
    full_plans,
    money_limit,
    pilots,
    run_controls,
    run_words,
    session,
    teacher_form,
    words,
)

STARTED, REFUSED = "follow_started", "follow_refused"
"""What came of the click: the run's id, or why there is none."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the queries that no run has paid yet; None where the price is unknown."""

    lower_usd: float | None
    expected_usd: float | None
    upper_usd: float | None


def section(run: Run, plan: PilotPlan, store: Store, cells: Sequence[CellRow]) -> None:
    """The button, where the pilot measured a strategy and nothing of it is under way."""
    if (made := st.session_state.pop(STARTED, None)) is not None:
        st.switch_page("pages/pilot/run.py", query_params={"run": made})
    if run.state in run_words.LIVE or not any(_counts(row) for row in cells):
        return
    st.subheader("The full run", anchor=False)
    if (refused := st.session_state.pop(REFUSED, None)) is not None:
        st.error(refused, icon=":material/error:")
    for made in followers(store, run.id):
        _go(made.id, f"{made.name} ({run_words.STATES[made.state][0].lower()})", ":material/dataset:")
    st.markdown(
        "Generates by the advised spending plan with what is left of your budget, trains the student on it, measures "
        "it on this pilot's test items, and compares it with the forecast. What the pilot bought is not bought again."
    )
    left, right, press = st.columns([1.3, 1, 1], vertical_alignment="bottom")
    queries = left.number_input(
        "Whole budget, teacher queries",
        min_value=2,
        value=plan.target.queries,
        step=1000,
        key=f"follow_queries_{run.id}",
        placeholder="this pilot's queries included",
    )
    usd = money_limit.ask(right, "At most, $", f"follow_usd_{run.id}", known=plan.price_known)
    if press.button(
        "Full run",
        key="follow",
        type=emphasis.first(),
        icon=":material/rocket_launch:",
        disabled=queries is None,
        width="stretch",
        help="Says what it takes first, and asks.",
    ):
        _confirm(run, plan, store, int(queries or 0), usd)


def followers(store: Store, pilot: str) -> list[Run]:
    """The full runs whose forecast rests on that pilot, newest first."""
    found = []
    for folder in sorted(store.home.glob(f"{FULL}[0-9]*"), reverse=True):
        with suppress(InputError):  # a folder without its run: filed twice, or deleted
            one = store.run(folder.name)
            forecast = ((one.plan.get("full") or {}).get("forecast")) or {}
            found += [one] if forecast.get("pilot") == pilot else []
    return found


def found(run: Run, store: Store, queries: int, usd: float | None) -> FollowUp:
    """The full run of that budget; InputError where there is none."""
    cells = store.cells(run.id)
    rate = chosen_rate(store.folder(run.id))
    made = _follow(pilots.state(run, cells), queries, rate, Settings().home, run, cells, store.pools(run.id))
    ceiling = made.plan.ceiling.model_copy(update={"usd": usd})
    return replace(made, plan=made.plan.model_copy(update={"ceiling": ceiling}))


@st.cache_data(max_entries=32, show_spinner="Working out the full run")
def _follow(
    state: int,
    queries: int,
    rate: float | None,
    home: Path,
    _run: Run,
    _cells: list[CellRow],
    _pools: list[PoolRow],
) -> FollowUp:
    return follow(_run, _cells, _pools, home / "data-sets" / f"full-{_run.id}-{queries}", queries, rate)


def cost(made: FollowUp) -> Cost:
    """What is still to be paid of it: the estimate less what the pilot has bought, and the bound of its ceiling."""
    estimate = _estimate(made.plan)
    # What the pilot bought made examples; verdicts are new.
    full = made.plan.full
    untrained = None if full is None else full.model_copy(update={"train": False})
    making = _estimate(made.plan.model_copy(update={"full": untrained})) if made.verdicts else estimate
    share = min(1.0, made.reused / max(1, making.queries))

    def of(whole: float | None, made_usd: float | None) -> float | None:
        return None if whole is None or made_usd is None else whole - share * made_usd

    most, ceiling = estimate.upper_usd, made.plan.ceiling.usd
    if ceiling is not None:
        most = ceiling if most is None else min(most, ceiling)
    return Cost(of(estimate.lower_usd, making.lower_usd), of(estimate.expected_usd, making.expected_usd), most)


def _estimate(plan: PilotPlan) -> Estimate:
    return _outline(plan).estimate


def _outline(plan: PilotPlan) -> full_plans.Outline:
    return full_plans.outline(json.dumps(plan.model_dump(mode="json"), sort_keys=True))


@st.dialog("Start the full run?", width="large")
def _confirm(run: Run, plan: PilotPlan, store: Store, queries: int, usd: float | None) -> None:
    with session.shown_errors():  # a dialog runs by itself, outside the frame's net
        try:
            made = found(run, store, queries, usd)
            _asked(run, plan, made)
        except InputError as error:
            st.error(session.message(error), icon=":material/error:")


def _asked(run: Run, plan: PilotPlan, made: FollowUp) -> None:
    full = made.plan.full
    if full is None:  # a follow-up always has one; the type cannot say so
        return
    takes = cost(made)  # first: where the plan cannot be run here, that is all there is to say
    parts = ", then ".join(f"{asked:,} on {words.STRATEGIES[s].lower()}" for s, asked in full.spending.items())
    st.markdown(f"**{words.plain(made.advised.headline)}**")
    st.markdown(
        f"Of {made.total:,} queries: {parts}. {made.reused:,} of these are paid already; "
        f"{made.given_up:,} of the pilot's have no place in this plan."
    )
    left, right = st.columns(2)
    judged = f" The last {made.verdicts:,} are the judge's, one for each test item." if made.verdicts else ""
    left.metric(
        "New queries, at most", f"{made.most:,}", help=f"The ceiling: a lost reply is asked again out of it.{judged}"
    )
    forecast = full.forecast
    right.metric(
        "Forecast, right",
        "not given"
        if forecast is None
        else f"{100 * forecast.mean:.0f} % ({100 * forecast.low80:.0f} to {100 * forecast.high80:.0f})",
        help="On the pilot's test items, with its 80 % interval; kept, and held against what is measured.",
    )
    low, middle, high = st.columns(3)
    low.metric("Cost, at least", run_words.money(takes.lower_usd))
    middle.metric("Cost, expected", run_words.money(takes.expected_usd))
    high.metric(
        "Cost, at most",
        run_words.money(takes.upper_usd),
        help=None if takes.upper_usd is None else "The ceiling in money: the run never charges more.",
    )
    if takes.expected_usd is None:
        st.info("The price is unknown, so the ceiling holds in queries only.", icon=":material/help:")
    for warning in _outline(made.plan).warnings:
        st.warning(words.plain(run_words.in_form_words(warning)), icon=":material/warning:")
    key = teacher_form.password(f"follow_key_{run.id}") if plan.teacher.key_typed else None
    with st.container(horizontal=True):
        if st.button(
            "Start the full run",
            key="follow_yes",
            type=emphasis.first(),
            icon=":material/rocket_launch:",
            disabled=plan.teacher.key_typed and not key,
            on_click=_start,
            args=(made, key),
        ):
            st.rerun()
        if st.button("Not now", key="follow_no"):
            st.rerun()


def _start(made: FollowUp, key: str | None) -> None:
    """The click: what came of it is told by the page, which runs after it."""
    try:
        st.session_state[STARTED] = start(made, pilots.store(), key)
    except SeedPilotError as error:
        st.session_state[REFUSED] = session.message(error)


def start(made: FollowUp, store: Store, key: str | None) -> str:
    """Files the full run and starts its worker; pressed twice it is the same run."""
    raw = made.plan.model_dump(mode="json")
    if (under_way := full_plans.under_way(store, raw)) is not None:
        return under_way
    run_id = runs.file_full(prepare_full(made.plan), store, lambda _: None)
    launch.start(run_id, Settings(), SecretStr(key) if key else None)
    run_controls.note_start(store.run(run_id))
    return run_id


def _counts(row: CellRow) -> bool:
    return isinstance(row.cell.arm, Strategy) and row.cell.variant == PLAIN and row.measurement is not None


def origin(plan: PilotPlan) -> None:
    """On the page of a full run: the pilot that it follows."""
    forecast = None if plan.full is None else plan.full.forecast
    if forecast is not None and forecast.pilot and pilots.store().folder(forecast.pilot).is_dir():
        _go(forecast.pilot, "The pilot that this follows", ":material/science:")


def _go(run_id: str, label: str, icon: str) -> None:
    """Leads to another run: a link to the page that is open would not leave it."""
    if st.button(words.plain(label), key=f"follow_go_{run_id}", type="tertiary", icon=icon):
        st.switch_page("pages/pilot/run.py", query_params={"run": run_id})
