"""What the page of a data set's run shows: how fast it comes, what it cost, what became of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from engine.full_report import report_of
from engine.ledger import account
from engine.nothing_kept import alone, is_alone
from engine.pools import kept_so_far
from engine.query_pace import measured
from engine.records import Run
from engine.runs import plan_of
from engine.store import Store
from pages.shared import dry_run_parts, forecast_parts, money_limit, run_words, shown, training_parts, words


def view(run: Run, store: Store) -> None:
    """Progress while it lasts; queries, money and examples; at the end what became of each strategy's."""
    live = run.state in run_words.LIVE
    if live:
        st.progress(*run_words.progress(run))
    report = report_of(store, run.id) if not live else None
    _figures(run, store, report)
    plan = plan_of(run)
    forecast_parts.of_run(store, run.id, plan, None if report is None else report.get("trained"))
    if report is None:
        return
    if not report["kept"] and not is_alone(run.message):  # else the run's message says it
        st.warning(alone(report["counts"].values()), icon=":material/warning:")
    if report["kept"] and not report["complete"]:
        st.warning("The data set is not complete; its card (README.md) says why.", icon=":material/warning:")
    st.subheader("What became of the examples", anchor=False)
    table = became(report)
    shown.bare(table, key="full_counts", alt="Examples by strategy and reason; rows add up")
    st.caption("Each row adds up to its last column: so many examples were asked for.")
    st.download_button(
        "Download this table (CSV)", table.to_csv(index=False), f"{run.id}-counts.csv", "text/csv",
        key="full_counts_csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    training_parts.settings("How the student was trained", run, store, key="full_settings")


def dry(run: Run, store: Store) -> None:
    """The page of a dry run."""
    if run.state in run_words.LIVE:
        st.progress(*run_words.progress(run))
    found = measured(store, run.id)
    if found is not None:
        queries, each = st.columns(2)
        queries.metric("Queries answered", f"{found.queries:,}")
        each.metric("Time of one", f"{found.seconds:.2g} s")
    st.caption(
        "A dry run: two examples of each strategy, to know the time and the price of all. What it asked is kept, and "
        "the pilot or the data set itself does not buy it again."
    )
    dry_run_parts.written(run, store)


def became(report: dict[str, Any]) -> pd.DataFrame:
    """One row a strategy; its reasons add up to the last column."""
    counts: dict[str, dict[str, int]] = report["counts"]
    found = {reason for reasons in counts.values() for reason in reasons}
    reasons = [r for r in (*run_words.REASONS, *sorted(found - set(run_words.REASONS))) if r in found or r == "kept"]
    return pd.DataFrame(
        [
            {
                "What": words.row(strategy),
                **{run_words.REASONS.get(r, r.replace("_", " ")): of.get(r, 0) for r in reasons},
                "Asked for": sum(of.values()),
            }
            for strategy, of in counts.items()
        ]
    )


def _figures(run: Run, store: Store, report: dict[str, Any] | None) -> None:
    paid, plan = account(store, run.id), plan_of(run)
    queries, usd, kept = st.columns(3)
    unknown = f", {paid.unknown:,} of them with an unknown outcome" if paid.unknown else ""
    queries.metric(
        "Teacher queries",
        f"{paid.queries:,}" + (f" of {plan.ceiling.queries:,}" if plan.ceiling.queries else ""),
        help=f"Charged to this run so far{unknown}; the second number is the ceiling. What an earlier run bought is "
        "used and not charged again.",
    )
    money_limit.metric(usd, run, plan, store, paid.usd)
    if report is None:
        so_far = kept_so_far(store, run.id)
        kept.metric(
            "Examples kept",
            "unknown" if so_far is None else f"{so_far:,}",
            help="So far, in the order in which they were asked for; those that another strategy came to as well are "
            "left out at the end.",
        )
        return
    each = report["usd_per_kept"]
    kept.metric(
        "Examples kept",
        f"{report['kept']:,}",
        help=f"Beside {report['seeds']:,} seeds. "
        + ("What one cost is unknown." if each is None else f"One cost ${each:.5f}, those left out included."),
    )
