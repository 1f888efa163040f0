"""The steps of a new pilot: tabs to go back and forth in, each with its own faults told below it.

Every step's inputs are drawn in every run, seen or not: Streamlit forgets those that are not, and what one step says
depends on the others. What is only looked at or pressed is drawn in the step that is open. That one stands in the
address, so that a reload and the browser's back button lead to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from pages.shared import emphasis, words
from pages.shared.pilot_parts import Asked

SEEDS, TASK, TEACHER, STUDENT, DESIGN, START = "Seeds", "Task", "Teacher", "Student", "Design", "Start"
STEPS = (SEEDS, TASK, TEACHER, STUDENT, DESIGN, START)
LABELS = {step: f"{place} {step}" for place, step in enumerate(STEPS, 1)}
INTRO = {
    SEEDS: "Your labelled examples, and which of them are kept for testing.",
    TASK: "What an answer is, and how a reply is scored. Nothing is paid here.",
    TEACHER: "Who answers and who writes questions, what they are sent, and a small check of them before a pilot.",
    STUDENT: "The model that learns from what the teacher wrote.",
    DESIGN: "What is compared, with how many queries and seeds.",
    START: "The most it may cost, what it is expected to be worth, and the start.",
}
TAB = "pilot_step"
_IN_ADDRESS = "pilot_step_address"

WHERE = (
    (START, ("Ceiling", "Name", "the plan needs", "ceiling")),
    (TASK, ("Your task", "Upload the task", "task", "scorer", "schema")),
    (
        TEACHER,
        (
            "Base URL", "Model", "Key", "Ask in batches", "Recorded replies", "Upload a file with recorded", "Price",
            "both prices", "teacher", "augmenter", "judge", "prompts", "check",
        ),
    ),
    (STUDENT, ("Student", "student", "Learning rate", "Batch size", "Longest example", "training", "max_new_tokens")),
    (
        DESIGN,
        (
            "Strategies", "Budgets", "Replicates", "Seed sizes", "Whole budget", "Seeds of the full run", "Variants",
            "variants", "Test items for the teacher", "Real questions", "grid", "target", "unlabelled",
        ),
    ),
    (
        SEEDS,
        (
            "Labelled examples", "Seeds to use", "Rows kept", "Test file", "Test items", "Column", "Upload", "Name a",
            "hub:", "seeds", "test",
        ),
    ),
)  # fmt: skip
"""How a fault begins that belongs to a step; longer beginnings of other steps stand before shorter ones."""


class Steps:
    """The steps of one run of the page."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._owner: dict[str, str] = {}
        """Of a problem or a note of the form itself: the step that told it."""
        address = str(st.query_params.get("step", ""))
        wanted = next((step for step in STEPS if step.lower() == address), SEEDS)
        # The address changed under us: the browser's back button, or a link.
        if TAB not in st.session_state or address != st.session_state.get(_IN_ADDRESS, address):
            st.session_state[TAB] = LABELS[wanted]
        self._tabs = dict(zip(STEPS, st.tabs(list(LABELS.values()), key=TAB, on_change="rerun"), strict=True))
        self.open = next(step for step in STEPS if LABELS[step] == st.session_state[TAB])
        now = "" if self.open == SEEDS and not address else self.open.lower()
        if now != address:
            st.query_params["step"] = now
        st.session_state[_IN_ADDRESS] = now
        self._tabs[self.open].markdown(INTRO[self.open])

    @contextmanager
    def part(self, step: str) -> Iterator[None]:
        """Draws into a step, below what is there; what the form finds wrong meanwhile is that step's."""
        with self._tabs[step]:
            yield
        for said in (*self._asked.problems, *self._asked.notes):
            self._owner.setdefault(said, step)

    def of(self, problem: str, files: Sequence[str] = ()) -> str:
        """The step that a fault of the plan belongs to; `files` are those of the examples and the test items."""
        if problem in self._owner:
            return self._owner[problem]
        if problem.startswith(tuple(files)) or "are test items too" in problem:
            return SEEDS
        return next((step for step, begins in WHERE if problem.startswith(begins)), START)

    def faults(self, files: Sequence[str] = ()) -> dict[str, list[str]]:
        """The problems by step; steps without any are left out."""
        found: dict[str, list[str]] = {}
        step = START
        for problem in self._asked.problems:
            # "and 10 more of them" goes on with the one before it.
            step = step if problem.startswith("and ") else self.of(problem, files)
            found.setdefault(step, []).append(problem)
        return found

    def finish(self, faults: dict[str, list[str]]) -> None:
        """Below each step: what is wrong or still to be given, what to know, and the way on."""
        for place, step in enumerate(STEPS):
            with self._tabs[step]:
                told(faults.get(step, []), self._asked)
                for note in self._asked.notes:
                    if self._owner.get(note, START) == step:
                        st.warning(words.plain(note), icon=":material/warning:")
                if step == START:
                    elsewhere(faults)
                if step == self.open:
                    _ways(place)


def told(problems: Sequence[str], asked: Asked) -> None:
    """Faults in one message, what is only still to be given in another."""
    waits = [problem for problem in problems if problem in asked.missing]
    wrong = [problem for problem in problems if problem not in asked.missing]
    for listed, box, icon in ((wrong, st.error, ":material/error:"), (waits, st.info, ":material/edit:")):
        if listed:
            several = len(listed) > 1
            box("\n".join(("- " if several else "") + words.plain(problem) for problem in listed), icon=icon)


def elsewhere(faults: dict[str, list[str]]) -> None:
    """Leads from the last step to those that are not complete."""
    open_ones = [step for step in STEPS if step != START and faults.get(step)]
    if not open_ones:
        return
    st.markdown("Before the pilot can start:")
    with st.container(horizontal=True):
        for step in open_ones:
            count = len(faults[step])
            st.button(
                f"{step}: {'one thing' if count == 1 else f'{count} things'} to put right",
                key=f"pilot_to_{step}",
                icon=":material/arrow_back:",
                on_click=go,
                args=(step,),
            )


def go(step: str) -> None:
    """Opens a step."""
    st.session_state[TAB] = LABELS[step]


def _ways(place: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if place:
            before = STEPS[place - 1]
            st.button(
                f"Back: {before}", key=f"pilot_back_{place}", icon=":material/arrow_back:", on_click=go, args=(before,)
            )
        if place + 1 < len(STEPS):
            after = STEPS[place + 1]
            st.button(
                f"Next: {after}",
                key=f"pilot_next_{place}",
                type=emphasis.first(),
                icon=":material/arrow_forward:",
                on_click=go,
                args=(after,),
            )
