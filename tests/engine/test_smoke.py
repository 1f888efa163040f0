"""One step of everything is tried before a large or unknown student is trained, and what it took is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine import smoke as module
from engine.domain import CellJob, OnCellDone, OnProgress
from engine.errors import SeedPilotError, StudentError
from engine.machine_fit import Machine, fit
from engine.plan import check_plan
from engine.prepare import Prepared, prepare
from engine.smoke import ANSWERED, job_of, smoke, worth_trying
from engine.trainer import LocalTrainer


@pytest.fixture(scope="module")
def ready() -> Prepared:
    """The sandbox's plan, on a machine that is small enough for its student to matter."""
    found = prepare(check_plan({"max_new_tokens": 32, "training": {"batch_size": 4, "max_length": 200}}))
    assert found.student.shape is not None
    tiny = Machine("cpu", 10**9, 10**9)
    memory = fit(found.student.shape, found.recipe, found.student.context, 32, tiny)
    return replace(found, estimate=replace(found.estimate, memory=memory))


class Broken:
    """A trainer whose memory ends."""

    def run(self, jobs: list[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        on_done(jobs[0], StudentError("student x and a batch of 4 do not fit into this machine's memory"))


def test_a_step_of_the_longest_seeds_and_a_batch_of_the_longest_items(ready: Prepared, tmp_path: Path) -> None:
    job = job_of(ready, tmp_path)
    assert job.recipe.steps(len(job.examples)) == 1
    assert len(job.examples) == job.recipe.batch_size == 4
    longest = max(ready.seeds, key=lambda seed: len(seed.asked + seed.answer))
    assert job.examples[0].completion == longest.answer
    assert len(job.questions) == ANSWERED
    assert max(len(item.asked) for item in ready.test) <= len(job.questions[0][0].content)


def test_it_is_tried_once_and_told(ready: Prepared, tmp_path: Path) -> None:
    with LocalTrainer(1) as trainer:
        found = smoke(ready, trainer, tmp_path, lambda: None)
    assert found is not None
    assert found.step_seconds > 0
    assert found.answer_seconds > 0
    assert "GB were estimated" in found.told
    assert smoke(ready, Broken(), tmp_path, lambda: None) == found, "a resumed run reads what it took"


def test_what_fails_ends_the_run_with_the_cause(ready: Prepared, tmp_path: Path) -> None:
    with pytest.raises(SeedPilotError, match=r"before anything is paid, and failed: student x .* memory"):
        smoke(ready, Broken(), tmp_path, lambda: None)
    assert not (tmp_path / module.FILE).exists()


def test_a_student_that_is_small_beside_the_machine_is_not_tried(ready: Prepared, tmp_path: Path) -> None:
    memory = ready.estimate.memory
    assert memory is not None
    assert worth_trying(memory, 1000)
    large = replace(memory, machine=Machine("cpu", 10**12, 10**12))
    assert not worth_trying(large, 1000)
    assert worth_trying(None, None), "of a student on the hub nothing is known"
    small = replace(ready, estimate=replace(ready.estimate, memory=large))
    assert smoke(small, Broken(), tmp_path, lambda: None) is None
