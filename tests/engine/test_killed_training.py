"""A training process that the system kills, as it does where memory ends: what it did is gone on with smaller."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.job_files import FEWER, KILLED, LOWERED, read_json
from engine.recipe_sources import Origin, pack_settings
from engine.trainer import MOST_KILLS, LocalTrainer
from engine.trainer_processes import ProcessEndedError
from engine.training import run_jobs
from tests.engine.test_trainer import training
from tests.small_students import build_tiny_student

RECIPE = Recipe(learning_rate=2e-3, batch_size=4, epochs=1, min_steps=800, rank=4, alpha=8, max_length=256)
A_BILLION = 10**9
"""Parameters of a student for which one process is taken."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


def jobs(student: Path, out: Path, count: int, **changes: object) -> list[CellJob]:
    examples = tuple(TrainingExample((Message("user", f"how is {n}"),), "odd" if n % 2 else "even") for n in range(12))
    asked = tuple(example.messages for example in examples[:3])
    recipe = replace(RECIPE, **changes)  # type: ignore[arg-type]
    return [
        CellJob(f"cell{n}", str(student), examples, recipe, n, asked, 4, str(out / f"cell{n}")) for n in range(count)
    ]


class Killer:
    """Kills a process that trains, so many times, each time that a cell has gone on since."""

    def __init__(self, times: int, by: signal.Signals = signal.SIGKILL) -> None:
        self.left, self.by = times, by
        self.victims: set[int] = set()
        self.seen: Mapping[str, float] = {}
        """How far each was as the last one was killed."""
        self.most = 0
        """Processes seen at once since the first was killed."""

    def __call__(self, shares: Mapping[str, float]) -> None:
        alive = training()
        if self.victims:
            self.most = max(self.most, len(alive - self.victims))
        fresh = sorted(alive - self.victims)
        gone_on = shares != self.seen and any(0 < share < 1 for share in shares.values())
        if self.left and fresh and gone_on:
            self.left, self.seen = self.left - 1, dict(shares)
            os.kill(fresh[0], self.by)
            self.victims |= alive


def run(trainer: LocalTrainer, asked: list[CellJob], killer: Killer) -> dict[str, CellResult | Exception]:
    told: dict[str, CellResult | Exception] = {}

    def done(job: CellJob, result: CellResult | Exception) -> None:
        assert job.key not in told, "each is told of once"
        told[job.key] = result

    trainer.run(asked, done, killer)
    return told


def losses(job: CellJob) -> list[float]:
    found = read_json(Path(job.out) / "losses.json")
    assert found is not None
    return list(found["losses"])


def alone(job: CellJob, out: Path) -> list[float]:
    """Its losses where nobody kills anything."""
    one = replace(job, out=str(out / job.key))
    run_jobs([one], lambda *_: None)
    return losses(one)


def test_what_a_killed_process_did_is_gone_on_with_in_fewer_processes(tiny: Path, tmp_path: Path) -> None:
    asked, killer = jobs(tiny, tmp_path / "run", 2), Killer(1)
    with LocalTrainer(40_000) as trainer:
        trainer.processes = 2
        told = run(trainer, asked, killer)
        assert trainer.processes == 1, "the machine has no more memory for what comes later"
    assert killer.left == 0
    assert killer.most == 1
    assert told.keys() == {"cell0", "cell1"}
    assert all(isinstance(result, CellResult) for result in told.values()), told
    for job in asked:
        assert losses(job) == alone(job, tmp_path / "alone"), "the same to the last digit"
    packs = tmp_path / "run" / "packs"
    assert read_json(packs / FEWER) == {"lowered": ["1 process at once instead of 2"]}
    shown = [one.value for one in pack_settings(packs) if one.origin is Origin.LOWERED]
    assert shown == ["1 process at once instead of 2"], "a user sees it among the settings"


def test_in_one_process_a_killed_pack_goes_on_in_halves_with_the_same_losses(tiny: Path, tmp_path: Path) -> None:
    asked, killer = jobs(tiny, tmp_path / "run", 2), Killer(1)
    with LocalTrainer(A_BILLION) as trainer:
        assert trainer.processes == 1
        told = run(trainer, asked, killer)
    assert killer.left == 0
    assert all(isinstance(result, CellResult) for result in told.values()), told
    (pack,) = (tmp_path / "run" / "packs").glob("*/pack.json")
    assert read_json(pack.with_name(KILLED)) == {"times": 1}
    assert read_json(pack.with_name(LOWERED)) == {"lowered": ["1 adapter at once instead of 2 from step 1 on"]}
    for job in asked:
        both = zip(losses(job), alone(job, tmp_path / "alone"), strict=True)
        assert max(abs(one - other) for one, other in both) < 1e-4


def test_one_killed_adapter_goes_on_with_its_batches_in_parts(tiny: Path, tmp_path: Path) -> None:
    (job,), killer = jobs(tiny, tmp_path / "run", 1), Killer(1)
    with LocalTrainer(A_BILLION) as trainer:
        told = run(trainer, [job], killer)
    assert isinstance(told["cell0"], CellResult)
    (lowered,) = (tmp_path / "run" / "packs").glob(f"*/{LOWERED}")
    assert read_json(lowered) == {"lowered": ["batches in 2 parts instead of 1 from step 1 on"]}


@pytest.mark.slow
def test_what_is_killed_again_and_again_is_given_up_and_says_for_what(tiny: Path, tmp_path: Path) -> None:
    asked, killer = jobs(tiny, tmp_path / "run", 1, min_steps=10_000_000), Killer(99)
    with LocalTrainer(A_BILLION) as trainer, pytest.raises(ProcessEndedError, match=r"want of memory.* resume the run"):
        run(trainer, asked, killer)
    assert 99 - killer.left == MOST_KILLS + 1
    assert training() == set()


def test_a_process_that_was_asked_to_end_is_not_begun_again(tiny: Path, tmp_path: Path) -> None:
    asked, killer = jobs(tiny, tmp_path / "run", 1, min_steps=10_000_000), Killer(99, signal.SIGTERM)
    with LocalTrainer(A_BILLION) as trainer, pytest.raises(ProcessEndedError):
        run(trainer, asked, killer)
    assert killer.left == 98
    assert not list((tmp_path / "run" / "packs").glob(f"*/{KILLED}"))
