"""What a pilot is said to take before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.estimate import Estimate
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_pilot
from engine.settings import Settings
from engine.store import Store
from engine.worker import run as work
from tests.openai_server import KEY, serving
from tests.pilots import teacher_of, ticket_plan
from tests.voices import TicketReader

PRICES = {"usd_per_million_input": 10.0, "usd_per_million_output": 10.0}
GRID = {"budgets": [20], "replicates": 1, "strategies": ["answer_augmentation", "new_question"]}


def estimated(student: Path, teacher: dict[str, Any] | None = None, **changes: Any) -> Estimate:
    plan = ticket_plan("http://127.0.0.1:9/v1", student, grid=GRID, **changes)
    plan["teacher"] = teacher_of("http://127.0.0.1:9/v1", **PRICES, **(teacher or {}))
    return prepare(check_plan(plan)).estimate


def test_examples_in_prompts_make_every_cost_higher_before_the_start_as_they_do_after_it(student: Path) -> None:
    plain, shown = estimated(student), estimated(student, prompts={"few_shot": 4})
    for name in ("lower_usd", "expected_usd", "upper_usd"):
        assert (getattr(shown, name) or 0) > (getattr(plain, name) or 0) > 0, name
    assert (shown.lower_usd or 0) <= (shown.expected_usd or 0) <= (shown.upper_usd or 0)


def test_what_is_expected_of_prompts_with_examples_is_near_what_was_sent(
    student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDPILOT_TEST_KEY", KEY)
    store = Store(Settings().store_path)
    with serving(TicketReader()) as endpoint:
        plan = ticket_plan(endpoint.base_url, student, grid=GRID, prompts={"few_shot": 4})
        plan["teacher"] = teacher_of(endpoint.base_url, usd_per_million_input=1.0, usd_per_million_output=0.0)
        expected = prepare(check_plan(plan)).estimate
        run_id = file_pilot(check_plan(plan), store)
        assert work(run_id, store) == RunState.DONE
        read = sum(len(one["content"].encode()) for messages in endpoint.seen for one in messages) / 4
    assert 0.7e-6 * read <= (expected.expected_usd or 0) <= 1.4e-6 * read, (read, expected.expected_usd)


def test_limits_a_minute_make_the_time_longer_and_batches_make_it_unknown(student: Path) -> None:
    free = estimated(student)
    slow = estimated(student, {"requests_per_minute": 6})
    fewer = estimated(student, {"tokens_per_minute": 600})
    assert free.seconds is not None
    assert slow.seconds is not None
    assert fewer.seconds is not None
    assert slow.seconds >= 60 * slow.queries / 6 > free.seconds
    assert fewer.seconds > free.seconds
    assert estimated(student, {"batch": True}).seconds is None
