"""A student's size is counted from its config, and one that a machine cannot hold is refused with what would fit."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    MixtralConfig,
    OPTConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from engine import estimate, full_prepare, loading, prepare
from engine.domain import Recipe
from engine.errors import InputError, StudentError
from engine.machine_fit import Machine, fit, largest, note, problem, this_machine, too_large
from engine.plan import PilotPlan, check_plan
from engine.student import check_student
from engine.student_shape import Shape, shape_of
from tests.small_students import FAMILIES, build_tiny_student

LLAMA_70B = LlamaConfig(
    hidden_size=8192,
    intermediate_size=28672,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
    vocab_size=128256,
    max_position_embeddings=8192,
    tie_word_embeddings=False,
)
QWEN_HALF = Qwen2Config(
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    vocab_size=151936,
    tie_word_embeddings=True,
)
CPU_16 = Machine("cpu", 16 * 10**9, 12 * 10**9)
GPU_24 = Machine("cuda", 24 * 10**9, 23 * 10**9)


def shape(config: PreTrainedConfig) -> Shape:
    found = shape_of(json.loads(config.to_json_string()))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "config",
    [LLAMA_70B, QWEN_HALF, GPT2Config(), Gemma2Config(), OPTConfig(), Qwen3Config(), MixtralConfig()],
    ids=lambda config: config.model_type,
)
def test_parameters_are_counted_to_a_hundredth_without_allocating_them(config: PreTrainedConfig) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert shape(config).parameters == pytest.approx(sum(p.numel() for p in model.parameters()), rel=0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_tiny_students_of_every_family_have_a_shape(family: str, tmp_path: Path) -> None:
    info = check_student(str(build_tiny_student(tmp_path / "tiny", family=family)))
    assert info.shape is not None
    assert info.parameters is not None
    # With 16 features, norms and biases are no longer small.
    assert info.shape.parameters == pytest.approx(info.parameters, rel=0.2)


def test_a_config_without_shapes_is_unknown_not_zero() -> None:
    assert shape_of({"model_type": "rwkv"}) is None
    assert shape_of({}) is None


def test_half_a_billion_fits_and_seventy_do_not_and_what_would_is_told() -> None:
    assert problem("half", shape(QWEN_HALF), Recipe(), 32768, 200, CPU_16) is None
    said = problem("big", shape(LLAMA_70B), Recipe(), 8192, 200, CPU_16)
    assert said is not None
    assert "70.6 billion parameters need" in said
    assert "282.2 GB for the weights" in said, "four bytes each on a CPU"
    assert "this machine has 14.4 GB to use (16.0 GB in all)" in said
    assert "choose a student of up to about" in said
    on_gpu = problem("big", shape(LLAMA_70B), Recipe(), 8192, 200, GPU_24)
    assert on_gpu is not None
    assert "141.1 GB for the weights" in on_gpu


def test_what_is_named_as_fitting_fits() -> None:
    whole = shape(LLAMA_70B)
    most = largest(whole, Recipe(), 8192, 200, GPU_24)
    assert 3e9 < most < 12e9
    assert too_large("big", whole, GPU_24) is not None
    assert too_large("half", shape(QWEN_HALF), GPU_24) is None


def test_a_smaller_recipe_is_named_where_it_is_enough() -> None:
    wide = shape(QWEN_HALF)
    long = Recipe(max_length=16384)
    least = fit(wide, Recipe(max_length=256, gradient_checkpointing=True), 32768, 200, CPU_16).least_bytes
    answering = fit(wide, long, 32768, 200, CPU_16).answering_bytes
    tight = Machine("cpu", int(1.2 * max(least, answering)), 0)
    said = problem("half", wide, long, 32768, 200, tight)
    assert said is not None
    assert "training.max_length = 256" in said


def test_a_batch_that_is_too_large_is_a_note_not_a_refusal() -> None:
    found = fit(shape(QWEN_HALF), Recipe(batch_size=128), 32768, 200, CPU_16)
    assert found.fits
    said = note(found, Recipe(batch_size=128))
    assert said is not None
    assert "batches are computed in parts where memory ends" in said
    small = fit(shape(QWEN_HALF), Recipe(batch_size=1, max_length=64), 32768, 200, CPU_16)
    assert note(small, Recipe()) is None


def test_less_is_counted_where_less_is_kept() -> None:
    def training(**changes: Any) -> int:
        return fit(shape(QWEN_HALF), Recipe(**changes), 32768, 200, GPU_24).training_bytes

    assert training(gradient_checkpointing=True) < training()
    assert training(gradient_accumulation=4) < training()
    assert training(four_bit=True) < training()
    assert training(max_length=256) < training()


def test_a_base_in_four_bits_that_is_only_trained_need_not_fit_whole() -> None:
    seven = replace(shape(LLAMA_70B), layers=8, linear=7 * 10**9, parameters=8 * 10**9)
    four = Recipe(four_bit=True, gradient_checkpointing=True)
    assert problem("seven", seven, four, 8192, None, GPU_24) is None
    said = problem("seven", seven, four, 8192, 200, GPU_24)
    assert said is not None, "answers come from all of its weights"
    assert problem("big", shape(LLAMA_70B), four, 8192, None, GPU_24) is not None


def test_this_machine_has_memory() -> None:
    here = this_machine()
    assert 0 < here.usable < here.total_bytes


def of_70b(folder: Path) -> Path:
    """Looks like a student of 70 billion parameters, and holds none."""
    folder.mkdir()
    config = json.loads(LLAMA_70B.to_json_string()) | {"architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"weights": {"dtype": "F32", "shape": [8192, 8192], "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder


def test_a_plan_with_a_student_too_large_is_refused_before_anything_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "this_machine", lambda: CPU_16)
    with pytest.raises(InputError, match=r"70\.6 billion parameters need .* choose a student of up to about"):
        prepare.prepare(check_plan({"student": str(of_70b(tmp_path / "big"))}))


def full_plan(student: Path, folder: Path, *, train: bool, **training: Any) -> PilotPlan:
    """A full run's plan on the sandbox's own teacher and questions."""
    full = {"spending": {"new_question": 20}, "folder": str(folder / "data"), "train": train}
    return check_plan({"student": str(student), "full": full, "training": training})


def test_a_full_run_that_trains_a_student_too_large_is_refused_before_anything_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_prepare, "this_machine", lambda: CPU_16)
    big = of_70b(tmp_path / "big")
    with pytest.raises(InputError, match=r"70\.6 billion parameters need .* choose a student of up to about"):
        full_prepare.prepare_full(full_plan(big, tmp_path, train=True))
    # Where the data set alone is wanted, whoever trains on it may do so elsewhere.
    assert full_prepare.prepare_full(full_plan(big, tmp_path, train=False)).tight is None


def test_what_is_tight_for_the_training_of_a_full_run_is_a_warning(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Machine("cpu", 10**9, 10**9)
    for module in (estimate, full_prepare):
        monkeypatch.setattr(module, "this_machine", lambda: small)
    wide = {"batch_size": 256, "max_length": 1024}
    trained = full_prepare.prepare_full(full_plan(student, tmp_path, train=True, **wide))
    assert trained.tight is not None
    assert "batches are computed in parts where memory ends" in trained.tight
    assert trained.tight in trained.prepared.warnings
    untrained = full_prepare.prepare_full(full_plan(student, tmp_path, train=False, **wide))
    assert untrained.tight is None
    assert trained.tight not in untrained.prepared.warnings


def test_a_student_too_large_is_refused_before_its_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "this_machine", lambda: CPU_16)
    with pytest.raises(StudentError, match="choose a student of up to about"):
        loading.load(str(of_70b(tmp_path / "big")))


def test_the_estimate_of_a_plan_says_the_memory() -> None:
    estimate = prepare.prepare(check_plan({})).estimate
    assert estimate.memory is not None
    assert estimate.memory.fits
    assert estimate.memory.parameters == pytest.approx(3e6, rel=3)
    assert estimate.detectable_points > estimate.detectable_items_points > 0
