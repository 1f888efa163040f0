"""What a GPU computes otherwise than a CPU: the base in 16 bits, many more rows at once, a process of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine import pack, pack_steps
from engine.answer_loss import answer_losses
from engine.domain import CellJob, CellResult, Message, Recipe, TrainingExample
from engine.inference import replies_each
from engine.job_files import read_json
from engine.loading import LoadedStudent, load
from engine.settings import Settings
from engine.trainer import LocalTrainer
from engine.training import encode, run_jobs
from tests.small_students import build_tiny_student

pytestmark = pytest.mark.gpu
RECIPE = Recipe(learning_rate=5e-3, batch_size=8, epochs=1, min_steps=60, rank=8, alpha=16, max_length=256)
EXAMPLES = tuple(
    TrainingExample((Message("user", f"Say {said}, number {n}."),), said) for n in range(16) for said in ("yes", "no")
)
ASKED = tuple(example.messages for example in EXAMPLES[:12])


def on_the_gpu(student: Path) -> LoadedStudent:
    loaded = load(str(student))
    assert loaded.device.type == "cuda"
    assert loaded.model.dtype == torch.bfloat16
    return loaded


def job(student: Path, out: Path, number: int) -> CellJob:
    return CellJob(f"cell{number}", str(student), EXAMPLES, RECIPE, number, ASKED, 6, str(out / f"cell{number}"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, CellResult]:
    """Four cells of one pack."""
    told: dict[str, CellResult | Exception] = {}
    jobs = [job(tiny, tmp_path_factory.mktemp("run"), number) for number in range(4)]
    run_jobs(jobs, lambda one, result: told.update({one.key: result}))
    assert all(isinstance(result, CellResult) for result in told.values()), told
    return told  # type: ignore[return-value]


def fitted(loaded: LoadedStudent, members: list[pack_steps.Member]) -> list[pack.Fitted]:
    told: dict[int, object] = {}
    pack.train_pack(loaded, members, lambda one, result: told.update({one: result}))
    assert all(isinstance(result, pack.Fitted) for result in told.values()), told
    return [told[one] for one in range(len(members))]  # type: ignore[misc]


def test_on_a_base_of_16_bits_a_pack_equals_separate_runs_but_for_rounding(tiny: Path) -> None:
    loaded = on_the_gpu(tiny)
    rows = [encode(loaded, example) for example in EXAMPLES]
    members = [pack_steps.Member(rows, RECIPE, seed) for seed in range(3)]
    for member, both in zip(members, fitted(loaded, members), strict=True):
        (alone,) = fitted(loaded, [member])
        apart = [abs(one - other) for one, other in zip(both.losses, alone.losses, strict=True)]
        assert max(apart) < 0.05, "bf16 holds three digits"
        assert both.final_loss < 0.7 * both.losses[0], "and both learn"


def test_an_adapter_that_a_gpu_trained_says_nearly_the_same_in_plain_peft_on_a_cpu(
    tiny: Path, trained: dict[str, CellResult]
) -> None:
    cpu = torch.device("cpu")
    rows = [encode(load(str(tiny)), example) for example in EXAMPLES]
    for result in trained.values():
        assert result.adapter is not None
        assert result.final_loss is not None
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), result.adapter).eval()
        with torch.no_grad():
            losses, counts = answer_losses(plain, rows, cpu)
            with plain.disable_adapter():
                untuned, _ = answer_losses(plain, rows, cpu)
        assert float(losses.sum() / counts.sum()) == pytest.approx(result.final_loss, rel=0.3, abs=0.02)
        assert float(losses.sum()) < 0.7 * float(untuned.sum())


def test_adapters_in_one_batch_answer_on_a_gpu_as_merged_in_turn(tiny: Path, trained: dict[str, CellResult]) -> None:
    loaded = on_the_gpu(tiny)
    adapters = [Path(str(result.adapter)) for result in trained.values()]
    mixed, merged = (replies_each(loaded, adapters, ASKED, 6, mixed=way) for way in (True, False))
    same = [
        one == other for a, b in zip(mixed, merged, strict=True) for one, other in zip(a.texts, b.texts, strict=True)
    ]
    assert sum(same) >= 0.9 * len(same), "roundings of 16 bits may turn a close call"
    assert {text for replies in merged for text in replies.texts} & {"yes", "no"}, "what was trained is said"


def test_each_answer_of_a_large_batch_is_that_of_the_question_alone(tiny: Path, trained: dict[str, CellResult]) -> None:
    loaded = on_the_gpu(tiny)
    adapter = [Path(str(trained["cell0"].adapter))]
    many = tuple((Message("user", f"Say {'yes' if n % 3 else 'no'}, number {n}."),) for n in range(600))
    (together,) = replies_each(loaded, adapter, many, 6)
    alone = [replies_each(loaded, adapter, (one,), 6)[0].texts[0] for one in many[:40]]
    same = [one == other for one, other in zip(together.texts, alone, strict=False)]
    assert sum(same) >= 0.9 * len(same)


def test_cells_run_in_a_process_that_has_the_gpu_and_the_worlds_student_learns_there(tmp_path: Path) -> None:
    student = Settings().data / "sandbox" / "worlds-student"
    told: dict[str, CellResult | Exception] = {}
    jobs = [replace(job(student, tmp_path, number), student=str(student)) for number in range(2)]
    with LocalTrainer(1_350_000) as trainer:
        assert trainer.gpus
        trainer.run(jobs, lambda one, result: told.update({one.key: result}), lambda _: None)
    for one in jobs:
        result, losses = told[one.key], read_json(Path(one.out) / "losses.json")
        assert isinstance(result, CellResult), result
        assert losses is not None
        assert result.final_loss is not None
        assert result.final_loss < 0.5 * losses["losses"][0]
        assert len(result.answers) == len(ASKED)
