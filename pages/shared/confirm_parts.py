"""What a pilot takes and what it is expected to bring, before a query is paid."""

from __future__ import annotations

import streamlit as st

from pages.shared import pilots, run_words, words


def figures(found: pilots.Outline) -> None:
    """Queries, cost, time, memory, the smallest visible gain, and what the pilot is worth."""
    estimate = found.estimate
    left, right = st.columns(2)
    left.metric(
        "Teacher queries", f"{estimate.queries:,}", help=f"It never asks more than {estimate.ceiling_queries:,}."
    )
    right.metric(
        "Adapters and baselines", f"{found.cells}", help="Each is one cell: trained and scored, or only scored."
    )
    low, middle, high = st.columns(3)
    low.metric("Cost, at least", run_words.money(estimate.lower_usd), help="All as short as your shortest example.")
    middle.metric("Cost, expected", run_words.money(estimate.expected_usd), help="By the mean length of your examples.")
    high.metric(
        "Cost, at most",
        run_words.money(estimate.upper_usd),
        help="Every query of the ceiling at the longest prompt and the longest reply.",
    )
    left, right = st.columns(2)
    left.metric("Time, roughly", run_words.duration(estimate.seconds), help="A guess from the student's size.")
    if estimate.memory is not None:
        machine = estimate.memory.machine
        left.metric(
            "Memory, at most",
            f"{estimate.memory.bytes / 1e9:.1f} GB",
            help=f"Of the {machine.total_bytes / 1e9:.1f} GB that this machine's {machine.device.upper()} has, by the "
            "shapes in the student's config. Where memory ends, batches are made smaller.",
        )
    right.metric(
        "Smallest visible gain",
        f"{estimate.detectable_points:.1f} points",
        help=f"A smaller difference between two strategies drowns in noise: {estimate.detectable_items_points:.1f} "
        f"points by the {found.test_items} test items alone, the rest by training again and making the data again, "
        "which are assumed until cells are measured.",
    )
    rows = found.division or f"{found.seeds:,} seeds, {found.test_items:,} test items"
    st.caption(f"{words.plain(rows)}. Ceiling: {estimate.ceiling_queries:,} queries.")
    if estimate.expected_usd is None:
        st.info("The price is unknown, so the ceiling holds in queries only.", icon=":material/help:")
    st.markdown(f"**What it is worth.** {words.plain(found.worth.told)}")
    if found.worth.warning:
        st.info(words.plain(found.worth.warning), icon=":material/balance:")
