"""A pilot in any of the sandbox's worlds, from a plan that names it."""

from __future__ import annotations

from typing import Any

import pytest

from engine import worker
from engine.domain import TaskType
from engine.errors import InputError
from engine.plan import check_plan
from engine.plan_task import name_of, task_of, type_of
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_pilot, situation_of
from engine.sandbox.catalogue import NAMES, world_of
from engine.store import Store
from tests.pilots import QUICK

STRATEGIES = ["new_question", "real_question"]


def plan(world: str = "sql", **changes: Any) -> dict[str, Any]:
    return {
        "student": "sandbox-worlds",
        "max_new_tokens": 60,
        "seeds": {"path": "sandbox", "world": world, "count": 20},
        "test": {"count": 20, "teacher_items": 20},
        "unlabelled": {"path": "sandbox", "count": 20},
        "grid": {
            "budgets": [20],
            "replicates": 1,
            "matched_steps": False,
            "strategies": ["new_question", "real_question"],
        },
        "training": QUICK,
    } | changes


def problems_of(raw: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        prepare(check_plan(raw))
    return str(caught.value)


def test_an_unknown_world_is_an_error_that_names_the_known_ones() -> None:
    said = problems_of(plan("chess"))
    assert "'chess'" in said
    assert all(name in said for name in NAMES)


def test_a_world_brings_its_task_and_takes_the_student_that_reads_it() -> None:
    assert "world 'sql' brings its own" in problems_of(plan(task="text_to_sql"))
    assert 'take "sandbox-worlds"' in problems_of(plan(student="sandbox"))
    assert "only the sandbox has worlds" in problems_of(plan(seeds={"path": "mine.jsonl", "world": "sql"}))
    assert prepare(check_plan(plan("maths", student="sandbox"))).task.name == "math"


@pytest.mark.parametrize("name", NAMES)
def test_every_world_is_prepared_from_its_plan(name: str) -> None:
    found = check_plan(plan(name))
    ready = prepare(found)
    world = world_of(name)
    assert ready.seeds == world.seeds(20)
    assert ready.test == world.test_items(20)
    assert ready.inputs
    assert {one.question for one in ready.inputs} <= {one.question for one in world.inputs(20)}
    assert (task_of(found).name, type_of(found)) == (ready.task.name, ready.task.type)
    assert name_of(found) == ("math" if name == "maths" else f"sandbox {name}")
    assert found.sandbox_parts == ("seeds", "teacher", "student")


@pytest.mark.slow
def test_a_pilot_in_the_sql_world_runs_whole(store: Store) -> None:
    run_id = file_pilot(check_plan(plan()), store)
    assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
    cells = store.cells(run_id)
    measured = {row.cell.arm.value: row.measurement for row in cells}
    assert set(measured) >= {"teacher", "untuned", "seeds_only", "new_question", "real_question"}
    assert all(one is not None and one.scored == 20 for one in measured.values())
    teacher = measured["teacher"]
    assert teacher is not None
    assert teacher.correct >= 17
    assert situation_of(store.run(run_id), cells).task is TaskType.TEXT_TO_SQL
