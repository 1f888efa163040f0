"""Atlas: the strategies measured on a small student over the sandbox's worlds; move through it and see them cross."""

from pathlib import Path

import streamlit as st

from engine.atlas.claims import Verdict, judged
from engine.atlas.design import BUDGETS, SEEDS, SEEDS_ONLY, STRONG, UNTUNED, WEAK, WORLDS, arms
from engine.atlas.table import AtlasCell, load
from engine.atlas.views import World
from engine.settings import Settings
from pages.shared import atlas_claims, chart_atlas, linked, shown, terms

AUGMENTERS = {"Strong": STRONG, "Weak": WEAK}


@st.cache_resource(max_entries=2, show_spinner="Reading the atlas")
def cells(folder: Path, files: tuple[tuple[str, int], ...]) -> tuple[AtlasCell, ...]:
    """What was measured; read again where a file came or changed."""
    return load(folder)


@st.cache_resource(max_entries=16, show_spinner="Drawing items and replicates again")
def world_of(folder: Path, files: tuple[tuple[str, int], ...], name: str, augmenter: str) -> World:
    """One world with one augmenter."""
    return World(cells(folder, files), name, augmenter)


@st.cache_resource(max_entries=2, show_spinner="Judging the claims")
def verdicts(folder: Path, files: tuple[tuple[str, int], ...]) -> tuple[Verdict, ...]:
    """Every claim in every world and in all of them together."""
    return judged(cells(folder, files), WORLDS)[0]


folder = Settings().data / "atlas"
files = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.parquet")))
measured = cells(folder, files)
st.markdown(
    terms.FirstUse()(
        "The same small student, trained on what each strategy made of 30 to 1,000 labelled examples, in worlds that "
        "SeedPilot generates. **Training and tests are real; language and teacher are simulated.** It shows how the "
        "trade-off looks, and no number for your own model."
    )
)
if not measured:
    st.info(
        "Nothing is measured yet. `seedpilot atlas build --hours 1` measures the most telling places first, and can be "
        "stopped and gone on with.",
        icon=":material/hourglass_empty:",
    )
    linked.stop()

known = {label: name for name, label in chart_atlas.WORLDS.items() if any(cell.world == name for cell in measured)}
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    world = known[linked.choice("World", list(known), key="atlas_world")]
    found = {(cell.seeds, cell.arm) for cell in measured if cell.world == world and cell.budget}
    sizes = [size for size in SEEDS if sum(seeds == size for seeds, _ in found) > 1]
    # A hundred where that is measured: a page that opens on nothing says nothing.
    usual = 100 if 100 in sizes or not sizes else sizes[0]
    seeds = int(
        linked.slider(
            "Labelled examples", list(map(float, SEEDS)), float(usual), key="atlas_seeds", format_func="{:,.0f}".format
        )
    )
    budget = int(
        linked.slider(
            "Examples asked for", list(map(float, BUDGETS)), 400.0, key="atlas_budget", format_func="{:,.0f}".format
        )
    )
    augmenter = AUGMENTERS[
        linked.radio("The model that writes questions", list(AUGMENTERS), key="atlas_augmenter", horizontal=True)
    ]
    st.caption(
        "A weak one leaves something out of one new question in three and asks half of them beside the point; it "
        "rephrases nearly as well as a strong one. Measured with 100 and 1,000 labelled examples."
    )
here = world_of(folder, files, world, augmenter)
names = arms(world)
with answer:
    shown.chart(
        chart_atlas.curves(here, names, seeds, budget),
        chart_atlas.takeaway(here, seeds),
        key="atlas",
        detail="Accuracy of each strategy by the number of examples asked for, with 80 % intervals",
        note="Bars: 80 % intervals; test items and replicates drawn again, for a place measured once with the usual "
        "noise of a pool and a training. Half and half: other answers and new questions (for tickets: rephrasings).",
    )
    st.info(chart_atlas.said(here.winner(seeds, budget)), icon=":material/compare_arrows:")
    shown.values(
        lambda: chart_atlas.table([p for arm in (*names, SEEDS_ONLY, UNTUNED) for p in here.curve(arm, seeds)]),
        key="atlas",
        alt="Every measured accuracy of this world with this number of labelled examples",
    )
    places = here.winners()
    shown.chart(
        chart_atlas.winners(places, seeds, budget),
        chart_atlas.winners_takeaway(places),
        key="atlas_map",
        detail="Who is likely best for each number of labelled examples and examples asked for",
        note=f"Clear: best in {100 * chart_atlas.SURE:.0f} % of the draws or more. Faint: hardly likelier than others.",
    )
    shown.values(lambda: chart_atlas.winners_table(places), key="atlas_map", alt="Every place with its likely winner")
atlas_claims.section(verdicts(folder, files))
st.page_link(
    "pages/learn/map.py",
    label="The same question for your own situation, from published studies",
    icon=":material/map:",
)
st.page_link("pages/learn/law.py", label="Why they cross: move quality and reach yourself", icon=":material/tune:")
