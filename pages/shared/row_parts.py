"""A seed, what was generated, and what the student got wrong, side by side: by label, by field, or all together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from engine.answer_groups import ALL, Groups, groups_of
from engine.domain import Baseline, Strategy
from engine.errors import SeedPilotError
from engine.plan import PLAIN
from engine.prepare import prepare
from engine.records import CellRow, PoolRow, Run
from engine.runs import plan_of
from engine.store import Store
from pages.shared import run_parts, session, shown, words

READ = 5000
"""Rows of a file that are looked at."""
LISTED = 30
"""Rows of a group that are shown."""
FEW, ROW_PX, WIDE, NARROW = 3, 108, 190, 120
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Generated examples of one strategy, and the replies of the student that learned from them."""

    name: str
    made: tuple[Row, ...]
    replies: tuple[Row, ...]


def section(run: Run, store: Store, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> None:
    """Closed at first: files are read only for who wants to see them."""
    under = st.expander(
        "Seeds, generated examples and errors, side by side",
        icon=":material/view_column:",
        key="run_rows_side",
        on_change="rerun",
    )
    if under.open:
        with under:
            side_by_side(run, store, cells, pools)


def side_by_side(run: Run, store: Store, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> None:
    """Counts by group, and three lists: a group's seeds, what was generated, and the errors."""
    found = sources(store, run.id, cells, pools)
    if not found:
        st.caption("Nothing was generated yet.")
        return
    try:
        seeds = _seeds(run.id, run)
    except SeedPilotError as error:
        st.warning(f"The seeds cannot be read again: {session.message(error)}", icon=":material/warning:")
        seeds = ()
    groups = groups_of([row["answer"] for row in seeds] or [row.get("gold", "") for row in found[0].replies])
    left, right = st.columns(2)
    labels = {source.name: source for source in found}
    source = labels[left.selectbox("What was learned from", list(labels), key="run_side_source")]
    group = ALL
    if groups.kind != ALL:
        group = right.selectbox("Label" if groups.kind == "label" else "Field", groups.names, key="run_side_group")
        shown.table(
            table(groups, seeds, found),
            key="run_side",
            name=f"{run.id}-groups",
            alt=f"Seeds, generated examples and errors by {groups.kind}",
        )
        st.caption(
            f"Shares of each {groups.kind} among the seeds and the kept examples, and how many of the test items with "
            "it were answered wrong. Items that could not be scored count as neither."
        )
    one, two, three = st.columns(3)
    with one:
        _rows("Seeds", _of(groups, group, seeds, "answer"), ("question", "answer"), "run_side_seeds")
    with two:
        _rows("Generated", _of(groups, group, source.made, "answer"), ("question", "answer"), "run_side_made")
    with three:
        wrong = [row for row in source.replies if _wrong(groups, group, row)]
        _rows("The student's errors", wrong, ("question", "gold", "reply"), "run_side_errors")


NAMES = {"question": "Question", "answer": "Answer", "gold": "Right answer", "reply": "Reply"}


def _rows(title: str, rows: Sequence[Row], columns: tuple[str, ...], key: str) -> None:
    st.markdown(f"**{title}** :gray[({min(LISTED, len(rows))} of {len(rows):,})]")
    if not rows:
        st.caption("None.")
        return
    # Others' text: in cells only, never as Markdown. High rows, so that it is read and not only begun.
    st.dataframe(
        [{NAMES[name]: str(row.get(name, "")) for name in columns} for row in rows[:LISTED]],
        hide_index=True,
        key=key,
        height="content" if len(rows) <= FEW else 480,
        row_height=ROW_PX,
        column_config={
            NAMES[name]: st.column_config.TextColumn(width=WIDE if name == "question" else NARROW) for name in columns
        },
        alt=title,
    )


def sources(store: Store, run_id: str, cells: Sequence[CellRow], pools: Sequence[PoolRow]) -> list[Source]:
    """Each plain pool with its largest measured cell; then the seeds alone, from which nothing was generated."""
    found = []
    for pool in pools:
        name, variant, seeds = run_parts.pool_name(pool)
        mine = [
            row
            for row in cells
            if isinstance(row.cell.arm, Strategy)
            and words.row(row.cell.arm.value) == name
            and row.cell.variant == PLAIN
            and row.cell.seeds == seeds
            and row.measurement is not None
            and not row.cell.pool
        ]
        if variant == PLAIN and mine:
            best = max(mine, key=lambda row: (row.cell.budget, -row.cell.replicate))
            label = f"{name}, {best.cell.budget:,} queries, {seeds:,} seeds"
            made = _read(Path(pool.folder) / "examples.jsonl")
            found.append(Source(label, made, _replies(store, run_id, best)))
    alone = [row for row in cells if row.cell.arm is Baseline.SEEDS_ONLY and row.measurement is not None]
    plain = [row for row in alone if row.cell.variant == PLAIN]
    if found and plain:
        best = max(plain, key=lambda row: (row.cell.seeds, -row.cell.replicate))
        found.append(Source(words.arm(Baseline.SEEDS_ONLY), (), _replies(store, run_id, best)))
    return found


def table(groups: Groups, seeds: Sequence[Row], found: Sequence[Source]) -> pd.DataFrame:
    """One row a label or field; percent of seeds and of kept examples, and wrong of the scored test items."""
    rows = []
    for group in groups.names:
        row: Row = {groups.kind.capitalize(): group, "Seeds, %": _share(groups, group, seeds)}
        for source in found:
            short = source.name.partition(",")[0]
            if source.made:
                row[f"{short}, %"] = _share(groups, group, source.made)
            scored = [r for r in source.replies if r.get("outcome") in ("right", "wrong")]
            items = [r for r in scored if groups.holds(group, str(r.get("gold", "")))]
            wrong = sum(_wrong(groups, group, r) for r in items)
            row[f"{short}: wrong"] = f"{wrong} of {len(items)}"
        rows.append(row)
    return pd.DataFrame(rows)


def _share(groups: Groups, group: str, rows: Sequence[Row]) -> float | None:
    if not rows:
        return None
    return round(100 * len(_of(groups, group, rows, "answer")) / len(rows), 1)


def _of(groups: Groups, group: str, rows: Sequence[Row], part: str) -> list[Row]:
    return [row for row in rows if groups.holds(group, str(row.get(part, "")))]


def _wrong(groups: Groups, group: str, row: Row) -> bool:
    return groups.wrong(group, str(row.get("gold", "")), row.get("reply"), str(row.get("outcome", "")))


def _replies(store: Store, run_id: str, row: CellRow) -> tuple[Row, ...]:
    return _read(store.folder(run_id) / "cells" / row.cell.key / "predictions.jsonl")


@st.cache_data(max_entries=32, show_spinner=False, ttl=30)
def _read(path: Path) -> tuple[Row, ...]:
    try:
        with path.open(encoding="utf-8") as lines:
            return tuple(json.loads(line) for line in itertools.islice(lines, READ))
    except (OSError, ValueError):
        return ()


@st.cache_data(max_entries=8, show_spinner="Reading the seeds")
def _seeds(run_id: str, _run: Run) -> tuple[Row, ...]:
    """The seeds that the run was filed with; SeedPilotError where they are gone."""
    return tuple({"question": seed.asked, "answer": seed.answer} for seed in prepare(plan_of(_run)).seeds)
