"""A judge's own part of the form: who judges, and whether the judge says what the user says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import InputError, SeedPilotError
from engine.items import read_items
from engine.judge_agreement import Agreement, agreements, read_labels, told
from engine.mapping import mapped
from engine.plan import SANDBOX
from engine.tasks import load_task
from engine.tasks.judge import FEWEST_LABELS
from pages.shared import pilots, teacher_form, uploads, words
from pages.shared.pilot_parts import KEEP, Asked

TEACHER, OTHER = "The teacher", "Another model"
NAME = "judge"
"""Of its table among the plan's teachers."""


def needed(asked: Asked) -> bool:
    """Whether the task that was chosen is scored by a judge."""
    try:
        return load_task(str(asked.raw.get("task", "math"))).judge is not None
    except InputError:  # the task's own form tells it
        return False


def section(asked: Asked) -> dict[str, Any]:
    """Asks who judges; the plan's `judge` and `teachers`."""
    others = asked.raw.get("teachers", {})
    if asked.raw["teacher"].get("batch"):
        st.caption("Batches take one model only: the teacher judges too.")
        return {}
    who = st.radio(
        "Who judges the replies",
        [TEACHER, OTHER],
        key="judge_who",
        horizontal=True,
        help="Each reply of each student to each test item is judged once. Verdicts are paid queries.",
        **KEEP,
    )
    if who == TEACHER:
        return {}
    table = teacher_form.section(asked, NAME, label="Which model judges", own=True)
    return {"judge": NAME, "teachers": {**others, NAME: table}}


def show(asked: Asked) -> None:
    """Agreement with the user's labels, from a file and the verdicts that were paid for; nothing is asked here."""
    with st.expander("Does the judge say what you say?", icon=":material/balance:"):
        st.caption(
            f"Download the replies of a check or a cell's predictions, write right or wrong into a column `label` for "
            f"{FEWEST_LABELS} of them or more, and upload the file: the verdicts that were paid for are compared."
        )
        file = uploads.ask(
            "Your labels (question, reply, label)",
            ["jsonl", "csv", "parquet"],
            "judge_labels",
            "A column `id` tells rows with the same question apart; a column `verdict` brings recorded verdicts.",
        )
        seeds = asked.raw.get("seeds", {})
        ready = file is not None and seeds.get("path", SANDBOX) != SANDBOX
        pressed = st.button("Compare", key="judge_compare", icon=":material/balance:", disabled=not ready)
        if file is None:
            return
        wanted = json.dumps([str(file), asked.raw.get("task"), seeds, asked.raw.get("test", {}).get("path")])
        if pressed:
            with st.spinner("Comparing"):
                st.session_state["judge_state"] = (wanted, *_compared(file, asked))
        state: tuple[str, list[Agreement], tuple[str, ...]] | None = st.session_state.get("judge_state")
        if state is None or state[0] != wanted:
            return
        if state[2]:
            st.error("\n".join(f"- {words.plain(problem)}" for problem in state[2]), icon=":material/error:")
        for found in state[1]:
            _agreement(found)


def _compared(file: Path, asked: Asked) -> tuple[list[Agreement], tuple[str, ...]]:
    seeds, test = asked.raw["seeds"], asked.raw.get("test", {})
    try:
        task = load_task(asked.raw["task"], Path(seeds["path"]))
        items = [
            item
            for part in (seeds, test)
            if part.get("path")
            for item in read_items(Path(part["path"]), mapped(task.read_row, task, part.get("map", {}), "map")).items
        ]
        return agreements(task, read_labels(file, items), pilots.store()), ()
    except InputError as error:
        return [], error.problems
    except SeedPilotError as error:
        return [], (str(error),)


def _agreement(found: Agreement) -> None:
    said = words.plain(told(found))
    said = said[:1].upper() + said[1:] + "."
    if found.share is None:
        st.info(said, icon=":material/pending:")
        return
    left, right = st.columns(2)
    left.metric(
        "Same as you",
        f"{100 * found.share.mean:.0f} % ({100 * found.share.low80:.0f} to {100 * found.share.high80:.0f})",
        help="With Wilson's 80 % interval.",
    )
    right.metric(
        "Kappa",
        "undefined" if found.kappa is None else f"{found.kappa:.2f}",
        help="Cohen's kappa: agreement beyond chance. 1 is always, 0 is as often as by chance.",
    )
    st.caption(said)
    if found.disagreements:
        # Replies are others' text: shown as text in cells, never as Markdown.
        st.dataframe(
            [
                {
                    "You": "Right" if row.user else "Wrong",
                    "Judge's reason": row.judge_reason,
                    "Question": row.question,
                    "Reply": row.reply,
                }
                for row in found.disagreements
            ],
            hide_index=True,
            column_config={name: st.column_config.Column(width="medium") for name in ("Question", "Reply")},
            key=f"judge_disagreements_{found.judge}",
            alt="Replies of which the judge says something else than you",
        )
