"""Evidence: every published figure that the advice rests on, with its source and how far to trust it."""

import re
from dataclasses import asdict

import pandas as pd
import streamlit as st

from engine import evidence
from engine.domain import Strategy, TaskType
from engine.evidence import Claim, Point
from pages.shared import chart_tables, charts, linked, shown, terms, words

table = evidence.published()
EVERY = "All"


def arxiv(reference: str) -> str | None:
    """The paper's page, where the reference names one on arXiv."""
    number = re.search(r"\d{4}\.\d{5}", reference)
    return None if number is None else f"https://arxiv.org/abs/{number[0]}"


def takeaway(points: list[Point]) -> str:
    """What the lines of several points do, in one sentence."""
    lines = [rows for rows in charts.series(points).values() if rows[0].synthetic_n != rows[-1].synthetic_n]
    if not lines:
        return "Single points: no study here varies the number of examples"
    rose = sum(rows[-1].value > rows[0].value for rows in lines)
    return f"More examples went with higher accuracy in {rose} of {len(lines)} lines"


st.caption(
    f"{len(table.points)} figures read from the tables of {len({p.source for p in table.points})} papers, "
    f"and {len(table.claims)} findings that are not points. They come from other students, teachers and data "
    "than yours: they inform the advice, and never pass for measurements of your task."
)

# --- what to look at -----------------------------------------------------------------------------------

find = linked.text(
    "Find in every column",
    key="evidence_find",
    type="search",
    placeholder="for example 2409.19759, LLaMA2, verification",
    max_chars=80,
    icon=":material/search:",
)
by_task, by_strategy, by_study, by_reading = st.columns(4)
tasks = {label: task for task, label in words.TASKS.items() if any(p.task_type is task for p in table.points)}
task = linked.choice("What one answer looks like", [EVERY, *tasks], key="evidence_task", on=by_task)
rows = list(dict.fromkeys(words.row(p.strategy) for p in table.points))
names = [name for name in words.STRATEGIES.values() if name in rows]
names += [name for name in rows if name not in names]
strategy = linked.choice("Strategy", [EVERY, *names], key="evidence_strategy", on=by_strategy)
studies = sorted({row.source for row in (*table.points, *table.claims)})
study = linked.choice("Study", [EVERY, *studies], key="evidence_study", on=by_study)
ways = {text.capitalize(): letter for letter, text in evidence.CONFIDENCES.items()}
reading = linked.choice("How it was read", [EVERY, *ways], key="evidence_reading", on=by_reading)


def wanted(row: Point | Claim) -> bool:
    """Whether a row is of that study and reading, and every word of the search stands somewhere in it."""
    held = evidence.words_in(row)
    return (
        study in (EVERY, row.source)
        and (reading == EVERY or ways[reading] == row.confidence)
        and all(word in held for word in find.lower().split())
    )


points = [
    p
    for p in table.points
    if task in (EVERY, words.TASKS[p.task_type]) and strategy in (EVERY, words.row(p.strategy)) and wanted(p)
]
points.sort(key=lambda p: names.index(words.row(p.strategy)))

# --- published points ----------------------------------------------------------------------------------

st.header("Published points", anchor=False)
drawn = [p for p in points if p.synthetic_n and p.metric == evidence.ACCURACY]
if drawn:
    ways = sum(p.strategy in set(Strategy) for p in drawn)
    if task in (EVERY, words.TASKS[TaskType.MATH]) and strategy == study == reading == EVERY and not find:
        answers, new = table.claim("doubling-answers"), table.claim("doubling-new")
        st.markdown(
            terms.FirstUse()(
                f"**A doubling of the data adds {new.value:g} points on GSM8K with new questions, "
                f"{answers.value:g} with answers** ({new.reference}, {answers.reference}; other students)."
            )
        )
    shown.chart(
        charts.published(drawn),
        takeaway(drawn),
        key="published",
        detail="Published accuracy against the number of synthetic examples",
        note=f"{len(drawn)} of {len(points)} rows give an accuracy for a known number of synthetic examples "
        f"({ways} of one strategy alone). Each line is one study, student and benchmark. The papers give no intervals.",
    )
    shown.values(lambda: chart_tables.published(drawn), key="published", alt="Every point that is drawn")
else:
    st.info(
        "None of these rows can be drawn: they give no number of synthetic examples, or no accuracy. "
        "The table below holds them."
        if points
        else "No point matches all of these choices. Set one of them to All, or empty the search.",
        icon=":material/info:",
    )

frame = pd.DataFrame(
    [
        {
            "Benchmark": p.task,
            "Strategy": words.row(p.strategy),
            "Value": p.value,
            "Metric": words.METRICS[p.metric],
            "Synthetic": p.synthetic_n,
            "Human": p.human_n,
            "Seeds": p.seed_n,
            "Student": p.student,
            "Teacher": p.teacher or None,
            "Source": p.reference,
            "Paper": arxiv(p.reference),
            "How it was read": evidence.CONFIDENCES[p.confidence],
            "Note": p.note or None,
            "Row": p.id,
        }
        for p in points
    ]
)
if points:
    formats = {name: st.column_config.NumberColumn(format="localized") for name in ("Synthetic", "Human", "Seeds")}
    formats["Paper"] = st.column_config.LinkColumn(display_text="open")
    formats["Value"] = st.column_config.NumberColumn(format="%.1f")
    shown.table(
        frame,
        key="points",
        alt="Every published point with its source",
        name="seedpilot-evidence",
        column_config=formats,
        placeholder="not stated",
    )

# --- findings ------------------------------------------------------------------------------------------

st.header("Findings that are not points", anchor=False)
claims = [c for c in table.claims if (task == EVERY or not c.tasks or tasks[task] in c.tasks) and wanted(c)]
for claim in claims:
    if claim.quantity == "contradiction":
        st.warning(
            f"**Speaks against the rule:** {words.plain(claim.text)}. [{claim.reference}]({arxiv(claim.reference)})",
            icon=":material/balance:",
        )
if claims:
    st.table(
        {
            "Finding": [words.plain(claim.text) for claim in claims],
            # With how it was read, so that the finding has room on a phone.
            "Source": [
                f"[{claim.reference}]({arxiv(claim.reference)}), {evidence.CONFIDENCES[claim.confidence]}"
                for claim in claims
            ],
            "Row": [f"`{claim.id}`" for claim in claims],
        },
        hide_index=True,
    )
    shown.download(
        pd.DataFrame([asdict(claim) | {"tasks": ", ".join(claim.tasks)} for claim in claims]),
        key="findings",
        name="seedpilot-findings",
    )
else:
    st.info("No finding matches these choices.", icon=":material/info:")
st.page_link("pages/learn/track_record.py", label="How past forecasts did", icon=":material/online_prediction:")
