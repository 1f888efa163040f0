"""Adapters merged and taken out, or several in one batch, answer as peft's own wrapper does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from engine import decoding
from engine.adapters import Mix, can_mix, read_adapter, with_adapter
from engine.domain import Message
from engine.errors import StudentError
from engine.inference import adapted, answer, replies_each
from engine.loading import load, prompt_ids
from tests.small_students import FAMILIES, build_tiny_student

torch.set_num_threads(1)

ASKED = [(Message("user", "x" * n + f" what is {n}?"),) for n in (30, 3, 17, 1, 22, 12)]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", family=request.param, context=160)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", context=160)


def make_adapter(student: Path, out: Path, seed: int, **settings: Any) -> Path:
    """A random adapter that changes what the student says."""
    torch.manual_seed(seed)
    given: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | settings
    model = get_peft_model(load(str(student)).model, LoraConfig(task_type="CAUSAL_LM", **given))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
    model.save_pretrained(str(out))
    return out


def by_peft(student: Path, adapter: Path | None, asked: Sequence[Any], tokens: int) -> list[str]:
    """One by one through peft's wrapper, nothing merged."""
    loaded = load(str(student))
    model = loaded.model if adapter is None else PeftModel.from_pretrained(loaded.model, str(adapter)).eval()
    texts = []
    for question in asked:
        ids = torch.tensor([prompt_ids(loaded.tokenizer, question)])
        out = model.generate(input_ids=ids, do_sample=False, max_new_tokens=tokens, pad_token_id=0)
        texts.append(loaded.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip())
    return texts


def test_merged_in_turn_or_in_one_batch_they_say_what_peft_says(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MOST_ROWS", 9)
    adapters = [make_adapter(folder, tmp_path / "one", 1), None, make_adapter(folder, tmp_path / "two", 2, r=6)]
    expected = [by_peft(folder, one, ASKED, 12) for one in adapters]
    assert expected[0] != expected[1] != expected[2]
    student = load(str(folder))
    before = {name: weight.clone() for name, weight in student.model.named_parameters()}
    for mixed in (False, True):
        found = replies_each(student, adapters, ASKED, 12, mixed=mixed)
        assert [list(one.texts) for one in found] == expected
        assert all(torch.equal(weight, before[name]) for name, weight in student.model.named_parameters())


def test_an_adapter_of_tied_embeddings_changes_one_of_the_two(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "one", 1, target_modules=["lm_head", "q_proj"])
    student = load(str(tiny))
    plain = answer(student, ASKED, 12)
    assert list(replies_each(student, [adapter], ASKED, 12)[0].texts) == by_peft(tiny, adapter, ASKED, 12)
    assert answer(student, ASKED, 12) == plain


def test_the_base_is_what_it_was_in_bf16_too_and_after_an_error(tiny: Path, tmp_path: Path) -> None:
    student = load(str(tiny))
    student.model.to(torch.bfloat16)
    before = {name: weight.clone() for name, weight in student.model.named_parameters()}
    adapter = make_adapter(tiny, tmp_path / "one", 1)

    def fail_midway() -> None:
        with adapted(student, adapter) as changed:
            name = "model.layers.0.mlp.up_proj"
            assert not torch.equal(changed.model.get_submodule(name).weight, before[f"{name}.weight"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert all(torch.equal(weight, before[name]) for name, weight in student.model.named_parameters())


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"rank_pattern": {"q_proj": 2}},
        {"alpha_pattern": {"q_proj": 32}},
        {"modules_to_save": ["norm"]},
        {"target_modules": ["embed_tokens", "q_proj"]},
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_is_more_than_a_and_b_goes_through_peft_and_leaves_the_base(
    tiny: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    adapter = make_adapter(tiny, tmp_path / "one", 1, **settings)
    expected = by_peft(tiny, adapter, ASKED, 12)
    student = load(str(tiny))
    plain = answer(student, ASKED, 12)
    assert list(replies_each(student, [adapter, None], ASKED, 12)[0].texts) == expected
    assert answer(student, ASKED, 12) == plain
    assert list(answer(load(str(tiny), adapter), ASKED, 12)) == expected


@pytest.mark.parametrize(
    "settings", [{"use_rslora": True}, {"target_modules": ["q_proj", "down_proj"], "lora_alpha": 3}]
)
def test_scaling_and_layers_are_read_from_the_adapter(tiny: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    adapters = [make_adapter(tiny, tmp_path / "one", 1, **settings), make_adapter(tiny, tmp_path / "two", 2)]
    expected = [by_peft(tiny, one, ASKED, 12) for one in adapters]
    for mixed in (False, True):
        found = replies_each(load(str(tiny)), adapters, ASKED, 12, mixed=mixed)
        assert [list(one.texts) for one in found] == expected


def test_an_adapter_in_the_output_layer_shares_no_batch(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "one", 1, target_modules=["gate_proj"])
    model = load(str(tiny)).model
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    read = read_adapter(model, adapter)
    assert can_mix(model, [read])
    read.parts["lm_head"] = (torch.zeros(4, 32), torch.zeros(model.config.vocab_size, 4))
    assert not can_mix(model, [read])
    with pytest.raises(ValueError, match="none in the output layer"):
        Mix(model, [read])


def test_layers_that_see_chosen_tokens_refuse_a_shared_batch(tiny: Path, tmp_path: Path) -> None:
    class EverySecond(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            out = torch.zeros_like(hidden)
            out[:, ::2] = self.inner(hidden[:, ::2])
            return out

    student = load(str(tiny))
    read = read_adapter(student.model, make_adapter(tiny, tmp_path / "one", 1, target_modules=["up_proj"]))
    mix = Mix(student.model, [read, None])
    for layer in student.model.model.layers:
        layer.mlp = EverySecond(layer.mlp)
    mix.before(8)
    with pytest.raises(StudentError, match="cannot share a batch"):
        student.model(torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4]]))
    mix.remove()


def test_an_adapter_for_another_base_is_refused_by_its_layers(tiny: Path, tmp_path: Path) -> None:
    other = build_tiny_student(tmp_path / "gpt2", family="gpt2", context=160)
    adapter = make_adapter(other, tmp_path / "one", 1)
    with pytest.raises(StudentError, match=r"does not fit .* holds layer transformer\.h\.0.*which the student"):
        load(str(tiny), adapter)


def test_an_adapter_for_a_wider_base_is_refused_by_its_features(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "one", 1)
    student = load(str(tiny))
    student.model.model.layers[0].mlp.up_proj = torch.nn.Linear(48, 64, bias=False)
    with pytest.raises(StudentError, match=r"mlp\.up_proj with 32 features, the student's has 48"):
        read_adapter(student.model, adapter)


def test_a_folder_that_is_no_adapter_or_half_of_one_is_one_message(tiny: Path, tmp_path: Path) -> None:
    model = load(str(tiny)).model
    with pytest.raises(StudentError, match="cannot be read"):
        read_adapter(model, tmp_path)
    adapter = make_adapter(tiny, tmp_path / "one", 1)
    (adapter / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(StudentError, match="cannot be read"):
        read_adapter(model, adapter)


def test_one_base_serves_adapters_in_turn(tiny: Path, tmp_path: Path) -> None:
    student = load(str(tiny))
    adapters = [make_adapter(tiny, tmp_path / str(n), n) for n in range(3)]
    read = [read_adapter(student.model, one) for one in adapters]
    for one in (*read, *read[::-1]):
        with with_adapter(student.model, one) as model:
            assert model is student.model
    found = []
    for one in adapters:
        with adapted(student, one) as changed:
            found.append(answer(changed, ASKED, 12))
    assert found == [answer(load(str(tiny), one), ASKED, 12) for one in adapters]
