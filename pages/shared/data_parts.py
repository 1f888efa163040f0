"""The rows of a run as the data browser lists them: filters, a page of rows, and what was changed by hand.

Others' text (a teacher's, the user's files) stands in cells only, never as Markdown. Rows are read a page at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine import hand_edits
from engine.curation import KEPT
from engine.errors import InputError
from engine.hand_edits import DROP, RESTORE, Change
from engine.records import FULL, PoolRow, Run
from engine.row_index import Filter, Row, RowIndex
from engine.store import Store
from pages.shared import run_head, run_parts, run_words

SIZE = 25
"""Rows of a page."""
ALL, BY_HAND = "All", "edited_by_hand"
LONGEST = 300
"""Characters of a cell."""
AT_ONCE = 5_000
"""Rows that are dropped with one press."""


def opened(store: Store, run: Run) -> RowIndex:
    """The rows of a run; InputError where it has none yet."""
    pools = store.pools(run.id)
    if not pools:
        raise InputError("This run has made no examples yet: they are listed here as soon as a strategy is through.")
    with st.spinner("Reading the examples", show_time=False):
        return RowIndex(store.folder(run.id), pools)


def name_of(pool: str) -> str:
    """A pool in words: strategy, variant, seeds."""
    strategy, variant, seeds = run_parts.pool_name(PoolRow(pool, {}, ""))
    return f"{strategy}{run_parts.in_variant(variant)}, {seeds:,} seeds"


def became(reason: str) -> str:
    """A reason in words."""
    return run_words.REASONS.get(reason, reason.replace("_", " ").capitalize())


def asked(index: RowIndex, pools: Sequence[PoolRow]) -> Filter:
    """Draws the filters; they stand in the address, so that a link leads to the same rows."""
    first, second, third, fourth = st.columns([1.2, 1, 1, 1.2])
    names = {ALL: ""} | {name_of(pool.name): pool.name for pool in pools}
    pool = names[first.selectbox("What", list(names), key="data_pool", bind="query-params")]
    counts = index.reasons(pool)
    kept_first = sorted(counts, key=lambda reason: (reason != KEPT, list(run_words.REASONS).index(reason)
                        if reason in run_words.REASONS else 99))  # fmt: skip
    reasons = {ALL: ""} | {became(reason): reason for reason in kept_first} | {became(BY_HAND): BY_HAND}
    reason = reasons[second.selectbox("What became of it", list(reasons), key="data_reason", bind="query-params")]
    seed = third.text_input(
        "Seed", key="data_seed", bind="query-params", placeholder="any", help="The id of a seed, as a row shows it."
    )
    said = fourth.text_input(
        "Search", key="data_words", bind="query-params", placeholder="in questions and answers", max_chars=200
    )
    told = ", ".join(f"{became(reason).lower()} {counts[reason]:,}" for reason in kept_first)
    st.caption(f"{sum(counts.values()):,} asked for: {told}.")
    unseen = sum(sum(pool.counts.values()) for pool in pools) - sum(index.reasons().values())
    if unseen > 0:
        st.caption(f"{unseen:,} more were left out before their words were kept: they are counted on the run's page.")
    by_hand = reason == BY_HAND
    return Filter(pool, "" if by_hand else reason, seed.strip(), said.strip(), edited=by_hand)


def listed(index: RowIndex, wanted: Filter) -> Row | None:
    """One page of rows; the one that is chosen, which is the first until another one is."""
    total = index.count(wanted)
    if not total:
        st.info("No example is like this. Empty a filter to see more.", icon=":material/filter_alt_off:")
        return None
    pages = -(-total // SIZE)
    # The page belongs to the filter: another one begins anew.
    key = f"data_page_{hash(wanted):x}"
    page = min(int(st.session_state.get(key, 1)), pages)
    rows = index.page(wanted, (page - 1) * SIZE, SIZE)
    picked = st.dataframe(
        [
            {
                "What": name_of(row.pool).partition(",")[0],
                "What became of it": became(row.reason) + (", edited" if row.edited else ""),
                "Question": _cut(row.question),
                "Answer": _cut(row.answer),
                "Seed": row.seed_id,
            }
            for row in rows
        ],
        hide_index=True,
        key=f"data_rows_{hash((wanted, page)):x}",
        on_select="rerun",
        selection_mode="single-row",
        height=min(len(rows) + 1, 13) * 35 + 3,
        column_config={
            "Question": st.column_config.Column(width="large"),
            "Answer": st.column_config.Column(width="medium"),
        },
        alt=f"Examples {(page - 1) * SIZE + 1:,} to {(page - 1) * SIZE + len(rows):,} of {total:,}; the details of the "
        "chosen one stand below",
    )
    left, right = st.columns([1, 1.4], vertical_alignment="center")
    left.caption(
        f"{(page - 1) * SIZE + 1:,} to {(page - 1) * SIZE + len(rows):,} of {total:,}. Choose a row to see all of it."
    )
    if pages > 1:
        with right:
            st.pagination(pages, key=key)
    chosen = picked["selection"]["rows"]
    return rows[chosen[0]] if chosen and chosen[0] < len(rows) else rows[0]


def by_hand(run: Run, store: Store, index: RowIndex, wanted: Filter) -> None:
    """What changes by hand come to, dropping all that is listed, and the data set with them."""
    changes = hand_edits.standing(store.folder(run.id)).values()
    st.subheader("Changed by hand", anchor=False)
    dropped = sum(change.action == DROP for change in changes)
    st.markdown(
        f"{len(changes) - dropped:,} edited, {dropped:,} dropped. What was bought stays in the ledger. Changes go into "
        "the data set that you take away, which can be trained on"
        + (
            ", and into this run's own training where that has not begun."
            if run.id.startswith(FULL)
            else "; a pilot's own cells learn from what was bought, so that they can be compared."
        )
    )
    if run.state in run_words.LIVE:
        st.caption("While the run is under way nothing can be changed; pause it first.")
        return
    kept = Filter(wanted.pool, KEPT, wanted.seed_id, wanted.words)
    count = index.count(kept) if wanted.reason in ("", KEPT) and not wanted.edited else 0
    with st.container(horizontal=True):
        narrowed = bool(wanted.seed_id or wanted.words)
        if narrowed and count:
            st.button(
                f"Drop the {count:,} kept that are listed" if count > 1 else "Drop the one kept that is listed",
                key="data_drop_all",
                icon=":material/delete_sweep:",
                disabled=count > AT_ONCE,
                help=f"At most {AT_ONCE:,} at once. They can be put back.",
                on_click=_drop_all,
                args=(index, kept, store.owner),
            )
        if changes:
            st.button(
                "Put all back", key="data_restore_all", icon=":material/undo:", on_click=_restore_all,
                args=(index, list(changes), store.owner), help="Every row as it was bought.",
            )  # fmt: skip
        run_head.folder(
            run, store, key="data_download", help="With these changes; `seedpilot train --data FOLDER` trains on it."
        )


def _drop_all(index: RowIndex, kept: Filter, by: str | None) -> None:
    rows = index.page(kept, 0, AT_ONCE)
    at = hand_edits.now()
    index.change([Change(r.pool, str(r.seed_id), int(r.visit or 0), DROP, at, by) for r in rows])


def _restore_all(index: RowIndex, changes: Sequence[Change], by: str | None) -> None:
    at = hand_edits.now()
    index.change([Change(c.pool, c.seed_id, c.visit, RESTORE, at, by) for c in changes])


def _cut(text: str | None) -> str:
    return "" if text is None else text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
