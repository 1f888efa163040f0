"""Run: one pilot as it stands now, from its address; reload it or close it as you like."""

import streamlit as st

from engine.determined import NOT_APPLICABLE
from engine.early_stop import Rules
from engine.errors import SeedPilotError
from engine.ledger import account
from engine.records import CHECK, DRY_RUN, FULL, CellRow, PoolRow, Run, RunState
from engine.run_verdict import noise_told, verdict
from engine.runs import plan_of
from pages.shared import (
    charts,
    check_parts,
    follow_form,
    full_parts,
    pair_parts,
    pilots,
    run_controls,
    run_outcome,
    run_parts,
    run_words,
    session,
    shown,
    training_parts,
    words,
)

CELLS = {
    "Right": st.column_config.NumberColumn(format="%.1f %%", help="Share of the scored test items that were right."),
    "80 % from": st.column_config.NumberColumn(format="%.1f %%", help="Lower end of Wilson's 80 % interval."),
    "80 % to": st.column_config.NumberColumn(format="%.1f %%", help="Upper end of Wilson's 80 % interval."),
    "Queries": st.column_config.NumberColumn(format="localized", help="Teacher queries behind the training examples."),
    "Not scored": st.column_config.NumberColumn(help="Replies that no scorer could read; they enter no mean."),
    "Loss on right answers": st.column_config.NumberColumn(
        format="%.3f",
        help="How unlikely the student finds the right answers, in nats a token: less noisy than right or wrong.",
    ),
    "Examples kept": st.column_config.NumberColumn(format="localized", help="Training examples besides the seeds."),
}
BUDGETS = {
    "Budget": st.column_config.NumberColumn(format="localized", help="Teacher queries."),
    "Distinct word pairs": st.column_config.NumberColumn(
        format="%.0f %%",
        help="Different pairs of neighbouring words among all such pairs: falls as examples repeat phrases.",
    ),
    "Distance to the nearest": st.column_config.NumberColumn(
        format="%.0f %%",
        help="How much of an example, on average, the most similar other one does not share; 0 for copies.",
    ),
    "New words": st.column_config.NumberColumn(format="%.0f %%", help="Share of the different words that no seed has."),
    "$ per kept example": st.column_config.NumberColumn(
        format="%.5f",
        help="What was paid, for rejected examples too, over what was kept; empty where a price is unknown.",
    ),
}
VARIANTS = {
    "Points above plain": st.column_config.NumberColumn(
        format="%+.1f", help="Accuracy less that of the plain cell beside it, on the same test items."
    ),
    "At least": st.column_config.NumberColumn(
        format="%+.1f", help="Lower end of the 80 % interval of that difference."
    ),
    "At most": st.column_config.NumberColumn(format="%+.1f", help="Upper end of the 80 % interval of that difference."),
    "Examples (plain)": st.column_config.NumberColumn(format="%.0f", help="Generated examples that were kept."),
    "Examples (variant)": st.column_config.NumberColumn(format="%.0f"),
}
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
store = pilots.store()
run_id = st.query_params.get("run")
if not run_id:
    st.info("No run is chosen. The list of runs leads to each of them.", icon=":material/info:")
    st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
    st.stop()
run = store.run(run_id)
plan = plan_of(run)
if plan.retrieval is not None:
    st.page_link(
        "pages/decide/retrieval.py", label="What this retrieval pilot measured", icon=":material/manage_search:"
    )
    run_controls.told(run, store)
    run_controls.buttons(run, plan, store)
    st.stop()
live = run.state in run_words.LIVE or run_controls.starting(run)
standing = run_controls.standing(run)


def money(run: Run) -> None:
    """Queries, cost and cells so far, against the ceiling."""
    paid, cells = account(store, run.id), store.cells(run.id)
    queries, usd, done = st.columns(3)
    unknown = f", {paid.unknown:,} of them with an unknown outcome" if paid.unknown else ""
    queries.metric(
        "Teacher queries",
        f"{paid.queries:,} of {plan.ceiling.queries:,}" if plan.ceiling.queries else f"{paid.queries:,}",
        help=f"Charged so far{unknown}; the second number is the ceiling.",
    )
    usd.metric(
        "Cost",
        run_words.money(paid.usd) + (f" of {run_words.money(plan.ceiling.usd)}" if plan.ceiling.usd else ""),
        help="Charged so far; queries on their way count at the most that they can cost.",
    )
    done.metric(
        "Cells measured", f"{sum(c.measurement is not None for c in cells)} of {len(cells)}" if cells else "none"
    )


def comparison(cells: list[CellRow]) -> None:
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


def result(run: Run) -> None:
    """Advice before and after, the chart, the tables."""
    cells, pools = store.cells(run.id), store.pools(run.id)
    try:
        before, after = pilots.advice(run, cells)
    except SeedPilotError as error:
        st.warning(f"No advice can be drawn from this run: {session.message(error)}", icon=":material/warning:")
    else:
        left, right = st.columns(2, gap="medium")
        with left.container(border=True, height="stretch"):
            st.caption("Advice before: published studies only")
            st.markdown(f"**{words.plain(before.headline)}**")
        with right.container(border=True, height="stretch"):
            st.caption("Advice after: with what this pilot measured")
            st.markdown(f"**{words.plain(after.headline)}**" if after else "Appears with the first measured strategy.")
        title = run_parts.takeaway(cells)
        st.subheader(title, anchor=False)
        budgets = plan.grid.budgets
        st.plotly_chart(
            charts.curves(
                after or before,
                run_parts.measured(cells),
                references=run_parts.references(cells),
                span=(min(budgets) / 2, max(budgets) * 3),
                low=run_parts.axis_begins(cells),
            ),
            key="run_curves",
            config=charts.CONFIG,
            alt=f"{title}. The table below holds every value.",
        )
        st.caption(
            "Curves and shaded bands: what is expected, with 80 % intervals"
            + (", fitted to your measurements too. " if after else ", from published studies only. ")
            + "Filled marks: measured, one for each adapter, with Wilson's 80 % intervals. "
            "Horizontal lines: what needs no generated data."
        )
    comparison(cells)
    if run_parts.ruled_out(plan):
        st.caption(f":material/block: {words.plain(NOT_APPLICABLE)}")
    if said := Rules(plan.test.stop_losers, plan.test.stop_futile).told:
        st.caption(
            f"Stopping early, as the plan allows: {said} These rates come on top of those above; a cell that was "
            "stopped was chosen for being far behind, so its distance is a little overstated."
        )
    if cells:
        st.subheader("Every cell", anchor=False)
        table = run_parts.cell_table(cells)
        st.dataframe(
            table,
            hide_index=True,
            key="run_cells",
            column_config=CELLS,
            placeholder="",
            alt="Every cell with its result",
        )
        st.download_button(
            "Download this table (CSV)", table.to_csv(index=False), f"{run.id}-cells.csv", "text/csv",
            key="run_cells_csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if said := training_parts.control_sentence(cells):
        st.info(words.plain(said), icon=":material/balance:")
    settings = training_parts.settings_table(store.folder(run.id))
    if len(settings):
        with st.expander("How the adapters were trained, and where each setting came from", icon=":material/tune:"):
            shown.table(
                settings,
                key="run_settings",
                name=f"{run.id}-settings",
                alt="Every setting of the training, its value, and where it came from",
            )
    variants = run_parts.variant_table(cells)
    if len(variants):
        st.subheader("What each variant changed", anchor=False)
        st.dataframe(
            variants,
            hide_index=True,
            key="run_variants",
            column_config=VARIANTS,
            alt="Points that each variant lies above the plain strategy at the same seeds and queries",
        )
        st.caption(
            "Points of accuracy against the plain strategy at the same number of queries, paired by test item, with "
            "80 % intervals. An interval that holds 0 shows no difference."
        )
        st.download_button(
            "Download the variants (CSV)", variants.to_csv(index=False), f"{run.id}-variants.csv", "text/csv",
            key="run_variants_csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if pools:
        st.subheader("What became of the generated examples", anchor=False)
        st.dataframe(
            run_parts.pool_table(pools), hide_index=True, key="run_pools", alt="Examples by reason; they add up"
        )
        st.caption("Each row adds up to its last column: so many examples were asked for.")
        diversity(run, pools)


def diversity(run: Run, pools: list[PoolRow]) -> None:
    """How different the kept examples are, and what one cost, budget by budget."""
    budgets = run_parts.budget_table(pools)
    if len(budgets):
        st.subheader("How different the examples are, and what they cost", anchor=False)
        st.dataframe(
            budgets,
            hide_index=True,
            key="run_budgets",
            column_config=BUDGETS,
            alt="Diversity and price of the kept examples by strategy and budget",
        )
        st.caption("A strategy whose figures fall from budget to budget begins to repeat itself.")
        st.download_button(
            "Download these figures (CSV)", budgets.to_csv(index=False), f"{run.id}-budgets.csv", "text/csv",
            key="run_budgets_csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


# One fragment polls, and only while something can change; at the end the page runs once more, whole.
@st.fragment(run_every=2 if live else None)
def view() -> None:
    now = store.run(run.id)
    if run_controls.standing(now) != standing:
        st.rerun()
    if run.id.startswith(CHECK):
        check_parts.view(now, store)
        return
    if run.id.startswith(DRY_RUN):
        full_parts.dry(now, store)
        return
    if run.id.startswith(FULL):
        full_parts.view(now, store)
        if not live:
            diversity(now, store.pools(run.id))
        return
    if live:
        st.progress(*run_words.progress(now))
    money(now)
    result(now)


st.subheader(words.plain(run.name), anchor=False)
st.markdown(f"{run_words.badges(run, plan)} :gray[:small[{run.id}]]")
if plan.sandbox_parts:
    st.caption("Sandbox results are practice: they say how SeedPilot works, not how your own task will go.")
if not (run.id.startswith(CHECK) and run.state in (RunState.DONE, RunState.FAILED)):  # its verdict says it
    run_controls.told(run, store)
run_controls.buttons(run, plan, store)
view()
if not run.id.startswith((CHECK, DRY_RUN, FULL)):
    follow_form.section(run, plan, store)
if run.state is not RunState.QUEUED:
    run_controls.take_away(run, store)
    run_outcome.section(run, store)
st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
