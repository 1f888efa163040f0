"""The tables of a pilot's result: cells, settings, variants, what became of the examples, how different they are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.records import CellRow, PoolRow, Run
from engine.store import Store
from pages.shared import run_parts, shown, training_parts, words

NAME = 250
"""Pixels that the longest name of a cell takes: Streamlit itself gives a column no more than 200."""
CELLS = {
    "What": st.column_config.TextColumn(width=NAME),
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
    "Examples too long": st.column_config.NumberColumn(help="Left out of the training: longer than its longest row."),
    "Questions cut": st.column_config.NumberColumn(
        help="Test items of which the student read only the last part: all of it does not fit beside an answer."
    ),
    "Answers without an end": st.column_config.NumberColumn(
        help="Replies that were cut off at the longest answer; they are scored as far as they went."
    ),
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


def section(run: Run, store: Store, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> None:
    """All of them, each where there is something in it."""
    if cells:
        st.subheader("Every cell", anchor=False)
        table = run_parts.cell_table(cells)
        shown.bare(table, key="run_cells", column_config=CELLS, alt="Every cell with its result")
        st.download_button(
            "Download this table (CSV)", table.to_csv(index=False), f"{run.id}-cells.csv", "text/csv",
            key="run_cells_csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if said := training_parts.control_sentence(cells):
        st.info(words.plain(said), icon=":material/balance:")
    training_parts.settings("How the adapters were trained", run, store, key="run_settings")
    variants = run_parts.variant_table(cells)
    if len(variants):
        st.subheader("What each variant changed", anchor=False)
        shown.table(
            variants,
            key="run_variants",
            name=f"{run.id}-variants",
            column_config=VARIANTS,
            alt="Points that each variant lies above the plain strategy at the same seeds and queries",
        )
        st.caption(
            "Points of accuracy against the plain strategy at the same number of queries, paired by test item, with "
            "80 % intervals. An interval that holds 0 shows no difference."
        )
    if pools:
        st.subheader("What became of the generated examples", anchor=False)
        shown.bare(run_parts.pool_table(pools), key="run_pools", alt="Examples by reason; they add up")
        st.caption("Each row adds up to its last column: so many examples were asked for.")
        diversity(run, pools)


def diversity(run: Run, pools: Sequence[PoolRow]) -> None:
    """How different the kept examples are, and what one cost, budget by budget."""
    budgets = run_parts.budget_table(pools)
    if len(budgets):
        st.subheader("How different the examples are, and what they cost", anchor=False)
        shown.table(
            budgets,
            key="run_budgets",
            name=f"{run.id}-budgets",
            column_config=BUDGETS,
            alt="Diversity and price of the kept examples by strategy and budget",
        )
        st.caption("A strategy whose figures fall from budget to budget begins to repeat itself.")
