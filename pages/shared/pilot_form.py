"""The form of a pilot: what is typed becomes the raw plan that the engine checks, and never more.

A typed key is handed back beside the plan. It is in no plan, no link and no cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.domain import Recipe, Strategy
from engine.errors import InputError
from engine.plan import SANDBOX, GridPlan, check_plan
from engine.sandbox.recipe import SANDBOX_RECIPE
from pages.shared import (
    check_form,
    inputs_form,
    judge_form,
    money_limit,
    pilot_examples,
    prompts_form,
    run_words,
    target_form,
    teacher_form,
    variants_form,
    wizard,
    words,
)
from pages.shared.pilot_parts import KEEP, Asked, count

OWN_STUDENT, SANDBOX_STUDENT = "A model of mine", "Sandbox"
MADE_FROM_SEEDS = GridPlan().strategies
"""What a pilot can measure without unlabelled inputs."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where what follows from the whole plan is drawn, in the teacher's step."""

    sent: DeltaGenerator
    check: DeltaGenerator


def ask(asked: Asked, steps: wizard.Steps) -> Places:
    """Draws the form, each part in its step."""
    own = pilot_examples.ask(asked, partial(steps.part, wizard.SEEDS), partial(steps.part, wizard.TASK))
    with steps.part(wizard.TEACHER):
        teacher_form.teacher(asked, own)
        judge = st.container()
        st.subheader("What the teacher is sent", anchor=False)
        asked.raw |= prompts_form.section()
        sent = st.container()
        st.subheader("Check the teacher first", anchor=False)
        asked.raw |= check_form.section()
        check = st.container()
    with steps.part(wizard.STUDENT):
        _student(asked, own)
        with st.expander("Advanced", icon=":material/tune:", key="pilot_advanced"):
            _training(asked)
    with steps.part(wizard.DESIGN):
        _grid(asked)
        st.subheader("Variants to compare", anchor=False)
        asked.raw |= variants_form.section(asked)
    if judge_form.needed(asked):
        with steps.part(wizard.TEACHER), judge:
            st.subheader("The judge", anchor=False)
            asked.raw |= judge_form.section(asked)
            judge_form.show(asked)
    with steps.part(wizard.START):
        asked.raw["name"] = st.text_input("Name of the pilot", "pilot", max_chars=80, key="pilot_name", **KEEP).strip()
        if not asked.raw["name"]:
            asked.wait_for("Name: is empty; give the pilot a name.")
        _ceiling(asked)
    return Places(sent, check)


def files(raw: Mapping[str, Any]) -> list[str]:
    """Names of the user's files of examples and test items, as faults begin with them."""
    paths = [raw.get(part, {}).get("path") for part in ("seeds", "test")]
    return [name for path in paths if path and path != SANDBOX for name in (path, Path(path).name)]


def faults_so_far(asked: Asked, steps: wizard.Steps) -> list[str]:
    """While something is awaited: what is wrong in the steps that need none of it."""
    raw, told = asked.raw, {steps.of(problem) for problem in asked.problems}
    stand_in = {"seeds": {"path": SANDBOX}, "unlabelled": {"path": SANDBOX}, "task": "math"}
    test = {"teacher_items": raw.get("test", {}).get("teacher_items", 0)}
    try:
        check_plan({**raw, **stand_in, "test": test})
    except InputError as error:
        said = [run_words.in_form_words(problem) for problem in error.problems]
        return [problem for problem in said if steps.of(problem) not in {wizard.SEEDS, wizard.TASK} | told]
    return []


def _student(asked: Asked, own: bool) -> None:
    kind = st.radio("Which model learns", [SANDBOX_STUDENT, OWN_STUDENT], key="pilot_student", horizontal=True, **KEEP)
    asked.raw["student"] = SANDBOX
    if kind == SANDBOX_STUDENT:
        st.caption("About a million parameters, made for the sandbox's problems; trains in seconds.")
        if own:
            asked.notes.append("The sandbox's student reads the sandbox's words only; choose a model of yours.")
        return
    name = st.text_input(
        "Folder or hub id",
        key="pilot_student_name",
        placeholder="HuggingFaceTB/SmolLM2-135M or /models/student",
        help="A folder with config.json, *.safetensors and tokenizer.json, or the id of a model on the hub.",
        **KEEP,
    )
    if name.strip() == SANDBOX or not name.strip():
        asked.wait_for("Student: name a folder or a hub id like HuggingFaceTB/SmolLM2-135M.", complete=True)
    else:
        asked.raw["student"] = name.strip()


def _grid(asked: Asked) -> None:
    names = {label: strategy for strategy, label in words.STRATEGIES.items()}
    picked = st.pills(
        "Strategies",
        list(names),
        selection_mode="multi",
        default=[label for label, strategy in names.items() if strategy in MADE_FROM_SEEDS],
        key="pilot_strategies",
        help="\n".join(f"- {words.STRATEGIES[s]}: {said}" for s, said in words.WHAT_IS_ASKED.items()),
        **KEEP,
    )
    if words.STRATEGIES[Strategy.REAL_QUESTION] in picked:
        inputs_form.section(asked, "pilot")
    proposed = target_form.section(asked, [names[name] for name in picked])
    if proposed is None:
        budgets, sizes = _typed(asked)
    else:
        budgets, sizes = list(proposed.budgets), list(proposed.seed_sizes)
    again, teacher = st.columns(2)
    asked.raw["grid"] = {
        "strategies": [names[name].value for name in picked],
        "budgets": budgets,
        "seed_sizes": sizes,
        "replicates": count(again, "Replicates", "pilot_replicates", 2, 1, 10, "Each cell trained with so many seeds."),
        "adaptive": asked.raw.pop("adaptive"),
    }
    asked.raw.setdefault("test", {})["teacher_items"] = count(
        teacher, "Test items for the teacher", "pilot_teacher_items", 100, 0, help="Each is a paid query; 0 for none."
    )


def _typed(asked: Asked) -> tuple[list[int], list[int]]:
    """Budgets and seed sizes as the user wants them."""
    left, right = st.columns(2)
    typed = left.text_input(
        "Budgets, in teacher queries",
        "200, 1600",
        key="pilot_budgets",
        help="Numbers with commas between them. A smaller budget reuses what the largest one paid for.",
        **KEEP,
    )
    budgets: list[int] = []
    for part in (part.strip() for part in typed.split(",")):
        try:
            budgets.append(int(part))
        except ValueError:
            said = repr(part) if part else "nothing between two commas" if typed.strip() else "nothing"
            asked.problems.append(f"Budgets: found {said}, expected whole numbers like 200, 1600.")
            asked.complete = False
    sizes = right.text_input(
        "Seed sizes",
        key="pilot_seed_sizes",
        placeholder="all seeds",
        help="How many of the seeds a cell uses; numbers with commas between them.",
        **KEEP,
    )
    return budgets, target_form.sizes(sizes, asked.problems)


def _ceiling(asked: Asked) -> None:
    st.markdown("**The most it may cost**")
    queries, usd = st.columns(2)
    asked.raw["ceiling"] = {
        "queries": queries.number_input(
            "Teacher queries",
            min_value=1,
            value=None,
            step=100,
            key="pilot_ceiling",
            placeholder="needed plus a tenth",
            **KEEP,
        ),
        "usd": money_limit.ask(usd, "Money, $", "pilot_usd", known=money_limit.prices_known(asked.raw), **KEEP),
    }


def _training(asked: Asked) -> None:
    recipe = SANDBOX_RECIPE if asked.raw["student"] == SANDBOX else Recipe()

    def number(column: Any, label: str, default: float, key: str, least: float, **options: Any) -> Any:
        return column.number_input(
            label, min_value=least, value=None, key=f"pilot_{key}", placeholder=f"{default:g}", **options, **KEEP
        )

    left, right = st.columns(2)
    asked.raw["training"] = {
        "epochs": number(left, "Passes over the examples", recipe.epochs, "epochs", 0.1),
        "learning_rate": number(right, "Learning rate", recipe.learning_rate, "learning_rate", 1e-6, format="%.6f"),
        "batch_size": number(left, "Batch size", recipe.batch_size, "batch_size", 1),
        "min_steps": number(right, "Fewest steps", recipe.min_steps, "min_steps", 1),
        "rank": number(left, "LoRA rank", recipe.rank, "rank", 1),
        "max_length": number(right, "Longest example, tokens", recipe.max_length, "max_length", 16),
    }
    longest = number(left, "Longest answer of the student, tokens", 200, "max_new_tokens", 1)
    if longest is not None:
        asked.raw["max_new_tokens"] = longest
