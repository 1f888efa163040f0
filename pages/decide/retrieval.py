"""Retrieval: what a retrieval pilot measured, as quality against price and latency of a search."""

import streamlit as st

from engine import launch
from engine.costs import Price
from engine.plan import check_plan
from engine.prices import quote_by_name
from engine.records import Run
from engine.retrieval import advice
from engine.retrieval.filing import file_retrieval, result_of_run, retrieval_runs
from engine.settings import Settings
from pages.shared import chart_retrieval, pilots, run_words, shown, words

COLUMNS = {
    "$ per 1,000 searches": st.column_config.NumberColumn(
        format="%.4f", help="Teacher queries at search time; empty where the price is unknown."
    ),
    "$ once, for training": st.column_config.NumberColumn(
        format="%.4f", help="Teacher queries that the training data took."
    ),
    "Search, ms": st.column_config.NumberColumn(
        format="%.2f", help="Encoder and exact search on this machine, one query at a time: the median."
    ),
    "Teacher, ms": st.column_config.NumberColumn(format="%.1f", help="What writing the expansion takes on top."),
    **{
        f"nDCG@10, {side}": st.column_config.NumberColumn(format="%.1f", help="Points: 100 is a perfect first page.")
        for side in advice.SIDES.values()
    },
}
COMMAND = (
    "seedpilot retrieval pilot --collection ./my-beir-folder --encoder BAAI/bge-small-en-v1.5 \\\n"
    "    --teacher http://127.0.0.1:8000/v1 --model my-model --ceiling-usd 2"
)


def start() -> None:
    """The pilot on the sandbox, from here; an own collection takes the command."""
    st.markdown(
        "A retrieval pilot tunes the query encoder in several ways from the same number of teacher queries, and "
        "measures each way in domain and out of domain."
    )
    if st.button("Run the pilot on the sandbox", key="retrieval_start", icon=":material/play_arrow:"):
        run_id = file_retrieval(check_plan({"name": "retrieval on sandbox", "retrieval": {}}), pilots.store())
        launch.start(run_id, Settings())
        st.rerun()
    st.caption(
        "No key and no GPU; about five minutes on two cores. Your own collection in BEIR layout takes a command:"
    )
    st.code(COMMAND, language="bash")


@st.fragment(run_every=2)
def going(run_id: str) -> None:
    """How far a run is; the page is drawn anew at its end."""
    run = pilots.store().run(run_id)
    if run.state not in run_words.LIVE:
        st.rerun()
    st.progress(*run_words.progress(run))


def assumed(result: dict) -> advice.Assumed:
    """Who would expand searches, where it is not the pilot's own teacher."""
    st.markdown("**Expansion at search time** with another teacher than the pilot's:")
    who, how_long = st.columns(2)
    model = who.text_input("Model", key="retrieval_model", placeholder="gpt-4o-mini", help="Its listed price is taken.")
    ms = how_long.number_input(
        "Milliseconds per expansion", min_value=0.0, value=None, key="retrieval_ms", placeholder="as in the pilot"
    )
    if not model and ms is None:
        return advice.Assumed()
    quoted = quote_by_name(model) if model else None
    if quoted is not None and not quoted.known:
        st.warning(f"No price is known for {words.plain(model)}: {words.plain(quoted.source)}.", icon=":material/help:")
    parts = [] if quoted is None else [f"price: {quoted.source.split(';')[0]}"]
    parts += ["time: as you assume it"] if ms is not None else ["time: the pilot's teacher's"]
    price = None if quoted is None else Price(quoted.input_usd, quoted.output_usd)
    return advice.Assumed(price, ms, "; ".join(parts))


def outcome(run: Run, result: dict) -> None:
    """The charts, the table, and what they say."""
    if result["label"]:
        st.markdown(f":orange-badge[Practice only] {words.plain(result['label'][:1].upper() + result['label'][1:])}.")
    found = advice.advise(result, assumed(result))
    by = st.segmented_control(
        "Quality against", [chart_retrieval.PRICE, chart_retrieval.TIME], default=chart_retrieval.TIME,
        key="retrieval_by", required=True,
    )  # fmt: skip
    st.header(words.plain(found.headline), anchor=False)
    for place, side in zip(st.columns(len(found.usd_per_point), gap="large"), found.usd_per_point, strict=True):
        with place:
            shown.chart(
                chart_retrieval.quality(found, side, by),
                words.plain(takeaway(found, side)),
                key=f"retrieval_{side}",
                note="Bars: 80 % intervals over queries. Ways of the same cost lie above one another: see the table.",
            )
    shown.table(
        chart_retrieval.table(found),
        key="retrieval_ways",
        alt=f"Ways to serve a search. {found.headline}",
        name="seedpilot-retrieval",
        column_config=COLUMNS,
    )
    st.markdown("\n".join(f"- {words.plain(sentence)}" for sentence in found.sentences))
    count, paid = result["collection"], result["queries"]
    st.caption(
        f"{count['passages']:,} passages, {count['train']} training queries, {count['dev']} to choose by; "
        f"{paid['settled']:,} teacher queries paid by this run, {run_words.money(paid['usd'])}; "
        f"{result['replicates']} training seeds · {run.id}"
    )


def takeaway(found: advice.RetrievalAdvice, side: str) -> str:
    """Which way is best there, and which is best of those that ask nobody."""
    # Of two that differ by less than is shown, the one that comes first is simpler.
    best = max(found.ways, key=lambda way: round(way.quality[side]["mean"], 2))
    cheap = max((way for way in found.ways if way.teacher_ms == 0), key=lambda way: way.quality[side]["mean"])

    def said(way: advice.Way) -> str:
        return f"{way.name} ({100 * way.quality[side]['mean']:.1f})"

    start = f"{advice.SIDES[side].capitalize()}: {said(best)} measures highest"
    return start if best is cheap else f"{start}; of those that ask nobody at search time {said(cheap)}"


runs = retrieval_runs(pilots.store())
live = next((run for run in runs if run.state in run_words.LIVE), None)
if live is not None:
    going(live.id)
with_result = {run.id: (run, result) for run in runs if (result := result_of_run(pilots.store(), run.id)) is not None}
if not with_result:
    st.info("No retrieval pilot has a result yet.", icon=":material/info:")
    if live is None:
        start()
    st.stop()
chosen = st.selectbox(
    "Pilot",
    list(with_result),
    format_func=lambda run_id: f"{with_result[run_id][0].name}, {run_id.removeprefix('retrieval-')}",
    key="retrieval_run",
    bind="query-params",
)
outcome(*with_result[chosen])
if live is None:
    with st.expander("Run another", icon=":material/play_arrow:"):
        start()
