"""The example of every kind of answer, and the lengths that are assumed from it."""

from __future__ import annotations

import pytest

from engine.domain import TaskType
from engine.estimate import prompt_tokens_at_most
from engine.kinds_shown import KINDS
from engine.strategies import answer_request
from engine.tasks import load_task

PRESETS = {
    TaskType.MATH: "math",
    TaskType.MULTIPLE_CHOICE: "multiple_choice",
    TaskType.CODE: "code",
    TaskType.OPEN_ENDED: "open_ended",
}


def test_every_kind_of_answer_has_an_example() -> None:
    assert set(KINDS) == set(TaskType)


@pytest.mark.parametrize("task", PRESETS)
def test_what_is_read_is_the_prompt_that_is_sent(task: TaskType) -> None:
    kind = KINDS[task]
    prompt = prompt_tokens_at_most(answer_request(load_task(PRESETS[task]), kind.question, 0)) / 4
    assert prompt <= kind.read + 5
    assert kind.read <= 1.5 * prompt


@pytest.mark.parametrize("task", KINDS)
def test_what_is_written_is_about_three_times_the_example(task: TaskType) -> None:
    assert KINDS[task].written == pytest.approx(3 * len(KINDS[task].answer) / 4, rel=0.25)
