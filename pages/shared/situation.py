"""What the user has and wants, asked once: bound to the URL, so that a link restores it on every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.domain import ATLAS, PUBLISHED, Situation, TaskType, TeacherOffer
from engine.errors import InputError
from engine.kinds_shown import KINDS
from pages.shared import budget, examples_form, linked, session, teachers, terms, words

MOST_SEEDS = 10_000_000
AUGMENTERS = {"Strong, like the teacher": "strong", "Weak": "weak"}
CHECKABLE: dict[str, bool | None] = {"Not said": None, "Yes": True, "No": False}
FROM_ATLAS = "The sandbox's atlas"
STARTS = {"Published studies": PUBLISHED, FROM_ATLAS: ATLAS}
CALLS = {"Every call, as on the bill": "all", "One per example, as in the studies": "paper"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, and where the price of each named teacher comes from."""

    situation: Situation
    price_sources: dict[str, str]


def ask(*, files: DeltaGenerator | None = None) -> Asked | None:
    """Draws the inputs; None, and a sentence on what is missing, where no advice can be given yet.

    Where there is a place for what is wrong with `files`, labelled examples and inputs may be given as files too, which
    then say how many they are.
    """
    tasks = {label: task for task, label in words.TASKS.items()}
    # What a file says is said before the inputs that it speaks for are drawn.
    kind, counted = st.container(), st.container()
    own = None if files is None else examples_form.ask(files)
    if own is not None:
        examples_form.apply(own)
    with kind:
        task = tasks[linked.choice("What does one answer look like?", list(tasks), key="task")]
        if own is None:
            _example(task)
        else:
            examples_form.guess(own, words.TASKS[task])
    with counted:
        seeds, kept = _labelled(own)
    counted = st.container()
    if files is not None:
        examples_form.inputs(own)
        examples_form.hand_over(own)
    with counted:
        unlabelled = number(
            "Real inputs without an answer",
            "unlabelled",
            f"Questions of yours that nobody has answered: {terms.link('Real question')}s compete where there are any.",
        )
    have = budget.ask(task)
    with linked.fold("Assumptions", icon=":material/tune:", key="assumptions"):
        augmenter = linked.radio(
            "The model that writes questions",
            list(AUGMENTERS),
            key="augmenter",
            help=f"A weak {terms.link('Augmenter')}'s new questions are worth less; its rephrasings hold up.",
        )
        calls = linked.radio(
            "What counts as a query",
            list(CALLS),
            key="calls",
            help="A rephrasing and a new question take two calls each: one for the question, one for its answer.",
        )
        known = linked.radio(
            "What is known before you measure",
            list(STARTS),
            key="known",
            help=f"Published studies are of real students, and few. The {terms.link('Atlas')} is one toy student's, "
            "measured whole: a second opinion, which nothing shows to transfer.",
        )
    with linked.fold("Other teachers", icon=":material/groups:", key="others"):
        compared = teachers.others(have.tokens)
        if compared and have.usd_per_query is None:
            st.caption("Compared for the same money, as soon as the price of a query of your own teacher is known.")
    with linked.fold("What else you have", icon=":material/inventory_2:", key="more"):
        more = _more(have)
    if have.queries is None or seeds < 1:
        return None
    named = [have.teacher, *compared] if have.usd_per_query is not None else []
    situation = Situation(
        task,
        seeds,
        have.queries,
        AUGMENTERS[augmenter],
        CALLS[calls],
        budget_usd=have.usd,
        teachers=tuple(priced.offer for priced in named),
        unlabelled=None if unlabelled is None else int(unlabelled),
        test_items=kept,
        known=STARTS[known],
        **more,
    )
    return Asked(situation, {priced.offer.name: priced.source for priced in named})


def number(label: str, key: str, help: str, step: float = 1.0, least: float = 0.0) -> float | None:
    """A figure that may be left unsaid, and then is None."""
    return linked.number(
        label,
        None,
        key=key,
        min_value=least,
        step=step,
        placeholder="not said",
        help=help,
        format="%.0f" if step >= 1 else "%.2f" if step >= 0.01 else "%.5f",
    )


def _example(task: TaskType) -> None:
    """One question and its answer of that kind, so that nobody has to know what a task type is."""
    kind = KINDS[task]
    question, answer = (" ".join(words.plain(text).split("\n")) for text in (kind.question, kind.answer))
    st.caption(f"For example: {question} → {answer}")


def _labelled(own: examples_form.Examples | None) -> tuple[int, int | None]:
    """Labelled examples to train on, and those that are kept for testing (None: not said)."""
    labelled = linked.number(
        "Labelled examples",
        100,
        key="seeds",
        whole=True,
        min_value=1,
        max_value=MOST_SEEDS,
        step=50,
        disabled=own is not None,
        help=f"Questions with a right answer. Those that you train on are your {terms.link('Seed')}s.",
    )
    kept = number(
        "Of them, kept for testing",
        "test_items",
        "Kept out of training; all strategies are compared on them, so their number limits which difference can be "
        f"seen: the {terms.link('Detectable effect')}.",
        step=50.0,
        least=1.0,
    )
    if own is not None and not examples_form.enough(own):
        st.caption(f"{labelled:,} examples are too few for a pilot: it trains on 10 at least, and tests on 20.")
    if kept is None:
        return int(labelled), None
    seeds = int(labelled) - int(kept)
    if seeds < 1:
        st.error(
            f"{int(kept):,} of {int(labelled):,} labelled examples are kept for testing; at least one has to be left "
            "to train on. Keep fewer, or label more.",
            icon=":material/error:",
        )
    else:
        st.caption(f"{seeds:,} to train on, {int(kept):,} to test on.{_split(own, seeds, int(kept))}")
    return seeds, int(kept)


def _split(own: examples_form.Examples | None, seeds: int, kept: int) -> str:
    """Where the rows of the file will be divided otherwise, how and why."""
    if own is None:
        return ""
    try:
        found = own.held.split(kept)
    except InputError as error:
        return f" {words.plain(session.message(error))}"
    if found in (None, (seeds, kept)):
        return ""
    return f" The file itself divides into {found[0]:,} and {found[1]:,}: near duplicates stay on one side."


def _more(have: budget.Budget) -> dict[str, Any]:
    """What few have to say: each left empty is unknown, and nothing is guessed for it."""

    seed_usd = number("Price of one more labelled example, $", "seed_usd", "Then seeds and queries are weighed.", 0.1)
    checked = linked.choice(
        "Can an answer be checked without the teacher?",
        list(CHECKABLE),
        key="verifiable",
        help="By a test, a database, or a known result.",
    )
    student = linked.text("Student", key="student", placeholder="not said", help="For example Qwen2.5-1.5B.")
    writer = number(
        "Price of one query of another question writer, $",
        "writer_usd",
        "A cheaper model could write the questions, your teacher answers them. Its strength is set under Assumptions.",
        0.001,
    )
    if writer is not None and have.usd_per_query is None:
        st.caption("Weighed for the same money, as soon as the price of a query of your teacher is known.")
    return {
        "seed_usd": seed_usd or None,
        "verifiable": CHECKABLE[checked],
        "student": student or None,
        "augmenter_offer": None if writer is None else TeacherOffer("question writer", usd_per_query=writer),
    }
