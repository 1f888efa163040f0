"""From the advice to a pilot: the situation that was advised about, poured into the form of a new pilot.

The advice's address is the situation; a link with the same words after `/pilot?from=advice&` fills the form. What the
form does not ask for in these words (the strength of who writes questions) is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from engine.domain import Strategy, TaskType
from pages.shared import (
    budget,
    drafts,
    examples_form,
    pilot_examples,
    pilot_form,
    target_form,
    task_form,
    teacher_form,
    teachers,
    words,
)

CAME = "advice_came"
"""In the session: what the advice was about, in words, and its address."""
STARTS = {
    TaskType.MULTIPLE_CHOICE: "Multiple choice",
    TaskType.TEXT_TO_SQL: "Database query (SQL)",
    TaskType.OPEN_ENDED: "Free text, scored by a judge",
    TaskType.CODE: "Code with unit tests",
}


def pour() -> None:
    """To be called before the inputs are drawn: fills them where the address comes from the advice."""
    asked = st.query_params.to_dict()
    if asked.pop("from", None) != "advice":
        return
    st.query_params.clear()
    drafts.clear()
    filled = values(asked)
    files = examples_form.handed()
    filled |= _files(files, filled)
    st.session_state.update(filled)
    st.session_state[CAME] = {"address": asked, "said": ", ".join(_said(asked)), "file": "file" in files}


def told() -> None:
    """Says above the form where it was filled from."""
    came: Mapping[str, Any] | None = st.session_state.get(CAME)
    if came is None:
        return
    said = f" ({words.plain(came['said'])})" if came["said"] else ""
    practice = st.session_state.get("pilot_source") == pilot_examples.SANDBOX_SEEDS
    todo = (
        "On the sandbox for practice, without a key"
        if practice
        else "Your examples came along"
        if came.get("file")
        else "Add your examples"
    )
    st.info(f"Filled from your advice{said}. {todo}; change what you like.", icon=":material/signpost:")
    if not practice and not came.get("file"):
        st.button(
            "No file at hand: practise on the sandbox", key="pilot_practise", icon=":material/science:",
            on_click=practise, help="Its seeds, teacher and student come with SeedPilot: no key, no GPU, no cost.",
        )  # fmt: skip
    st.page_link(
        "pages/decide/recommend.py", label="The advice", icon=":material/signpost:", query_params=came["address"]
    )


def practise() -> None:
    """All three parts at once: the sandbox's examples with a teacher and a student still to be named lead nowhere."""
    st.session_state.update(
        pilot_source=pilot_examples.SANDBOX_SEEDS,
        pilot_teacher=teacher_form.SANDBOX_TEACHER,
        pilot_student=pilot_form.SANDBOX_STUDENT,
        # Its queries cost nothing, so that no money can be turned into them; without a budget the small grid is taken.
        target_unit=target_form.QUERIES,
        target_queries=None,
        target_seeds=None,
    )


def values(asked: Mapping[str, str]) -> dict[str, Any]:
    """The form's inputs for an address of the advice; what is missing or unreadable in it is left alone."""
    found: dict[str, Any] = {"pilot_source": pilot_examples.OWN}
    task = next((task for task, label in words.TASKS.items() if label == asked.get("task")), TaskType.MATH)
    if task is TaskType.MATH:
        found["pilot_task"] = pilot_examples.MATHS
    else:
        found |= {"pilot_task": pilot_examples.OWN_TASK, "task_start": STARTS.get(task, task_form.PROPOSED)}
    if _in_money(asked):
        found |= {"target_unit": target_form.MONEY, "target_usd": _number(asked, "usd", 50.0)}
    else:
        found |= {"target_unit": target_form.QUERIES, "target_queries": _whole(asked, "queries", 3000)}
    found["target_seeds"] = max(1, (_whole(asked, "seeds", 100) or 100) - (_whole(asked, "test_items") or 0))
    found |= _teacher(asked)
    student = asked.get("student", "").strip()
    found["pilot_student"] = pilot_form.OWN_STUDENT
    if student:
        found["pilot_student_name"] = student
    if (items := _whole(asked, "test_items")) is not None:
        found["pilot_holdout"] = items
    if _whole(asked, "unlabelled"):
        found["pilot_strategies"] = [
            label for s, label in words.STRATEGIES.items() if s in (*pilot_form.MADE_FROM_SEEDS, Strategy.REAL_QUESTION)
        ]
    return {name: value for name, value in found.items() if value is not None}


def _files(handed: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    """The files that were given on the advice page, and their columns as they were chosen there."""
    found: dict[str, Any] = {}
    if isinstance(file := handed.get("file"), Path):
        found[f"{pilot_examples.FILE}_path"] = file
        columns: Mapping[str, str] = handed["columns"]
        if filled["pilot_task"] == pilot_examples.MATHS:
            # As `columns_form` names them for the task "math", which has no file.
            found |= {f"{pilot_examples.FILE}_{part}_{file.parent.name}_": name for part, name in columns.items()}
        else:
            found |= task_form.columns_chosen(file, str(filled["task_start"]), columns)
    if isinstance(handed.get("inputs"), Path):
        found["pilot_inputs_path"] = handed["inputs"]
    return found


def _teacher(asked: Mapping[str, str]) -> dict[str, Any]:
    """Examples of one's own are for a model of one's own; what the advice's field shows until another is named stands
    here too."""
    name = asked.get("teacher1", teachers.EXAMPLE if _in_money(asked) else "").strip()
    prices = {f"pilot_{key}": _number(asked, key) for key in ("usd_in", "usd_out")}
    return {"pilot_teacher": teacher_form.ENDPOINT, "pilot_model": name, **prices}


def _said(asked: Mapping[str, str]) -> list[str]:
    """What the address says, in words."""
    money = _in_money(asked)
    parts = [asked.get("task", words.TASKS[TaskType.MATH])]
    parts.append(f"{_whole(asked, 'seeds', 100):,} labelled examples")
    parts.append(f"${_number(asked, 'usd', 50.0):,.0f}" if money else f"{_whole(asked, 'queries', 3000):,} queries")
    return parts


def _in_money(asked: Mapping[str, str]) -> bool:
    """What stands at its default is not in the address."""
    return asked.get("budget", budget.MONEY) == budget.MONEY


def _number(asked: Mapping[str, str], name: str, otherwise: float | None = None) -> float | None:
    try:
        found = float(asked[name])
    except (KeyError, ValueError):
        return otherwise
    return found if found > 0 else otherwise


def _whole(asked: Mapping[str, str], name: str, otherwise: int | None = None) -> int | None:
    found = _number(asked, name)
    return otherwise if found is None else max(1, int(found))
