"""What a run leaves to take away besides its data: its report, its plan, its adapters, and the worker's log."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from engine.model_folder import adapters, zipped_adapter
from engine.plan import PLAIN, to_toml
from engine.records import CellRow, Run
from engine.report.facts import facts
from engine.report.page import as_html
from engine.report.plainly import keys_of, visible, without_keys
from engine.runs import plan_of
from engine.store import Store
from pages.shared import run_words, words

LOG = "worker.log"
TAIL_BYTES = 16_000
"""Of the log that are shown; the file holds all of it."""


def section(run: Run, store: Store) -> None:
    """Report, plan and log."""
    st.subheader("Report and log", anchor=False)
    with st.container(horizontal=True):
        st.download_button(
            "Report (HTML)",
            lambda: as_html(facts(store, run.id)),  # made when it is asked for
            f"{run.id}-report.html",
            "text/html",
            key="run_report",
            icon=":material/description:",
            on_click="ignore",
            help="One file that opens offline and prints: decision, curves, cells, prices, hashes, and the plan. "
            "The run can be repeated from it.",
        )
        st.download_button(
            "Report (JSON)",
            lambda: json.dumps(facts(store, run.id), indent=1, ensure_ascii=False),
            f"{run.id}-report.json",
            "application/json",
            key="run_report_json",
            icon=":material/data_object:",
            on_click="ignore",
            help="The same as values, for programs.",
        )
        st.download_button(
            "Plan (TOML)",
            lambda: to_toml(plan_of(run)),
            f"{run.id}.toml",
            "application/toml",
            key="run_plan",
            icon=":material/download:",
            on_click="ignore",
            help="For the command line: seedpilot pilot FILE.toml",
        )
    _adapter(run, store)
    _log(run, store)


def _adapter(run: Run, store: Store) -> None:
    found = {row.cell.key: row for row in adapters(store, run.id)}
    if not found:
        return
    which, take = st.columns([2.4, 1], vertical_alignment="bottom")
    key = which.selectbox(
        "Adapter",
        list(found),
        format_func=lambda key: _named(found[key]),
        key=f"run_adapter_{run.id}",
        help="The largest budget first, and of these the one that did best on the test items.",
    )
    take.download_button(
        "Adapter with its card (ZIP)",
        lambda: zipped_adapter(store, run.id, found[key]).read_bytes(),  # made when it is asked for
        f"{key}.zip",
        "application/zip",
        key="run_adapter_download",
        icon=":material/memory:",
        on_click="ignore",
        width="stretch",
        help="Weights and config in peft's layout, and a README.md that says what it learned from and how well it "
        "does. Merged weights: seedpilot export RUN --what merged",
    )


def _named(row: CellRow) -> str:
    cell, measured = row.cell, row.measurement
    right = "" if measured is None or measured.accuracy is None else f", {100 * measured.accuracy:.0f} % right"
    what = words.arm(cell.arm) + ("" if cell.variant == PLAIN else f" ({cell.variant.replace('_', ' ')})")
    queries = f", {cell.budget:,} queries" if cell.budget else ""
    return f"{what}{queries}, {cell.seeds:,} seeds, replicate {cell.replicate + 1}{right}"


def _log(run: Run, store: Store) -> None:
    path = store.folder(run.id) / LOG
    if not path.is_file():
        return
    live = run.state in run_words.LIVE
    under = st.expander("Log of the worker", icon=":material/terminal:", key="run_log", on_change="rerun")
    if not under.open:
        return
    keys = keys_of(plan_of(run))

    # Read again only while it is open and something writes to it.
    @st.fragment(run_every=2 if live else None)
    def shown() -> None:
        st.code(tail(path, keys) or "Nothing yet.", language=None, wrap_lines=True, height=320)

    with under:
        shown()
        st.download_button(
            "Download the whole log",
            lambda: without_keys(path.read_text(encoding="utf-8", errors="replace"), keys),
            f"{run.id}-worker.log",
            "text/plain",
            key="run_log_download",
            icon=":material/download:",
            on_click="ignore",
        )


def tail(path: Path, keys: tuple[str, ...]) -> str:
    """The last lines of a log, whole ones; what nobody should see in it is struck out or named."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    if size > TAIL_BYTES:
        text = text.partition("\n")[2]
    found: str = without_keys(text, keys)
    return visible(found.replace("\r\n", "\n").replace("\r", "\n")).rstrip()
