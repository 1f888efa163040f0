"""A pilot's result from top to bottom: verdict, ladder, differences, curves, chances, what became of the money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from engine.adaptive import read_steps
from engine.determined import NOT_APPLICABLE
from engine.domain import Recommendation, Strategy, TeacherOffer
from engine.early_stop import Rules
from engine.errors import SeedPilotError
from engine.ledger import account
from engine.plan import PLAIN, PilotPlan
from engine.records import CellRow, Run
from engine.run_verdict import noise_told, verdict
from engine.store import Store
from pages.shared import (
    chart_tables,
    charts,
    estimate_parts,
    funnel_parts,
    ladder_parts,
    money_limit,
    pair_parts,
    pilots,
    result_tables,
    row_parts,
    run_parts,
    session,
    shown,
    steps_parts,
    words,
)

Advice = tuple[Recommendation, Recommendation | None]
QUERIES, DOLLARS = "Queries", "Dollars"
PAIRS = {
    name: st.column_config.NumberColumn(format=form, help=said)
    for name, form, said in (
        ("Points", "%+.1f", "Accuracy less that of the other, on the same test items."),
        ("95 % from", "%+.1f", None),
        ("95 % to", "%+.1f", None),
        ("p", "%.3f", "How often noise alone reaches as far, for this pair on its own."),
        ("p, all pairs (Holm)", "%.3f", "The same over all pairs of the run; below 0.05 a pair counts as different."),
        ("Smallest to be found", "%.1f", "True differences below it are missed in more than one of five pilots."),
        ("Noise: items", "%.1f", "Standard error from the choice of test items, families whole; points."),
        ("Noise: training seeds", "%.1f", "Empty where no cell has replicates."),
        ("Noise: data made again", "%.1f", "What the same strategy asked again would change."),
        ("First adapters: p (McNemar)", "%.3f", "Exact, of the first adapter of each: it speaks of these two only."),
    )
}


def money(run: Run, plan: PilotPlan, store: Store, cells: Sequence[CellRow]) -> None:
    """Queries, cost and cells so far, against the ceiling."""
    paid = account(store, run.id)
    queries, usd, done = st.columns(3)
    unknown = f", {paid.unknown:,} of them with an unknown outcome" if paid.unknown else ""
    queries.metric(
        "Teacher queries",
        f"{paid.queries:,} of {plan.ceiling.queries:,}" if plan.ceiling.queries else f"{paid.queries:,}",
        help=f"Charged so far{unknown}; the second number is the ceiling.",
    )
    money_limit.metric(usd, run, plan, store, paid.usd)
    left_out = sum(cell.state == "skipped" for cell in cells)
    done.metric(
        "Cells measured",
        f"{sum(cell.measurement is not None for cell in cells)} of {len(cells) - left_out}" if cells else "none",
        help=f"{left_out} more left out; the table of cells says why." if left_out else None,
    )


def headline(run: Run, store: Store, cells: Sequence[CellRow]) -> None:
    """The verdict in a sentence, and what was advised before."""
    try:
        before, after = pilots.advice(run, cells, store.pools(run.id))
    except SeedPilotError as error:
        st.warning(f"No advice can be drawn from this run: {session.message(error)}", icon=":material/warning:")
        return
    with st.container(border=True):
        if after is None:
            st.caption("Nothing of a strategy is measured yet. Until then, by published studies only:")
            st.markdown(f"**{words.plain(before.headline)}**")
            return
        st.header(words.plain(after.headline), anchor=False)
        st.caption(
            f"With what this pilot measured. Before it, by published studies only: {words.plain(before.headline)}"
        )


def result(run: Run, plan: PilotPlan, store: Store, cells: Sequence[CellRow]) -> None:
    """Every chart and table below the verdict."""
    pools = store.pools(run.id)
    rungs = ladder_parts.rungs(cells)
    if len(rungs) > 1:
        shown.chart(
            ladder_parts.chart(rungs),
            ladder_parts.takeaway(rungs),
            key="run_ladder",
            note="Of the scored test items. Each mark is the mean of the replicates, with Wilson's 80 % interval of "
            "one of them.",
        )
        shown.values(lambda: ladder_parts.table(rungs), key="run_ladder", alt="Accuracy of each rung of the ladder")
    comparison(cells)
    try:
        advice: Advice | None = pilots.advice(run, cells, pools)
    except SeedPilotError:  # told above the figures
        advice = None
    if advice is not None:
        _curves(run, plan, store, cells, advice)
        _chances(run, store, cells, advice)
    if pools:
        flows = funnel_parts.flows(pools)
        shown.chart(
            funnel_parts.chart(flows),
            funnel_parts.takeaway(flows),
            key="run_funnel",
            note="Paid queries: the replies behind the examples, whichever run paid for them. A rephrasing and a new "
            "question take two queries each. Why examples were left out stands in a table below.",
        )
        shown.values(lambda: funnel_parts.table(flows), key="run_funnel", alt="Paid, read and kept by strategy")
        row_parts.section(run, store, cells, pools)
    if run_parts.ruled_out(plan):
        st.caption(f":material/block: {words.plain(NOT_APPLICABLE)}")
    if said := Rules(plan.test.stop_losers, plan.test.stop_futile).told:
        st.caption(
            f"Stopping early, as the plan allows: {said} These rates come on top of those above; a cell that was "
            "stopped was chosen for being far behind, so its distance is a little overstated."
        )
    result_tables.section(run, store, cells, pools)
    estimate_parts.section(run, store)
    estimate_parts.paid_for(run, store)


def comparison(cells: Sequence[CellRow]) -> None:
    """Strategies against the seeds alone and against each other."""
    found = pilots.comparison(cells)
    if not found.pairs:
        return
    shown.chart(
        pair_parts.chart(found.pairs),
        verdict(found),
        key="run_pairs",
        note=f"{noise_told(found)} Marks: differences on the same test items, with 95 % intervals in which items, "
        "training seeds and pools take part; filled where the two differ at 5 % over all pairs together (Holm). "
        "Grey: true differences so small are missed in more than one of five such pilots.",
    )
    shown.values(
        lambda: pair_parts.table(found.pairs),
        key="run_pairs",
        alt="Every pair of strategies with its difference and interval",
        column_config=PAIRS,
    )
    partial = pilots.partial_comparison(cells)
    if partial is None or not partial.pairs:
        return
    # The chart counts an item as right or wrong; here one that is half right counts half.
    st.markdown(f"**With partial credit:** {words.plain(verdict(partial))}")
    with st.expander("Every pair with partial credit, as a table", icon=":material/table_rows:"):
        shown.table(
            pair_parts.table(partial.pairs, partial=True),
            key="run_pairs_partial",
            name="seedpilot-pairs-partial-credit",
            alt="Every pair of strategies, items counted with their partial credit",
            column_config=PAIRS,
        )


def _curves(run: Run, plan: PilotPlan, store: Store, cells: Sequence[CellRow], advice: Advice) -> None:
    """Score against what is spent, in dollars where they are known, with queries per seed above; before and after."""
    before, after = advice
    paid = account(store, run.id)
    each = paid.usd / paid.queries if paid.usd and paid.queries else None
    unit = QUERIES
    title = run_parts.takeaway(cells)
    top = st.container()
    if each:
        unit = st.segmented_control(
            "Spent, in", [DOLLARS, QUERIES], default=DOLLARS, required=True, key=f"run_unit_{run.id}"
        )
    if each and unit == DOLLARS:
        before, after = _priced(before, each), None if after is None else _priced(after, each)
    now, earlier = (before, None) if after is None else (after, before)
    measured = run_parts.measured(cells)
    budgets, target = plan.grid.budgets, plan.target.queries
    notes = [
        "Curves and shaded bands: what is expected, with 80 % intervals, "
        + ("fitted to your measurements too." if after else "from published studies only."),
        "Thin: the same before this pilot." if earlier else "",
        "Filled marks: measured, one for each adapter, with Wilson's 80 % intervals.",
        "Horizontal lines: what needs no generated data.",
        charts.ends_early(now),
        f"Dollars at the mean price of a query of this run, ${each:.2g}." if each and unit == DOLLARS else "",
    ]
    with top:
        shown.chart(
            charts.curves(
                now,
                measured,
                before=earlier,
                references=run_parts.references(cells),
                span=(min(budgets) / 2, max(3 * max(budgets), 1.3 * (target or 0))),
                low=run_parts.axis_begins(cells),
                budget=target is not None,
            ),
            title,
            key="run_curves",
            note=words.plain(" ".join(note for note in notes if note)),
        )
    shown.values(
        lambda: chart_tables.curves(now, measured, earlier),
        key="run_curves",
        alt="Measured and expected accuracy of each strategy by what is spent, before and after the pilot",
    )


def _priced(advice: Recommendation, each: float) -> Recommendation:
    """The same advice where a query has that price."""
    offer = TeacherOffer("the teacher", usd_per_query=each)
    return replace(advice, situation=replace(advice.situation, teachers=(offer,)))


def _chances(run: Run, store: Store, cells: Sequence[CellRow], advice: Advice) -> None:
    """P(best) over time."""
    before, after = advice
    moments = steps_parts.moments(before, after, read_steps(store.folder(run.id)), _spent(cells))
    if len(moments) < 2:
        return
    shown.chart(
        steps_parts.chart(moments),
        steps_parts.takeaway(moments),
        key="run_chances",
        note="The chance that no other strategy does better with the whole budget, as it was computed at the time.",
    )
    shown.values(lambda: steps_parts.table(moments), key="run_chances", alt="Chance of each strategy, step by step")


def _spent(cells: Sequence[CellRow]) -> int:
    """Queries for examples: of each strategy and seed count its largest measured cell."""
    largest: dict[tuple[Strategy, int], int] = {}
    for row in cells:
        cell = row.cell
        if isinstance(cell.arm, Strategy) and cell.variant == PLAIN and row.measurement is not None:
            key = (cell.arm, cell.seeds)
            largest[key] = max(largest.get(key, 0), cell.budget)
    return sum(largest.values())
