"""Atlas: the strategies measured on a small student over the sandbox's worlds; move through it and see who wins."""

from pathlib import Path

import streamlit as st

from engine.atlas.claims import Verdict, judged
from engine.atlas.design import (
    BUDGETS,
    CROSSING,
    SEEDS,
    SEEDS_ONLY,
    STRONG,
    UNTUNED,
    WEAK,
    WEAK_BUDGETS,
    WEAK_SEEDS,
    WORLDS,
    arms,
)
from engine.atlas.table import AtlasCell, load
from engine.atlas.views import World, opening
from engine.settings import Settings
from pages.shared import atlas_claims, atlas_worlds, chart_atlas, linked, shown, terms, words
from pages.shared.situation import FROM_ATLAS

AUGMENTERS = {"Strong": STRONG, "Weak": WEAK}


@st.cache_resource(max_entries=2, show_spinner="Reading the atlas")
def cells(folder: Path, files: tuple[tuple[str, int], ...]) -> tuple[AtlasCell, ...]:
    """What was measured; read again where a file came or changed."""
    return load(folder)


@st.cache_resource(max_entries=16, show_spinner="Drawing items and replicates again")
def world_of(folder: Path, files: tuple[tuple[str, int], ...], name: str, augmenter: str) -> World:
    """One world with one augmenter."""
    return World(cells(folder, files), name, augmenter)


@st.cache_resource(max_entries=2, show_spinner="Comparing the worlds")
def together(folder: Path, files: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int, int] | None, str]:
    """Where the page opens, and what all worlds say of the trade-off."""
    strong, weak = ([world_of(folder, files, name, one) for name in WORLDS] for one in (STRONG, WEAK))
    return opening(strong), atlas_worlds.trade_off(strong, weak)


@st.cache_resource(max_entries=2, show_spinner="Judging the claims")
def verdicts(folder: Path, files: tuple[tuple[str, int], ...]) -> tuple[Verdict, ...]:
    """Every claim in every world and in all of them together."""
    return judged(cells(folder, files), WORLDS)[0]


folder = Settings().data / "atlas"
files = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.parquet")))
measured = cells(folder, files)
first_use = terms.FirstUse()
if not measured:
    st.info(
        "Nothing is measured yet. `seedpilot atlas build --hours 1` measures the most telling places first, and can be "
        "stopped and gone on with.",
        icon=":material/hourglass_empty:",
    )
    linked.stop()

first, said = together(folder, files)
st.markdown(first_use(said))
st.markdown(
    first_use(
        f"Measured on one small student, trained on what each strategy made of {SEEDS[0]} to {SEEDS[-1]:,} labelled "
        "examples, in worlds that SeedPilot generates. Training and tests are real; language and teacher are "
        "simulated. **Not shown to transfer** to a real student of 0.5 billion parameters or more."
    )
)
# Where the difference is clearest: a page that opens on a tie shows nothing of a trade-off.
opens, usual, at = first or next(
    ((cell.world, cell.seeds, cell.budget) for cell in measured if cell.budget), (WORLDS[0], SEEDS[0], BUDGETS[0])
)
found = {name for name in WORLDS if any(cell.world == name for cell in measured)}
known = {chart_atlas.WORLDS[name]: name for name in sorted(found, key=lambda name: (name != opens, WORLDS.index(name)))}
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    world = known[linked.choice("World", list(known), key="atlas_world")]
    seeds = int(
        linked.slider(
            "Labelled examples", list(map(float, SEEDS)), float(usual), key="atlas_seeds", format_func="{:,.0f}".format
        )
    )
    budget = int(
        linked.slider(
            "Examples asked for", list(map(float, BUDGETS)), float(at), key="atlas_budget", format_func="{:,.0f}".format
        )
    )
    augmenter = AUGMENTERS[
        linked.radio("The model that writes questions", list(AUGMENTERS), key="atlas_augmenter", horizontal=True)
    ]
    with_seeds, at_budgets = (words.listed([f"{size:,}" for size in sizes]) for sizes in (WEAK_SEEDS, WEAK_BUDGETS))
    st.caption(
        "A weak one leaves something out of one new question in three and asks half of them beside the point; it "
        f"rephrases nearly as well as a strong one. Measured with {with_seeds} labelled examples, at {at_budgets} "
        "examples asked for."
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
    st.info(chart_atlas.said(here, seeds, budget), icon=":material/compare_arrows:")
    shown.values(
        lambda: chart_atlas.table([p for arm in (*names, SEEDS_ONLY, UNTUNED) for p in here.curve(arm, seeds)]),
        key="atlas",
        alt="Every measured accuracy of this world with this number of labelled examples",
    )
    places, missing = here.winners(), here.missing()
    shown.chart(
        chart_atlas.winners(places, missing, seeds, budget),
        chart_atlas.winners_takeaway(places),
        key="atlas_map",
        detail="Who is clearly ahead for each number of labelled examples and of examples asked for per seed",
        note=f"Clearly ahead: best in {100 * chart_atlas.SURE:.0f} % of the draws or more; with so many places a few "
        "are called so by luck. A place counts where every strategy that competes was measured. Real questions do not "
        "compete, since they take unlabelled inputs of your own; a triangle marks where they are clearly ahead of the "
        f"place's best. Dotted: {CROSSING[0]:g} and {CROSSING[1]:g} per seed, between which a crossing was expected.",
    )
    shown.values(
        lambda: chart_atlas.winners_table(places, missing), key="atlas_map", alt="Every place with its likely winner"
    )
atlas_claims.section(verdicts(folder, files))
st.page_link(
    "pages/learn/map.py",
    label="The same question for your own situation, from published studies",
    icon=":material/map:",
)
st.page_link(
    "pages/decide/recommend.py",
    label="Advice for your own situation that starts from these worlds",
    icon=":material/signpost:",
    query_params={"known": FROM_ATLAS},
)
st.page_link("pages/learn/law.py", label="Why they part: move quality and reach yourself", icon=":material/tune:")
