"""Method: the law behind the curves in plain words, what is assumed, and what speaks against it."""

import streamlit as st

from engine import costs, evidence
from pages.shared import terms, words

table = evidence.published()

st.caption("How SeedPilot turns published studies, and later your own pilot, into advice.")

st.header("Two numbers for each strategy: quality and reach")
st.markdown(
    """
Every strategy makes training examples from your labelled examples (*seeds*). Two numbers say what they are worth:

- **Quality**: how much one generated example teaches, measured against one more answer to a seed question.
- **Reach**: how many times over a strategy can multiply your seeds before it only repeats itself.

Answers have the best quality and the shortest reach. New questions are worth less each, and less still from a
weak model, but go on paying long after answers have run dry. That is the whole rule:
**few queries per seed: quality decides, answers win; many: reach decides, new questions win.**
"""
)
# Inline, not st.latex: a display formula is a box that scrolls sideways and that no key reaches.
for formula in (
    r"\text{useful}_m = q_m\, R_m S \left(1 - e^{-n_m / (R_m S)}\right)",
    r"N = w S + \textstyle\sum_m \text{useful}_m",
    r"\text{accuracy} = \text{floor} + (\text{ceiling} - \text{floor})\, f(N)",
):
    st.markdown(f"$\\displaystyle {formula}$", text_alignment="center")
st.markdown(
    """
*S* seeds, *n* examples made by strategy *m*, *q* its quality, *R* its reach, *w* the worth of one seed, and
*f* a curve that rises and flattens. The saturation has the form found for repeated training data
(arXiv 2305.16264), *f* that of fine-tuning curves (arXiv 2402.02314).
"""
)

st.page_link("pages/learn/law.py", label="Move quality and reach yourself", icon=":material/tune:")

st.header("The words on the charts")
SHOWN = (
    "Budget ratio",
    "80 % interval",
    "Prior advice",
    "Measured advice",
    "Assumed",
    "Too close to call",
    "Spending plan",
)
rows = [f"| {terms.link(term.name)} | {term.meaning} |" for term in terms.TERMS if term.name in SHOWN]
st.markdown("| Word | What it means |\n| --- | --- |\n" + "\n".join(rows))
st.page_link("pages/learn/glossary.py", label="Every word in the glossary", icon=":material/menu_book:")

st.header("What a query buys")
st.markdown(
    "Published shifts count *examples*; your bill counts *queries*. An answer takes one query. A rephrasing and a "
    "new question take two: one to write the question, one to answer it. Under *Assumptions* on the advice page "
    "you can count one query per example instead, as the studies do."
)
st.table(
    {
        "Strategy": list(words.STRATEGIES.values()),
        "What the teacher is asked": list(words.WHAT_IS_ASKED.values()),
        "Queries per example": [str(costs.calls_per_example(s)) for s in words.STRATEGIES],
    }
)

st.header("What speaks against it")
for claim in table.claims:
    if claim.quantity == "contradiction":
        st.warning(
            f"{claim.text}. _{claim.reference}, {evidence.CONFIDENCES[claim.confidence]}._", icon=":material/balance:"
        )
st.markdown(
    """
- All figures on when the winner changes rest on one reader's notes of one paper
  ([arXiv 2409.19759](https://arxiv.org/abs/2409.19759)); SeedPilot takes them as a prior that is at least a factor of
  two wide, and does not claim to reproduce that paper's curves.
- Quality and reach can stand in for one another where the data are few. A parameter that the data hardly narrow is
  named as assumed.
- Where an answer is fully determined by the question (a label, a JSON record), another answer teaches next to
  nothing, and few studies say what the other strategies do.
"""
)
