"""Law: quality and reach to be moved by hand, so that one sees what they do."""

from collections.abc import Mapping

import streamlit as st

from engine import law_by_hand, prior
from engine.domain import TaskType
from pages.shared import chart_law, linked, shown, situation, terms, words

QUALITIES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
REACHES = (0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
SHARES = tuple(round(0.05 * k, 2) for k in range(1, 20))
CHOICES: dict[str, tuple[float, ...]] = {
    "q_rephrase": QUALITIES,
    "q_new": QUALITIES,
    "reach_answers": REACHES,
    "reach_rephrase": REACHES,
    "reach_new": REACHES,
    "reach_exponent": tuple(round(0.1 * k, 1) for k in range(-6, 7)),
    "seed_weight": QUALITIES,
    "beta": tuple(round(0.1 * k, 1) for k in range(2, 16)),
    "ceiling": SHARES,
    "half": (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000),
    "start": SHARES,
}
"""Values of each slider; the median stands among them."""
HELP = {
    "q_rephrase": "What one rephrasing teaches; one more answer counts as 1.",
    "q_new": "What one new question teaches; one more answer counts as 1.",
    "reach_answers": "How many times over answers multiply 1,000 labelled examples before they repeat themselves.",
    "reach_rephrase": "How many times over rephrasings multiply 1,000 labelled examples.",
    "reach_new": "How many times over new questions multiply 1,000 labelled examples.",
    "reach_exponent": "0: the reach is the same for any number of labelled examples. Below 0: it is longer for few.",
    "seed_weight": "What one of your own labelled examples teaches; one generated answer counts as 1.",
    "beta": "How fast accuracy rises with effective examples: higher is steeper.",
    "ceiling": "Share of what guessing leaves open that the student can get right with endless data.",
    "half": "Effective examples with which the student has learned half of what it can.",
    "start": "Share of what it can learn that the student brings along.",
}


def chosen_task() -> tuple[TaskType, str]:
    """Task type and augmenter as they stand in the session, before their inputs are drawn."""
    tasks = {label: task for task, label in words.TASKS.items()}
    label, augmenter = st.session_state.get("task"), st.session_state.get("augmenter")
    return tasks.get(label, TaskType.MATH), situation.AUGMENTERS.get(augmenter, "strong")


def defaults(task: TaskType, augmenter: str) -> dict[str, float]:
    """The medians with two figures, as the sliders stand."""
    return {name: float(f"{x:.2g}") for name, x in law_by_hand.medians(task, augmenter).items()}


def reset() -> None:
    """Every slider back to the median; also where another task or augmenter brings other medians."""
    for name, value in defaults(*chosen_task()).items():
        st.session_state[name] = value


def sliders(names: tuple[str, ...], medians: Mapping[str, float]) -> dict[str, float]:
    """The values that these parameters have now."""
    return {
        name: linked.slider(
            chart_law.LABELS[name],
            sorted({*map(float, CHOICES[name]), medians[name]}),
            medians[name],
            format_func=chart_law.number,
            key=name,
            help=HELP[name],
        )
        for name in names
    }


st.markdown(
    terms.FirstUse()(
        "Move what an example is **worth** and how far a strategy goes (its **reach**), and see where the lead changes "
        "hands. One curve for each strategy, without its uncertainty: for feeling the law, not for deciding."
    )
)
ask, answer = st.columns([1, 2.4], gap="large")
with ask:
    tasks = {label: task for task, label in words.TASKS.items()}
    task = tasks[linked.choice("What does one answer look like?", list(tasks), key="task", on_change=reset)]
    augmenter = situation.AUGMENTERS[
        linked.radio(
            "The model that writes questions",
            list(situation.AUGMENTERS),
            key="augmenter",
            on_change=reset,
        )
    ]
    seeds = int(
        linked.number(
            "Labelled examples",
            100,
            key="seeds",
            whole=True,
            min_value=1,
            max_value=situation.MOST_SEEDS,
            step=50,
        )
    )
    medians = defaults(task, augmenter)
    st.markdown("**Quality**, one more answer is 1")
    values = sliders(("q_rephrase", "q_new"), medians)
    st.markdown("**Reach**, times over at 1,000 labelled examples")
    values |= sliders(("reach_answers", "reach_rephrase", "reach_new"), medians)
    with st.expander("Student and labelled examples", icon=":material/tune:", key="student_law"):
        values |= sliders(("reach_exponent", "seed_weight", "beta", "ceiling", "half", "start"), medians)
    st.button("Back to published", on_click=reset, icon=":material/restart_alt:", key="law_reset")

floor = prior.floor(task)
drawn = law_by_hand.curves(values, seeds, floor=floor)
published = law_by_hand.curves(medians, seeds, floor=floor)
before = published if values != medians else None
with answer:
    shown.chart(
        chart_law.curves(drawn, before),
        chart_law.takeaway(drawn),
        key="law",
        detail="Accuracy of answers, rephrasings and new questions by queries per seed, as the law draws them",
        note="Every call is counted: an answer takes one query, a rephrasing and a new question two. "
        "An upright stroke marks the reach: there a strategy has given 63 % of all that it ever can.",
    )
    st.info(chart_law.moved(values, medians, drawn, published), icon=":material/swap_vert:")
    shown.values(
        lambda: chart_law.table(drawn, before), key="law", alt="Accuracy by the law at every ratio that is drawn"
    )
    st.page_link(
        "pages/learn/method.py", label="The formulas, and what speaks against them", icon=":material/functions:"
    )
    st.page_link(
        "pages/learn/map.py",
        label="The same with its uncertainty, as a map",
        icon=":material/map:",
        query_params={k: v for k, v in st.query_params.to_dict().items() if k in ("task", "augmenter", "seeds")},
    )
