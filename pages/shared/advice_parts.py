"""Parts of the advice below its chart: what the user's data moved, teachers for the same money, the next pilot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pandas as pd
import streamlit as st

from engine import advice, enough, next_pilot, offers
from engine.changed import Change, Compared, compare
from engine.domain import Interval, Measurement, Reason, Recommendation, Situation, TeacherOutlook
from engine.next_pilot import NextPilot
from engine.wording_choices import each_flip, moved
from engine.wording_headline import money
from pages.shared import shown, terms, words


# Not `st.cache_data`: hashing and copying the points took a third of a rerun, and all of this is frozen.
@lru_cache(maxsize=128)
def recommend(situation: Situation, points: tuple[Measurement, ...]) -> Recommendation:
    """The advice; the same question is answered once."""
    return advice.recommend(situation, points)


@lru_cache(maxsize=128)
def pilot(situation: Situation, points: tuple[Measurement, ...]) -> NextPilot:
    """The next pilot; the same question is answered once."""
    return next_pilot.next_pilot(situation, points)


@lru_cache(maxsize=128)
def changed(situation: Situation, change: Change, points: tuple[Measurement, ...]) -> Compared:
    """What a change does; the same question is answered once."""
    return compare(situation, change, recommend(situation, points).curves, points)


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


def spending(found: Recommendation, first: terms.FirstUse) -> None:
    """The plan, named as the hypothesis that it is; in money where a price is known."""
    st.subheader("How the budget would be spent", anchor=False)
    total = sum(queries for _, queries in found.spending_plan) or 1
    each = offers.query_price(found.situation)
    lines = []
    for place, (strategy, queries) in enumerate(found.spending_plan, start=1):
        usd = "" if not each else f", \\${money(queries * each)}"
        share = f"{queries / total:.0%}".replace("%", " %")
        lines.append(f"{place}. **{words.STRATEGIES[strategy]}**: {queries:,} queries ({share}{usd})")
    st.markdown("\n".join(lines))
    gain = (
        f" Expected to gain {found.plan_gain_points:.1f} points on the best single one. In the atlas's simulated "
        "worlds mixed sets came out as computed on average, but none there was expected to gain a point."
        if found.plan_gain_points
        else ""
    )
    # No caption: a link in one is too faint to read.
    told = f"A hypothesis until a mixed set was measured: each next query goes where the curves gain most.{gain}"
    st.markdown(f":small[{first(told)}]")
    if found.enough is not None:
        st.markdown(enough.told(found.enough))


def mind(found: Recommendation, first: terms.FirstUse) -> None:
    """What would change the advice, one thing a line."""
    st.subheader("What would change my mind", anchor=False)
    told = each_flip(found)
    if not told:
        st.markdown("Nothing that was tried: no budget shown, no other question writer, no other count of calls.")
        return
    st.markdown("\n".join(f"- {first(words.plain(text[0].upper() + text[1:]))}" for text in told))
    st.caption("Each by itself, all else as you said it.")


def sentences(title: str, reasons: Sequence[Reason], first: terms.FirstUse) -> None:
    """Each sentence with links to the rows of the evidence that it rests on."""
    st.subheader(title, anchor=False)
    # One element for the whole list: each costs the server half a millisecond, and the browser more.
    if reasons:
        st.markdown("\n".join(words.cited(first(words.plain(reason.text)), reason.sources) for reason in reasons))


def further(points: Sequence[Measurement]) -> None:
    """Where to go from here, with the situation in the link."""
    st.subheader("From here", anchor=False)
    here = st.query_params.to_dict()
    links = {
        "pages/decide/what_if.py": ("What if: another question writer, teacher or student, or checked answers", "tune"),
        "pages/learn/map.py": ("Who is likely best at other budgets and with more examples: the map", "map"),
        "pages/learn/atlas.py": ("See it happen: the same strategies, measured on a small student", "public"),
        "pages/learn/evidence.py": ("Every source, row by row", "table_chart"),
    }
    for page, (label, icon) in links.items():
        carried = here if page.endswith(("what_if.py", "map.py")) else None
        st.page_link(page, label=label, icon=f":material/{icon}:", query_params=carried)
    # Read by `advice_door`.
    st.page_link(
        "pages/pilot/new.py",
        label="Measure it on your own task: a new pilot, filled from here",
        icon=":material/science:",
        query_params={"from": "advice", **here},
    )
    own = " Your own points are not in it: files stay on this machine." if points else ""
    st.caption(f"The address of this page restores all that you have said; there is no key in it.{own}")


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


def next_cells(found: NextPilot, situation: Situation, first: terms.FirstUse) -> None:
    """What to measure next, or why nothing."""
    st.subheader("Is a pilot worth its price?", anchor=False)
    st.markdown(first(words.plain(found.why)))
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
    return f"{teacher.worth_needed:.2g} times the first's" if teacher.worth_needed else "anything"


def _points(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.mean:+z.1f} ({interval.low80:+z.1f} to {interval.high80:+z.1f})"
