"""Parts of the advice below its chart: what the user's data moved, teachers for the same money, the next pilot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from engine import advice, next_pilot
from engine.domain import Interval, Measurement, Recommendation, Situation, TeacherOutlook
from engine.next_pilot import NextPilot
from engine.wording_choices import moved
from pages.shared import shown, words


@st.cache_data(max_entries=128, show_spinner=False)
def recommend(situation: Situation, points: tuple[Measurement, ...]) -> Recommendation:
    """The advice; the same question is answered once."""
    return advice.recommend(situation, points)


@st.cache_data(max_entries=128, show_spinner=False)
def pilot(situation: Situation, points: tuple[Measurement, ...]) -> NextPilot:
    """The next pilot; the same question is answered once."""
    return next_pilot.next_pilot(situation, points)


def before_and_after(before: Recommendation, after: Recommendation, points: Sequence[Measurement]) -> None:
    """What the user's points moved, with a table of both."""
    st.success(moved(before, after), icon=":material/trending_up:")
    here = sum(m.cell.seeds == after.situation.seeds for m in points)
    elsewhere = (
        f"; {len(points) - here} of them from other numbers of examples, not drawn" if here < len(points) else ""
    )
    st.caption(f"{len(points)} points of yours count{elsewhere}. Without them: {before.headline}")
    was = {outlook.strategy: outlook for outlook in before.outlooks}
    rows = [o for o in after.outlooks if o.strategy in was]
    table = pd.DataFrame(
        {
            "Strategy": [words.STRATEGIES[o.strategy] for o in rows],
            "Likely best before": [f"{100 * was[o.strategy].p_best:.0f} %" for o in rows],
            "… now": [f"{100 * o.p_best:.0f} %" for o in rows],
            "Accuracy before (80 %)": [words.percent(was[o.strategy].accuracy) for o in rows],
            "… now (80 %)": [words.percent(o.accuracy) for o in rows],
        }
    )
    shown.table(table, key="moved", alt="The strategies before and with your data", name="seedpilot-moved")


def teachers(found: Recommendation, price_sources: Mapping[str, str]) -> None:
    """The named teachers for the same money, and where each one's price comes from."""
    if len(found.teachers) < 2:
        return
    st.subheader("Teachers for the same money", anchor=False)
    table = pd.DataFrame(
        {
            "Teacher": [t.name for t in found.teachers],
            "Queries": ["unknown" if t.queries is None else f"{t.queries:,}" for t in found.teachers],
            "Best spent on": ["" if t.best is None else words.STRATEGIES[t.best] for t in found.teachers],
            "Accuracy (80 %)": [
                words.percent(t.accuracy) if t.queries is not None else "unknown" for t in found.teachers
            ],
            "Lead, points (80 %)": ["" if t.worth_needed == 1.0 else _points(t.lead_points) for t in found.teachers],
            "As good if an example is worth": [_worth(t) for t in found.teachers],
            "Price of a query": [
                "unknown" if t.usd_per_query is None else f"${t.usd_per_query:.4g}" for t in found.teachers
            ],
            "Price from": [price_sources.get(t.name, "unknown") for t in found.teachers],
        }
    )
    shown.table(table, key="teachers_table", alt="Each teacher for the same money", name="seedpilot-teachers")
    for teacher in found.teachers:
        if teacher.reason:
            st.caption(f"{words.plain(teacher.name)}: {words.plain(teacher.reason)}")


def next_cells(found: NextPilot, situation: Situation) -> None:
    """What to measure next, or why nothing."""
    st.subheader("Is a pilot worth its price?", anchor=False)
    st.markdown(found.why)
    if found.cells:
        table = pd.DataFrame(
            {
                "Strategy": [words.STRATEGIES[c.strategy] for c in found.cells],
                "Labelled examples": [c.seeds for c in found.cells],
                "Queries": [c.queries for c in found.cells],
            }
        )
        shown.table(table, key="next_cells", alt="The cells to train and score next", name="seedpilot-next-pilot")
    if situation.test_items is None:
        st.caption(f"Reckoned with {found.items} test items, as you have not said how many you have.")


def _worth(teacher: TeacherOutlook) -> str:
    if teacher.accuracy is None or teacher.worth_needed == 1.0:  # 1: the first itself
        return ""
    if teacher.worth_needed is None:
        return "never"
    return f"{teacher.worth_needed:.2g} of the first's" if teacher.worth_needed else "anything"


def _points(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.mean:+.1f} ({interval.low80:+.1f} to {interval.high80:+.1f})"
