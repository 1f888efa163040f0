"""What a pilot takes and what it is expected to bring, before a query is paid; what is not known is called unknown."""

from __future__ import annotations

import streamlit as st

from pages.shared import pilots, run_words, words

UNKNOWN = "unknown"
WIDE = 150
"""Pixels of a figure: two stand side by side beside the form, and on a telephone."""
LEAST = "All as short as your shortest example."
EXPECTED = "By the mean length of your examples."
MOST = "Every query of the ceiling at the longest prompt and the longest reply."
TIME = "A guess from the student's size and the teacher's limits; with batches nobody knows: each takes up to 24 hours."
CELLS = "Adapters that are trained and scored, and baselines that are only scored."


def figures(found: pilots.Outline | None) -> None:
    """Queries, cost, time, memory and the smallest visible gain; all unknown while the plan has faults."""
    estimate = None if found is None else found.estimate
    with st.container(horizontal=True):
        _metric(
            "Teacher queries",
            UNKNOWN if estimate is None else f"{estimate.queries:,}",
            None if estimate is None else f"It never asks more than {estimate.ceiling_queries:,}.",
        )
        _metric("Time, roughly", run_words.duration(estimate and estimate.seconds), TIME)
        _metric("Cost, expected", run_words.money(estimate and estimate.expected_usd), EXPECTED)
        _metric("Cost, at most", run_words.money(estimate and estimate.upper_usd), MOST)
        _metric("Cost, at least", run_words.money(estimate and estimate.lower_usd), LEAST)
        _metric("Memory, at most", *_memory(found))
        _metric(
            "Smallest visible gain",
            UNKNOWN if estimate is None else f"{estimate.detectable_points:.1f} points",
            None
            if found is None or estimate is None
            else "A smaller difference between two strategies drowns in noise: "
            f"{estimate.detectable_items_points:.1f} points by the {found.test_items} test items alone, the rest by "
            "training again and making the data again, which are assumed until cells are measured.",
        )
        _metric("Cells to measure", UNKNOWN if found is None else f"{found.cells}", CELLS)
    if found is None or estimate is None:
        st.caption("Known as soon as every step is complete.")
        return
    rows = found.division or f"{found.seeds:,} seeds, {found.test_items:,} test items"
    st.caption(f"{words.plain(rows)}. Ceiling: {estimate.ceiling_queries:,} queries.")
    if estimate.expected_usd is None:
        st.info("The price is unknown, so the ceiling holds in queries only.", icon=":material/help:")


def worth(found: pilots.Outline | None) -> None:
    """What the pilot is expected to bring, and whether it is likely to end too close to call."""
    if found is None:
        return
    st.markdown(f"**What it is worth.** {words.plain(found.worth.told)}")
    if found.worth.warning:
        st.info(words.plain(found.worth.warning), icon=":material/balance:")


def _metric(label: str, value: str, help: str | None) -> None:
    st.metric(label, value, help=help, width=WIDE)


def _memory(found: pilots.Outline | None) -> tuple[str, str]:
    memory = None if found is None else found.estimate.memory
    if memory is None:
        return UNKNOWN, "Known for a student with a config, on a machine that is known."
    machine = memory.machine
    return (
        f"{memory.bytes / 1e9:.1f} GB",
        f"Of the {machine.total_bytes / 1e9:.1f} GB that this machine's {machine.device.upper()} has, by the shapes in "
        "the student's config. Where memory ends, batches are made smaller.",
    )
