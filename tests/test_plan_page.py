"""docs/plan.md names every key of a plan with its default, and `plan --example` shows what a plan may hold."""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine.plan import EXAMPLE, ModelPlan, PilotPlan, TeacherPlan, check_plan

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "plan.md").read_text(encoding="utf-8")
TOP = "Top of the file"
AS_TEACHER = ("augmenter", "teachers")
"""Tables that the page describes as being like the teacher's."""


def part_of(annotation: Any) -> type[BaseModel] | None:
    """The table behind an annotation; None where it is a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in typing.get_args(annotation) if (found := part_of(one))), None)


def of_the_models(model: type[BaseModel] = PilotPlan, table: str = TOP) -> Iterator[tuple[str, str, Any]]:
    """(table, key, default) of every key; a required one has PydanticUndefined."""
    for key, field in model.model_fields.items():
        part = part_of(field.annotation)
        if part is None:
            default = field.get_default(call_default_factory=True)
            yield table, key, list(default) if isinstance(default, tuple) else default
        elif key not in AS_TEACHER:
            yield from of_the_models(part, key if table == TOP else f"{table}.{key}")


def of_the_page() -> Iterator[tuple[str, str, Any]]:
    for part in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        title = part.split("\n")[0]
        table = title if title == TOP else title.strip("`[]")
        for key, default in re.findall(r"^\| `(\w+)` \| (.+?) \| .+\|$", part, flags=re.MULTILINE):
            known = {"none": None, "required": PydanticUndefined}
            yield table, key, known[default] if default in known else tomllib.loads(f"it = {default.strip('`')}")["it"]


def test_the_page_names_every_key_with_its_default():
    page, models = list(of_the_page()), list(of_the_models())
    wrong = [
        f"[{table}] {key}: default {default!r}" for table, key, default in models if (table, key, default) not in page
    ]
    gone = [f"[{table}] {key}: {default!r}" for table, key, default in page if (table, key, default) not in models]
    assert not wrong, f"docs/plan.md lacks these lines, or gives another default: {wrong}"
    assert not gone, f"docs/plan.md says this, and no plan has it: {gone}"
    assert len(page) == len({(table, key) for table, key, _ in page}), "a key is named twice"


def test_every_key_has_a_reason():
    for line in re.findall(r"^\| `\w+` .+$", PAGE, flags=re.MULTILINE):
        assert len(line.split(" | ")[2]) > 12, line


def test_the_page_says_which_settings_only_the_teacher_has():
    section = PAGE.split("## `[augmenter]`")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+)` \(", section)) == set(TeacherPlan.model_fields) - set(ModelPlan.model_fields)


@pytest.mark.parametrize("title", ["[augmenter]", "[teachers.small]", "[[variants]]"])
def test_what_the_example_shows_as_a_comment_is_a_plan_too(title: str):
    shown = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", EXAMPLE)
    shown = re.sub(
        r"(?ms)^(path = \"(test|questions).*?|holdout|draw|stratify_by|time_column|shared|map) = [^\n]*\n", "", shown
    )
    raw = tomllib.loads(shown)
    wanted = {name: raw[name] for name in ("grid", "variants", "teachers", "augmenter", "prompts", "ceiling")}
    wanted["ceiling"].pop("usd")  # it would need the prices of them all
    plan = check_plan(wanted)
    assert title in shown
    assert {variant.name for variant in plan.variants} >= {"votes", "gold", "lists", "mostly_own", "guided"}
    assert plan.augmenter is not None
    assert set(plan.teachers) == {"small"}
