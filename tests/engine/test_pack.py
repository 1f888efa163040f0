"""Packs against separate runs of a loop over peft: initial weights, losses, who leaves, who fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from engine.adapter_bank import AdapterBank
from engine.domain import Message, Recipe, TrainingExample
from engine.errors import StudentError
from engine.inference import load
from engine.pack import Fitted, Member, train_pack
from engine.training import encode
from engine.training_order import Row
from tests.engine.peft_loop import train_alone
from tests.small_students import FAMILIES, build_tiny_student

torch.set_num_threads(1)

RECIPE = Recipe(learning_rate=2e-3, batch_size=4, epochs=1, min_steps=20, rank=4, alpha=8, max_length=256)
RATES = (5e-4, 1e-3, 2e-3, 4e-3)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", family=request.param)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


def rows_of(student: Path, seed: int, count: int = 24) -> list[Row]:
    """Rows of uneven length, other ones for another seed."""
    loaded = load(str(student))
    asked = [f"{seed} asks {'again and ' * (n * (seed + 3) % 7)}{n}" for n in range(count)]
    examples = [TrainingExample((Message("user", one),), "so " * (n % 5)) for n, one in enumerate(asked)]
    return [encode(loaded, example) for example in examples]


def trained(student: Path, members: Sequence[Member]) -> dict[int, Fitted | StudentError]:
    ended: dict[int, Fitted | StudentError] = {}
    train_pack(load(str(student)), members, lambda one, result: ended.update({one: result}))
    return ended


def fitted(student: Path, members: Sequence[Member]) -> list[Fitted]:
    ended = trained(student, members)
    found = [ended[one] for one in range(len(members))]
    assert all(isinstance(one, Fitted) for one in found), found
    return [one for one in found if isinstance(one, Fitted)]


def peft_weights(wrapped: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix("base_model.model.").removesuffix(".default.weight"): parameter.detach()
        for name, parameter in wrapped.named_parameters()
        if "lora_" in name
    }


def farthest(one: Sequence[float], other: Sequence[float]) -> float:
    assert len(one) == len(other)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_an_untrained_adapter_is_bit_for_bit_what_peft_draws(folder: Path) -> None:
    bank = AdapterBank(load(str(folder)).model, rank=4, alpha=8)
    drawn = bank.named(bank.fresh(5))
    torch.manual_seed(5)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    expected = peft_weights(get_peft_model(load(str(folder)).model, config))
    assert drawn.keys() == expected.keys()
    assert all(torch.equal(drawn[name], expected[name]) for name in drawn)


def test_a_pack_of_one_is_the_loop_over_peft(folder: Path) -> None:
    rows = rows_of(folder, 0)
    (ours,) = fitted(folder, [Member(rows, RECIPE, 7)])
    _, losses = train_alone(load(str(folder)).model, rows, RECIPE, 7)
    assert farthest(ours.losses, losses) < 1e-6 * max(losses)
    assert losses[-1] < losses[0]


def test_four_adapters_with_their_own_rates_and_rows_equal_four_separate_runs(folder: Path) -> None:
    members = [Member(rows_of(folder, n), replace(RECIPE, learning_rate=rate), n) for n, rate in enumerate(RATES)]
    together = fitted(folder, members)
    for member, ours in zip(members, together, strict=True):
        wrapped, losses = train_alone(load(str(folder)).model, member.rows, member.recipe, member.seed)
        assert farthest(ours.losses, losses) < 1e-4
        weights = peft_weights(wrapped)
        assert max(float((ours.weights[name] - weights[name]).abs().max()) for name in weights) < 1e-3
