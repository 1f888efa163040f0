"""One example in the data browser: its words beside its seed, where it came from, and changing it by hand."""

from __future__ import annotations

from typing import Any

import streamlit as st
from sqlalchemy import bindparam, text

from engine import hand_edits
from engine.curation import KEPT
from engine.domain import Strategy
from engine.errors import SeedPilotError
from engine.full_prepare import prepare_full
from engine.hand_edits import DROP, DROPPED, EDIT, RESTORE, Change
from engine.plan import PLAIN
from engine.prepare import Prepared, prepare
from engine.prompts_shown import Prompt, prompts_of
from engine.records import Run
from engine.row_index import Row, RowIndex
from engine.runs import plan_of
from engine.store import Store
from pages.shared import data_parts, emphasis, run_words, session, words
from pages.shared.prompts_form import ROLES

REFUSED = "data_refused"
GATES = (
    "it could be read", "its own checks (a majority of votes, the seed's answer, being answerable)", "no repeat",
    "no test item in other words", "no near copy of a seed or an earlier question", "the seeds' language",
    "short enough for the student",
)  # fmt: skip
"""What a kept example has passed, in order (engine/curation.py)."""


def section(run: Run, store: Store, index: RowIndex, row: Row) -> None:
    """Draws it. Whatever others wrote stands in code blocks: as it is, neither Markdown nor HTML."""
    bought = index.bought(row)
    changed = row.edited or row.reason == DROPPED
    with st.container(border=True):
        title = f"{data_parts.name_of(row.pool)}: {data_parts.became(row.reason).lower()}"
        st.subheader(words.plain(title + (", edited by hand" if row.edited else "")), anchor=False)
        left, right = st.columns(2, gap="medium")
        with left:
            _said("Question", row.question)
            _said("Answer", row.answer)
            if row.edited:
                with st.expander("As it was bought", icon=":material/history:"):
                    _said("Question", bought.get("question"))
                    _said("Answer", bought.get("answer"))
        with right:
            _seed(run, row)
        _actions(run, store, index, row, bought, changed=changed)
        with st.expander(
            "Where it came from", icon=":material/account_tree:", key="data_origin", on_change="rerun"
        ) as origin:
            if origin.open:
                _origin(run, store, row, bought)


def _said(label: str, said: str | None) -> None:
    st.caption(label)
    st.code(said if said else "nothing could be read", language=None, wrap_lines=True)


def _seed(run: Run, row: Row) -> None:
    found = _prepared(run.id, run)
    if isinstance(found, str):
        st.caption(f"Its seed cannot be shown: {words.plain(found)}")
        return
    items = {item.id: item for item in (*found.seeds, *found.inputs)}
    seed = items.get(str(row.seed_id))
    if seed is None:
        st.caption("Its seed is not among those of the plan any more." if row.seed_id else "No seed is known of it.")
        return
    real = row.pool.startswith(Strategy.REAL_QUESTION.value)
    _said("Your own input" if real else f"Its seed ({seed.id})", seed.asked)
    if not real:
        _said("The seed's answer", seed.answer)


@st.cache_resource(max_entries=4, show_spinner="Reading the seeds")
def _prepared(run_id: str, _run: Run) -> Prepared | str:
    """What the run was filed with; why it cannot be read, where it cannot."""
    try:
        plan = plan_of(_run)
        return prepare(plan) if plan.full is None else prepare_full(plan).prepared
    except SeedPilotError as error:
        return session.message(error)


# --- by hand ------------------------------------------------------------------------------------------------


def _actions(run: Run, store: Store, index: RowIndex, row: Row, bought: dict[str, Any], *, changed: bool) -> None:
    if run.state in run_words.LIVE or row.reason not in (KEPT, DROPPED):
        return

    def change(action: str) -> Change:
        return Change(row.pool, str(row.seed_id), int(row.visit or 0), action, hand_edits.now(), store.owner)

    with st.container(horizontal=True):
        if row.reason == KEPT:
            st.button(
                "Drop", key="data_drop", icon=":material/delete:", on_click=index.change, args=([change(DROP)],),
                help="Out of the data set; it can be put back.",
            )  # fmt: skip
            if st.button("Edit", key="data_edit", icon=":material/edit:"):
                _edit(run, index, row, bought, store.owner)
        if changed:
            st.button(
                "Put back", key="data_restore", icon=":material/undo:", on_click=index.change,
                args=([change(RESTORE)],), help="As it was bought.",
            )  # fmt: skip


@st.dialog("Edit this example", width="large")
def _edit(run: Run, index: RowIndex, row: Row, bought: dict[str, Any], by: str | None) -> None:
    st.text_area("Question", row.question or "", key=f"data_question_{row.id}", height=140)
    st.text_area("Answer", row.answer or "", key=f"data_answer_{row.id}", height=180)
    st.caption("A new version of the row. What was bought stays, and can be put back.")
    pressed = st.button(
        "Keep this version", key="data_keep", type=emphasis.first(), icon=":material/save:", on_click=_keep,
        args=(run, index, row, bought, by),
    )  # fmt: skip
    if (refused := st.session_state.pop(REFUSED, None)) is not None:
        st.error(refused, icon=":material/error:")
    elif pressed:
        st.rerun()


def _keep(run: Run, index: RowIndex, row: Row, bought: dict[str, Any], by: str | None) -> None:
    """The click: what is wrong with the new version is told by the dialog, which runs after it."""
    question, answer = (str(st.session_state[f"data_{part}_{row.id}"]).strip() for part in ("question", "answer"))
    change = Change(row.pool, str(row.seed_id), int(row.visit or 0), EDIT, hand_edits.now(), by, question, answer)
    found = _prepared(run.id, run)
    try:
        hand_edits.check(bought, change, () if isinstance(found, str) else found.test)
        index.change([change])
    except SeedPilotError as error:
        st.session_state[REFUSED] = session.message(error)


# --- provenance ---------------------------------------------------------------------------------------------


def _origin(run: Run, store: Store, row: Row, bought: dict[str, Any]) -> None:
    facts = _facts(run, store, row, bought)
    st.markdown("\n".join(f"- {name}: {words.plain(said)}" for name, said in facts.items()))
    ids = bought.get("query_ids", [])
    if ids:
        _queries(store, ids)
    prompts = _prompts(run, row, bought)
    if prompts:
        st.markdown("**What was sent**")
    for place, prompt in enumerate(prompts, 1):
        st.caption(f"{place}. {'Writes the question' if prompt.writes else 'Answers'}")
        for message in prompt.request.messages:
            st.caption(ROLES.get(message.role, message.role))
            st.code(message.content, language=None, wrap_lines=True)


def _facts(run: Run, store: Store, row: Row, bought: dict[str, Any]) -> dict[str, str]:
    sampling = bought.get("sampling", {})
    usd = bought.get("usd")
    passed = (
        f"passed: {'; '.join(GATES)}"
        if row.reason in (KEPT, DROPPED)
        else f"stopped by: {data_parts.became(row.reason).lower()}"
    )
    change = hand_edits.standing(store.folder(run.id)).get((row.pool, str(row.seed_id), int(row.visit or 0)))
    found = {
        "Seed": f"{row.seed_id}, visit {row.visit}",
        "Answered by": bought.get("teacher"),
        "Question written by": bought.get("augmenter"),
        "Parameters": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sampling.items()),
        "Prompts": bought.get("prompts") and f"hash {bought['prompts']}",
        "Price of its queries": "unknown" if usd is None else f"${usd:.5f}" if usd else "$0",
        "Checks": passed,
        "By hand": change
        and f"{'dropped' if change.action == DROP else 'edited'} {change.at}{' by ' if change.by else ''}"
        f"{change.by or ''}",
    }
    if row.reason != KEPT and "teacher" not in bought:
        found.pop("Price of its queries")
    return {name: str(said) for name, said in found.items() if said}


def _queries(store: Store, ids: list[int]) -> None:
    """The rows of the ledger behind it, with the replies as they came."""
    query = text(
        "SELECT id, teacher, state, finish_reason, input_tokens, output_tokens, reply_usd, reply FROM queries "
        "WHERE id IN :ids ORDER BY id"
    ).bindparams(bindparam("ids", expanding=True))
    with store.reading() as connection:
        rows = [dict(found) for found in connection.execute(query, {"ids": ids}).mappings()]
    st.markdown("**What was paid**")
    st.dataframe(
        [
            {
                "Query": row["id"],
                "Asked": row["teacher"],
                "Ended": row["finish_reason"],
                "Tokens read": row["input_tokens"],
                "Tokens written": row["output_tokens"],
                "$": row["reply_usd"],
                "Reply": row["reply"],
            }
            for row in rows
        ],
        hide_index=True,
        key="data_queries",
        column_config={"$": st.column_config.NumberColumn(format="%.6f")},
        alt="The queries behind this example, as the ledger has them",
    )


def _prompts(run: Run, row: Row, bought: dict[str, Any]) -> tuple[Prompt, ...]:
    """Word for word, from the plan; none for variants, whose prompts the plan alone does not say."""
    found = _prepared(run.id, run)
    strategy, _, variant = row.pool.rpartition("-s")[0].partition("-")
    if isinstance(found, str) or (variant or PLAIN) != PLAIN or row.seed_id is None:
        return ()
    return prompts_of(found, Strategy(strategy), row.seed_id, int(row.visit or 0), bought.get("question") or "")
