"""A new plan from an old one: what a run was filed with, poured into the form of a pilot.

The form is a set of inputs with names of their own; the door sets them all, so that nothing typed before stays behind.
What the form has no input for is told, not dropped in silence. A key is never poured: it is in no plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from engine.errors import InputError
from engine.plan import SANDBOX, TEACHER, ModelPlan, PilotPlan, check_plan
from engine.records import FULL, RETRIEVAL, Run
from engine.runs import plan_of
from pages.shared import (
    drafts,
    pilot_examples,
    pilot_form,
    target_form,
    task_form,
    teacher_form,
    uploads,
    variants_form,
    words,
)

CAME = "plan_came_from"
"""Where the form was filled from: the run's name, its plan as plain values, and what was left out once it is known."""
_NO_INPUT = ("full", "retrieval")
"""Tables of a plan that the form does not ask for."""


def pour(run: Run) -> None:
    """Fills the form of a new pilot with that run's plan; InputError where its files are gone."""
    if run.id.startswith((FULL, RETRIEVAL)):
        raise InputError(
            f"{run.id} is no pilot, and this form asks for pilots. Its report holds its plan for the command "
            f"line (`seedpilot report {run.id} --out report.html`)"
        )
    plan = plan_of(run)
    values = _values(plan)
    drafts.clear()
    st.session_state.update(values)
    st.session_state[CAME] = {"name": run.name, "plan": plan.model_dump(mode="json"), "left_out": None}


def anew() -> None:
    """Empties the form. Each input is set: one that is only forgotten keeps in the browser what was typed."""
    drafts.clear()
    st.session_state.update(_values(PilotPlan()) | {"target_recommended": True})


def told(raw: Mapping[str, Any]) -> None:
    """Says above the form where it was filled from, and what of that plan it has no input for."""
    came = st.session_state.get(CAME)
    if came is None:
        return
    if came["left_out"] is None:
        came["left_out"] = _left_out(came["plan"], raw)
    said = f"Filled from the run **{words.plain(came['name'])}**; change what you like, it stays a plan of its own."
    if came["left_out"]:
        listed = ", ".join(f"`{name}`" for name in came["left_out"])
        said += f" Not taken over, since this form has no input for it: {listed}."
    st.info(said, icon=":material/content_copy:")


def _left_out(before: Mapping[str, Any], raw: Mapping[str, Any]) -> list[str]:
    """Settings of the old plan that the form's plan does not hold."""
    try:
        now = check_plan(raw).model_dump(mode="json")
    except InputError:  # the form tells its faults itself; the tables that it never asks for are known all the same
        now = dict(before) | {table: PilotPlan().model_dump(mode="json")[table] for table in _NO_INPUT}
    old, new = _flat(before), _flat(now)
    # Files have other places now, and names of files say nothing of a setting.
    names = [name for name in old if not name.endswith("path") and name not in ("task", "teacher.replies")]
    return sorted(name for name in names if old[name] != new.get(name))


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {name: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= _flat(part, f"{name}.{key}" if name else str(key))
    return found


# --- from a plan to the names of the form's inputs ----------------------------------------------------------


def _values(plan: PilotPlan) -> dict[str, Any]:
    training = plan.training
    known = {label for label, strategy in _strategies().items() if strategy in plan.grid.strategies}
    return {
        **_examples(plan),
        **_model("pilot", plan.teacher),
        "pilot_batch": plan.teacher.batch,
        "pilot_max_answer_tokens": plan.teacher.max_answer_tokens,
        "pilot_augmenter": teacher_form.SAME if plan.augmenter is None else teacher_form.OTHER,
        **({} if plan.augmenter is None else _model("augmenter", plan.augmenter)),
        "pilot_student": pilot_form.SANDBOX_STUDENT if plan.student == SANDBOX else pilot_form.OWN_STUDENT,
        "pilot_student_name": "" if plan.student == SANDBOX else plan.student,
        "pilot_strategies": [label for label in _strategies() if label in known],
        "pilot_budgets": ", ".join(map(str, plan.grid.budgets)),
        "pilot_seed_sizes": ", ".join(map(str, plan.grid.seed_sizes)),
        "pilot_replicates": plan.grid.replicates,
        **_target(plan),
        "pilot_teacher_items": plan.test.teacher_items,
        "pilot_ceiling": plan.ceiling.queries,
        "pilot_usd": plan.ceiling.usd,
        "pilot_name": plan.name,
        **{
            f"pilot_{name}": getattr(training, name)
            for name in ("epochs", "learning_rate", "batch_size", "min_steps", "rank", "max_length")
        },
        "pilot_max_new_tokens": plan.max_new_tokens,
        "prompts_few_shot": plan.prompts.few_shot,
        "prompts_together": plan.prompts.questions_per_call,
        "check_seeds": plan.check.seeds,
        "check_ceiling": plan.check.ceiling_queries,
        **_variants(plan),
        **_inputs(plan),
    }


def _target(plan: PilotPlan) -> dict[str, Any]:
    return {
        "target_unit": target_form.QUERIES,
        "target_queries": plan.target.queries,
        "target_seeds": plan.target.seeds,
        "target_adaptive": plan.grid.adaptive,
        "target_recommended": False,
    }


def _strategies() -> dict[str, Any]:
    return {label: strategy for strategy, label in words.STRATEGIES.items()}


def _inputs(plan: PilotPlan) -> dict[str, Any]:
    part = plan.unlabelled
    if part.path in (None, SANDBOX):
        return {}
    file = _copy(part.path)
    its = _with_neighbours(Path(plan.task)).parent.name if plan.task.endswith(".toml") else ""
    return {
        "pilot_inputs_path": file,
        "pilot_label_shares": part.keep_label_shares,
        **{f"pilot_inputs_{name}_{file.parent.name}_{its}": column for name, column in part.map.items()},
    }


def _examples(plan: PilotPlan) -> dict[str, Any]:
    form = pilot_examples
    if plan.seeds.path == SANDBOX:
        return {
            "pilot_source": form.SANDBOX_SEEDS,
            "pilot_seeds": plan.seeds.count or 100,
            "pilot_test_items": plan.test.count or 300,
        }
    seeds = _copy(plan.seeds.path)
    found: dict[str, Any] = {"pilot_source": form.OWN, "pilot_file_path": seeds}
    of = f"{seeds.parent.name}_"
    if plan.task.endswith(".toml"):
        task = _with_neighbours(Path(plan.task))
        of += task.parent.name
        found |= {"pilot_task": form.TASK_FILE, "pilot_task_file_path": task}
    elif plan.task in task_form.STARTS.values():
        start = next(label for label, name in task_form.STARTS.items() if name == plan.task)
        found |= {"pilot_task": form.OWN_TASK, "task_start": start}
    else:
        found |= {"pilot_task": form.MATHS}
    found |= {f"pilot_file_{part}_{of}": column for part, column in plan.seeds.map.items()}
    return found | _test_items(plan, seeds, of)


def _test_items(plan: PilotPlan, seeds: Path, of: str) -> dict[str, Any]:
    form, test = pilot_examples, plan.test
    if test.path is not None:
        file = _copy(test.path)
        its = of.replace(seeds.parent.name, file.parent.name, 1)
        return {
            "pilot_test_source": form.TEST_FILE,
            "pilot_test_file_path": file,
            "pilot_shared": test.shared == "leave_out",
            **{f"pilot_test_file_{part}_{its}": column for part, column in test.map.items()},
        }
    way = form.ALIKE if test.stratify_by else form.LATEST if test.time_column else form.DRAWN
    column = test.stratify_by or test.time_column
    return {
        "pilot_test_source": form.HOLD_OUT,
        "pilot_holdout": test.holdout,
        "pilot_split": way,
        **({f"pilot_split_{seeds.parent.name}": column} if column else {}),
    }


def _model(prefix: str, model: ModelPlan) -> dict[str, Any]:
    form = teacher_form
    kinds = {"openai_compatible": form.ENDPOINT, "transformers_local": form.LOCAL, "replay": form.REPLAY}
    typed = getattr(model, "key_typed", False)
    found: dict[str, Any] = {
        f"{prefix}_teacher": kinds.get(model.kind, form.SANDBOX_TEACHER),
        f"{prefix}_url": model.base_url or "",
        f"{prefix}_model": (model.model or "") if model.kind == "openai_compatible" else "",
        f"{prefix}_local": (model.model or "") if model.kind == "transformers_local" else "",
        f"{prefix}_key_from": form.KEY_TYPED if typed else form.KEY_ENV if model.key_env else form.NO_KEY,
        f"{prefix}_usd_in": model.usd_per_million_input,
        f"{prefix}_usd_out": model.usd_per_million_output,
        f"{prefix}_concurrency": model.concurrency,
        f"{prefix}_timeout": model.timeout_s,
        f"{prefix}_rpm": model.requests_per_minute,
        f"{prefix}_tpm": model.tokens_per_minute,
        f"{prefix}_reasoning": model.keep_reasoning,
    }
    if model.key_env:
        found[f"{prefix}_key_env"] = model.key_env
    if model.replies:
        found[f"{prefix}_replies_path"] = _copy(model.replies)
    return found


def _variants(plan: PilotPlan) -> dict[str, Any]:
    """The first variant of each kind that the form offers."""
    found: dict[str, Any] = {}
    for variant in reversed(plan.variants):
        if variant.teachers:
            found |= {"variant_teachers": True, "variant_teachers_count": max(1, len(variant.teachers) - 1)}
            further = [name for name in variant.teachers if name != TEACHER][: variants_form.MOST_TEACHERS]
            shares = [variant.teachers.get(TEACHER, 0.0), *(variant.teachers[name] for name in further)]
            found |= {
                f"variant_share_{at}": max(1, min(100, round(100 * share / sum(shares))))
                for at, share in enumerate(shares)
            }
            for at, name in enumerate(further):
                found |= _model(f"teacher_{at + 2}", plan.teachers[name])
        elif variant.votes > 1:
            found |= {"variant_votes": True, "variant_votes_count": variant.votes}
        elif variant.questions_per_call:
            found |= {"variant_together": True, "variant_together_count": variant.questions_per_call}
        elif variant.seed_share is not None:
            found |= {"variant_own_share": True, "variant_own_percent": round(100 * variant.seed_share)}
        elif variant.guided:
            found["variant_guided"] = True
        elif variant.gold:
            found["variant_gold"] = True
    return found


# --- files ------------------------------------------------------------------------------------------------


def _copy(path: str) -> Path:
    """A copy beside the uploads: the run may be deleted while the form is open."""
    file = Path(path)
    # A run's own copies are numbered.
    number, _, rest = file.name.partition("-")
    name = rest if number.isdigit() and rest else file.name
    return uploads.keep({name: _read(file)}) / name


def _with_neighbours(task: Path) -> Path:
    """A task file with the files that it names; they lie beside it."""
    others = [file for file in task.parent.iterdir() if file.is_file() and file.suffix in (".json", ".py")]
    return uploads.keep({file.name: _read(file) for file in (task, *others)}) / task.name


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror}), so no new plan can be made of it; start from a plan file"
        ) from error
