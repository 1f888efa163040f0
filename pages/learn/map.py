"""Map: which strategy is likely best for every number of labelled examples and every budget."""

from dataclasses import replace

import numpy as np
import streamlit as st

from engine import advice_map
from engine.advice_map import AdviceMap
from engine.domain import Situation
from engine.wording import KNOWN
from pages.shared import chart_map, linked, shown, situation, terms


@st.cache_data(max_entries=64, show_spinner="Drawing the map")
def computed(have: Situation, seeds: tuple[float, ...], spent: tuple[float, ...], usd: bool) -> AdviceMap:
    """The map; the same one is computed once."""
    return advice_map.over(have, np.array(seeds), np.array(spent), usd=usd)


def everywhere(have: Situation) -> Situation:
    """Without what moves no map, so that one map serves for all of it."""
    sum_usd = None if have.budget_usd is None else 1.0
    return replace(have, seeds=100, queries=1000, budget_usd=sum_usd, student=None, verifiable=None, seed_usd=None)


st.markdown(
    terms.FirstUse()(
        "Few queries per seed or many, ten labelled examples or ten thousand: who is likely best where, and how sure."
    )
)
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    asked = situation.ask()
if asked is None:
    answer.info("The map appears here as soon as the budget is known.", icon=":material/hourglass_empty:")
    linked.stop()

have = asked.situation
seeds, spent, usd = advice_map.axes(have)
over = computed(everywhere(have), tuple(seeds), tuple(spent), usd)
row = computed(everywhere(have), (have.seeds,), tuple(spent), usd)
own = have.budget_usd if usd and have.budget_usd else have.budget_ratio
here = computed(have, (have.seeds,), (own,), usd)
with answer:
    shown.chart(
        chart_map.advice_map(over, here),
        chart_map.takeaway(row),
        key="map",
        detail=f"A map of {'dollars' if usd else 'queries per seed'} against labelled examples, coloured by who is "
        f"likely best. Your situation: {chart_map.said(here)}",
        note="Colour: who is likely best. Faint: hardly likelier than the others. A white cross: too close to call, "
        f"the two best are expected within {over.threshold_points:.2g} points. White star: your situation. "
        f"From {KNOWN[have.known]} only; points of your own move the advice, not this map.",
    )
    st.info(f"**Your situation.** {chart_map.said(here)}", icon=":material/location_on:")
    shown.values(
        lambda: chart_map.table(over),
        key="map",
        alt="Every cell of the map with the chance of each strategy to be best",
    )
    st.page_link(
        "pages/decide/recommend.py",
        label="The whole advice for your situation",
        icon=":material/signpost:",
        query_params=st.query_params.to_dict(),
    )
    st.page_link("pages/learn/law.py", label="Why it turns: move quality and reach yourself", icon=":material/tune:")
