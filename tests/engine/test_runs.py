"""Filing a plan: what it names is copied, what the hub names is left to the hub."""

import pytest

from engine import worker
from engine.plan import check_plan
from engine.records import RunState
from engine.runs import file_pilot, plan_of, summary
from engine.settings import Settings
from engine.store import Store
from tests.pilots import ticket_plan


@pytest.fixture
def store() -> Store:
    return Store(Settings().store_path)


def test_files_are_copied_beside_the_store_and_a_hub_id_stays_a_hub_id(store: Store):
    raw = ticket_plan("http://127.0.0.1:9/v1", "some-org/some-model")  # type: ignore[arg-type]
    plan = plan_of(store.run(file_pilot(check_plan(raw), store)))
    assert plan.student == "some-org/some-model"
    assert plan.seeds.path.startswith(str(store.home))
    assert plan.task.startswith(str(store.home))


def test_the_ceiling_that_was_shown_is_the_ceiling_that_holds(store: Store):
    plan = plan_of(store.run(file_pilot(check_plan({"grid": {"budgets": [20]}}), store)))
    assert plan.ceiling.queries == 160 + 16 + 10


def test_a_student_that_the_hub_does_not_give_ends_the_run_before_anything_is_paid(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    plan = check_plan(
        {
            "student": "some-org/some-model",
            "grid": {"budgets": [4], "replicates": 1, "strategies": ["new_question"]},
            "test": {"count": 20, "teacher_items": 0},
        }
    )
    run_id = file_pilot(plan, store)
    assert worker.run(run_id, store) == RunState.FAILED
    assert "some-org/some-model" in store.run(run_id).message
    assert summary(store, run_id)["queries"]["settled"] == 0, "it was tried before a query was paid"
