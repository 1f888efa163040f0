"""What a check found: the teacher against the right answers, what to read, and whether a pilot should follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine.check_report import REPLIES, read_report
from engine.domain import Strategy
from engine.errors import SeedPilotError
from engine.records import Run, RunState
from engine.store import Store
from pages.shared import run_words, session, words

OUTCOMES = {"right": "Right", "wrong": "Wrong", "not_scored": "Not scored"}


def view(run: Run, store: Store) -> None:
    """Progress while it runs, then everything it found."""
    if run.state in run_words.LIVE:
        st.progress(*run_words.progress(run))
        return
    try:
        report = read(store, run.id)
    except SeedPilotError as error:
        st.error(session.message(error), icon=":material/error:")
        return
    verdict(run, report)
    if report is None:
        return
    _figures(report)
    _disagreements(report)
    _examples(report)
    replies = store.folder(run.id) / REPLIES
    if replies.exists():
        st.download_button(
            "Download the replies (JSONL)",
            replies.read_bytes,
            f"{run.id}-replies.jsonl",
            "application/jsonl",
            key=f"check_replies_{run.id}",
            icon=":material/download:",
            on_click="ignore",
            help="Every seed with the teacher's reply, the outcome and the reason.",
        )


def read(store: Store, run_id: str) -> dict[str, Any] | None:
    """What a check found; None while it has not ended."""
    return read_report(store.folder(run_id))


def verdict(run: Run, report: Mapping[str, Any] | None) -> None:
    """Whether a pilot should follow."""
    said = words.plain(run.message[:1].upper() + run.message[1:])
    if run.state is RunState.DONE and report is not None:
        lead = report["comparison"]
        if lead is None:
            st.success(
                "Nothing stops a pilot. Whether the teacher beats the student that was trained on your seeds alone "
                "is measured by the pilot, before it pays for any strategy.",
                icon=":material/check_circle:",
            )
        else:
            shown = "is better than" if lead["above"] else "is not shown to be worse than"
            st.success(
                f"Nothing stops a pilot: the teacher {shown} the student that was trained on your seeds alone, by "
                f"{100 * lead['difference']:+.1f} points (80 % interval {100 * lead['low80']:+.1f} to "
                f"{100 * lead['high80']:+.1f}).",
                icon=":material/check_circle:",
            )
        if said:
            st.warning(said, icon=":material/warning:")
    elif run.state is RunState.FAILED:
        stopped = report is not None and report["stopped"]
        st.error(f"**No pilot should follow.** {said}" if stopped else said, icon=":material/block:")
    elif said:
        st.warning(said, icon=":material/info:")


def _figures(report: Mapping[str, Any]) -> None:
    teacher, repeats, paid = report["teacher"], report["repeats"], report["queries"]
    share = teacher["accuracy"]
    left, right = st.columns(2)
    left.metric(
        "Teacher right",
        "not known"
        if share is None
        else f"{100 * share['mean']:.0f} % ({100 * share['low80']:.0f} to {100 * share['high80']:.0f})",
        help="Of its scored answers to your seeds, with Wilson's 80 % interval.",
    )
    right.metric(
        "Queries charged", f"{paid['queries']:,} of {paid['ceiling']:,}", help="A pilot does not buy them again."
    )
    left, right = st.columns(2)
    left.metric(
        f"Different among {repeats['given']} answers",
        _share(repeats["distinct_share"]),
        help=f"Three answers to each of {repeats['seeds']} seeds: where all three are the same, more of them teach "
        "nothing new.",
    )
    right.metric("Right among them", _share(repeats["right_share"]), help="Of those that could be scored.")
    fewer = f" of {teacher['planned']} planned" if teacher["asked"] < teacher["planned"] else ""
    st.caption(
        f"{teacher['asked']} seeds asked{fewer}: {teacher['right']} right, {teacher['wrong']} wrong, "
        f"{teacher['not_scored']} not scored. Cost: "
        f"{words.plain(run_words.money(paid['usd']))}."
    )


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{100 * value:.0f} %"


def _disagreements(report: Mapping[str, Any]) -> None:
    found = report["disagreements"]
    if not found:
        st.caption("The teacher and your right answers agree everywhere.")
        return
    many = "One disagreement" if len(found) == 1 else f"{len(found)} disagreements"
    st.markdown(f"**{many} to read: is the teacher wrong, or the right answer?**")
    # Others' text: shown as text in cells, never as Markdown.
    st.dataframe(
        [
            {
                "Outcome": OUTCOMES[row["outcome"]],
                "Why": row["reason"],
                "Question": row["question"],
                "Right answer": row["gold"],
                "Teacher": row["reply"],
            }
            for row in found
        ],
        hide_index=True,
        column_config={
            name: st.column_config.Column(width="medium") for name in ("Question", "Right answer", "Teacher")
        },
        key="check_disagreements",
        alt="Seeds that the teacher did not answer as your right answer does",
    )


def _examples(report: Mapping[str, Any]) -> None:
    for row in report["examples"]:
        with st.expander(f"An example of {words.STRATEGIES[Strategy(row['strategy'])].lower()}"):
            seed, question = row["seed"], row["question"]
            if seed is None:
                st.caption("None was asked for: the ceiling came first.")
                continue
            left, right = st.columns(2)
            left.caption("Your seed")
            _text(left, seed["question"], seed["answer"])
            right.caption("What was made from it")
            _text(right, question, row["answer"])
            if row["reasons"]:
                told = ", ".join(run_words.REASONS.get(reason, reason).lower() for reason in row["reasons"])
                st.caption(f"Tries that gave none: {words.plain(told)}.")


def _text(column: Any, question: str | None, answer: str | None) -> None:
    column.code(question or "(no question)", language=None, wrap_lines=True)
    column.code(answer or "(no answer)", language=None, wrap_lines=True)
