"""What if: another question writer, teacher or student, or checked answers, and the curves move."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from engine import student_size
from engine.changed import Change, Compared
from engine.domain import Situation
from engine.evidence import published
from pages.shared import (
    advice_parts,
    chart_tables,
    charts,
    linked,
    own_points,
    shown,
    situation,
    terms,
    what_if_form,
    words,
)


def sentence(told: list[str], compared: Compared) -> str:
    """What the change does at the user's budget: the winner, and how far the best moves."""
    before, after = (words.STRATEGIES[side.best].lower() for side in (compared.before, compared.after))
    gain = compared.gain_points
    leads = f"{after} lead in place of {before}" if before != after else f"{before} still lead"
    moved = f"{gain.mean:+z.1f} points (80 %: {gain.low80:+z.1f} to {gain.high80:+z.1f})"
    said = f"With {words.listed(told)}, {leads}: {moved}"
    return f"{said}."


def table(compared: Compared) -> pd.DataFrame:
    """Both sides at the user's budget, one row a strategy."""
    rows = zip(compared.before.bands, compared.before.accuracy, compared.after.accuracy, strict=True)
    chances = zip(compared.before.p_best, compared.after.p_best, strict=True)
    return pd.DataFrame(
        [
            {
                "Strategy": words.STRATEGIES[band.strategy],
                "Likely best before": words.chance(was),
                "… then": words.chance(now),
                "Accuracy before (80 %)": words.percent(old),
                "… then (80 %)": words.percent(new),
            }
            for (band, old, new), (was, now) in zip(rows, chances, strict=True)
        ]
    )


def notes(change: Change, have: Situation) -> list[tuple[str, tuple[str, ...]]]:
    """What each change rests on, and the rows of the evidence that speak about it."""
    found: list[tuple[str, tuple[str, ...]]] = []
    if change.augmenter != have.augmenter:
        found.append((published().claim("chan-weak-augmenter").text + ".", ("chan-weak-augmenter",)))
    if change.price != 1 or change.worth != 1:
        found.append(
            (
                "A cheaper teacher's queries buy more examples. What its examples are worth to a student nobody has "
                "measured: it is what you say.",
                (),
            )
        )
    if change.rejected is not None:
        found.append(
            (
                "The curve assumes that wrong answers teach nothing, so that what a check leaves is worth more. "
                "Published comparisons of checked with raw data of the same size do not agree: from -1.4 to +2.4 "
                "points.",
                ("chan-verification", "verify-skywork", "verify-mathscale", "verify-metamath"),
            )
        )
    if change.student is not None:
        low, high = (words.parameters(n) for n in student_size.sizes())
        beyond = not student_size.sizes()[0] <= change.student <= student_size.sizes()[1]
        found.append(
            (
                f"Students of two families between {low} and {high}, trained alike in one study on one benchmark, say "
                "how size moves accuracy; elsewhere the effect is taken to spread twice as far."
                + (" This student lies outside: the curve is extended." if beyond else ""),
                ("arXiv 2308.01825 Table 5",),
            )
        )
    return found


st.markdown("Change one thing, or several: the curves move, and the thin ones show how they were.")
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    slot = st.container()
    with st.expander("Your situation", icon=":material/person_pin_circle:", key="situation_fold"):
        asked = situation.ask()
        own = None if asked is None else own_points.ask(asked.situation)
    if asked is not None:
        with slot:
            change, told = what_if_form.ask(asked.situation)
if asked is None or own is None:
    answer.info("The curves appear here as soon as *Your situation* is complete.", icon=":material/hourglass_empty:")
    linked.stop()

have, points = own
found = advice_parts.recommend(have, points)
compared = advice_parts.changed(have, change, points)
first = terms.FirstUse()
with answer:
    st.markdown(first(f"As it is: {words.plain(found.headline)}"))
    after = replace(found, curves=compared.after.bands, crossovers=())
    title = sentence(told, compared) if told else "As it is: nothing is changed yet"
    shown.chart(
        charts.curves(after, before=found if told else None, what="the change", budget=True),
        title.rstrip("."),
        key="what_if",
        detail="Expected accuracy of each strategy by what is spent, before and after the change",
        note="Thick, with shaded 80 % intervals: after the change. Thin: before it. What is spent is counted in "
        "queries of your present teacher, so both stand for the same money."
        if told
        else "Choose a change, and these curves stay as thin ones beside the new.",
    )
    shown.values(
        lambda: chart_tables.curves(after, (), found, "the change"),
        key="what_if",
        alt="Expected accuracy of each strategy before and after the change, with 80 % intervals",
    )
    if told:
        shown.table(
            table(compared),
            key="what_if_sides",
            alt="The strategies before and after the change at your budget",
            name="seedpilot-what-if",
        )
        st.subheader("What this rests on", anchor=False)
        for text, sources in notes(change, have):
            st.markdown(words.cited(first(words.plain(text)), sources))
    st.page_link(
        "pages/decide/recommend.py",
        label="The advice for your situation as it is",
        icon=":material/signpost:",
        query_params={k: v for k, v in st.query_params.to_dict().items() if not k.startswith("if_")},
    )
