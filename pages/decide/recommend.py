"""Advice: which strategy should make the training data, before anything is paid."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import enough
from engine.comparison import wilson
from engine.domain import Interval, Measurement, Recommendation, Strategy
from engine.wording import KNOWN
from engine.wording_choices import flips, tie
from pages.shared import advice_parts, chart_tables, charts, linked, own_points, session, shown, situation, terms, words

BADGES = {"low": ":orange-badge", "medium": ":blue-badge", "high": ":green-badge"}
COLUMNS = {
    "Likely best": st.column_config.ProgressColumn(
        format="%.0f %%",
        min_value=0,
        max_value=100,
        width=130,  # so that the last column has room for `0, assumed`
        help="Chance that no other strategy does better at your budget.",
    ),
    "Accuracy (80 %)": st.column_config.TextColumn(
        help="Share of your test items expected right, with its 80 % interval."
    ),
    "Given up": st.column_config.NumberColumn(
        format="%.1f points", help="Expected accuracy lost against the best strategy, in percentage points."
    ),
    "Examples": st.column_config.NumberColumn(
        format="localized", help="Training examples that the budget buys, before any is rejected."
    ),
    "Points": st.column_config.TextColumn(help="Published or measured points behind the curve."),
}

FIGURE = 142
"""Pixels that a figure of the headline takes."""
PAIR = 2 * FIGURE + 16


def headline(found: Recommendation, first: terms.FirstUse) -> None:
    """The advice in one sentence, and the figures that it hangs on."""
    by_name = {outlook.strategy: outlook for outlook in found.outlooks}

    def named(pair: DeltaGenerator, label: str, strategy: Strategy, help: str) -> None:
        pair.metric(
            label,
            words.STRATEGIES[strategy],
            f"{words.chance(by_name[strategy].p_best)} likely best",
            delta_color="off",
            delta_arrow="off",
            help=help,
            width=FIGURE,
        )

    with st.container(border=True):
        st.header(words.plain(found.headline), anchor=False)
        known = f"Prior: {KNOWN[found.situation.known]} only"
        basis = known if found.basis == "prior" else "Measured: your own points count"
        st.markdown(f":gray-badge[{basis}] {BADGES[found.confidence]}[Confidence {found.confidence}]")
        # In a row that wraps by twos: four columns would cut words off on a small screen.
        row = st.container(horizontal=True)
        left, right = (row.container(horizontal=True, width=PAIR) for _ in range(2))
        left.metric(
            "Budget ratio",
            f"{words.ratio(found.situation.budget_ratio)} per seed",
            help=f"Teacher queries divided by labelled examples to train on. See {terms.link('Budget ratio')}.",
            width=FIGURE,
        )
        likely = f"The chance that no other strategy does better. See {terms.link('Likely best')}."
        leader = min(found.outlooks, key=lambda o: o.regret_points).strategy
        told = (found.recommended, found.runner_up) if found.recommended else (found.cheapest, leader)
        if found.recommended:
            alone = "If the whole budget went to one strategy; the sentence above says how it is spread over several. "
            named(left, "Best on its own", found.recommended, alone + likely)
            named(right, "Runner-up", found.runner_up, likely)
        else:
            named(left, "Cheapest of the tie", found.cheapest, likely)
            named(right, "Expected best of it", leader, likely)
        stake = found.at_stake
        right.metric(
            "Does it matter?",
            "not given" if stake is None else f"{stake.mean:.1f} points",
            None if stake is None else f"80 %: {stake.low80:.1f} to {stake.high80:.1f}",
            delta_color="off",
            delta_arrow="off",
            help="Accuracy between the best and the worst choice at your budget. Where it is small, take what is "
            "cheapest or easiest.",
            width=FIGURE,
        )
        asked = [f"**{words.STRATEGIES[s]}**: {words.WHAT_IS_ASKED[s]}." for s in dict.fromkeys(told)]
        st.markdown(f":small[{first(' '.join(asked))}]")
        if said := tie(found):
            st.markdown(words.plain(said))


def takeaway(found: Recommendation) -> str:
    """Where the winner changes, in words: the title of the chart."""
    changes = words.changes_of_winner(found)
    if not changes:
        chosen = words.STRATEGIES[found.recommended or found.cheapest]
        return f"Nothing is likely to overtake {chosen.lower()} within the range shown"
    first, at = changes[0], changes[0].budget_ratio
    start, end = words.STRATEGIES[first.start], words.STRATEGIES[first.end]
    where = f"about {words.ratio(at.mean)} queries per seed (80 %: {words.ratio(at.low80)} to {words.ratio(at.high80)})"
    if first.probability < 0.5:
        return f"{start} probably stay ahead; if {end.lower()} ever overtake them, then at {where}"
    return f"{end} overtake {start.lower()} at {where}"


def curves(found: Recommendation, before: Recommendation | None, points: tuple[Measurement, ...]) -> None:
    """The chart, what its hatching, its thin lines and its crosses mean, and its values."""
    measured = drawn(found, points)
    notes = ["Shaded: 80 % intervals."]
    if before:
        notes.append("Thin: the same before your data.")
    if measured:
        notes.append("Filled marks: what you measured, with Wilson's 80 % intervals.")
    if said := charts.ends_early(found):
        notes.append(said)
    if any(band.assumed for band in found.curves):
        notes.append("Hatched: assumed, as no published point of this kind of answer and strategy exists.")
    notes += [
        f"{words.STRATEGIES[change.end]} overtake {words.STRATEGIES[change.start].lower()} in "
        f"{100 * change.probability:.0f} % of the curves that fit the evidence."
        for change in words.changes_of_winner(found)
    ]
    shown.chart(
        charts.curves(found, measured, before=before, budget=True),
        takeaway(found),
        key="curves",
        detail=found.headline,
        note=" ".join(notes),
    )
    shown.values(
        lambda: chart_tables.curves(found, measured, before),
        key="curves",
        alt="Expected accuracy of each strategy by what is spent, with 80 % intervals",
    )


def drawn(found: Recommendation, points: tuple[Measurement, ...]) -> list[tuple[Measurement, Interval]]:
    """The user's points that lie on these curves, with their own 80 % intervals."""
    own = [m for m in points if m.cell.seeds == found.situation.seeds and isinstance(m.cell.arm, Strategy)]
    shown = [(m, wilson(m.correct, m.scored)) for m in own]
    return [(m, interval) for m, interval in shown if interval is not None]


def outlook_table(found: Recommendation) -> pd.DataFrame:
    """One row a strategy at the user's budget; what is refused is said in words."""
    rows = sorted(found.outlooks, key=lambda outlook: -outlook.p_best)
    return pd.DataFrame(
        {
            "Strategy": [words.STRATEGIES[o.strategy] for o in rows],
            "Likely best": [100 * o.p_best for o in rows],
            "Accuracy (80 %)": [words.percent(o.accuracy) for o in rows],
            "Given up": [o.regret_points for o in rows],
            "Examples": [o.examples for o in rows],
            "Points": ["0, assumed" if o.assumed else str(o.points) for o in rows],
        }
    )


st.markdown(
    "You have some labelled examples, a small model to train, and money for a large one. What should the large one "
    "write for it? No key, no GPU, and nothing leaves this machine."
)
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    asked = situation.ask(files=answer.container())
    own = None if asked is None else own_points.ask(asked.situation)
if asked is None or own is None:
    answer.info(
        "The advice appears here as soon as the examples and the budget are known.",
        icon=":material/hourglass_empty:",
    )
    linked.stop()

have, points = own
found = advice_parts.recommend(have, points)
first = terms.FirstUse()
with answer:
    headline(found, first)
    session.let_draw()
    before = advice_parts.recommend(asked.situation, ()) if points else None
    if before:
        advice_parts.before_and_after(before, found, points)
    curves(found, before, points)
    shown.table(
        outlook_table(found),
        key="outlooks",
        alt=f"The strategies at {have.queries:,} queries, the likeliest best first",
        name="seedpilot-advice",
        column_config=COLUMNS,
    )
    plan, mind = st.columns(2, gap="large")
    with plan:
        advice_parts.spending(found, first)
    with mind:
        advice_parts.mind(found, first)
    advice_parts.teachers(found, asked.price_sources)
    advice_parts.next_cells(advice_parts.pilot(have, points), have, first)
    why, but = st.columns(2, gap="large")
    told = {tie(found), flips(found)} | ({enough.told(found.enough)} if found.enough else set())
    with why:
        advice_parts.sentences("Why", [reason for reason in found.reasons if reason.text not in told], first)
    with but:
        advice_parts.sentences("What could be wrong", found.caveats, first)
    advice_parts.further(points)
