"""Packs against separate runs of a loop over peft: initial weights, losses, who leaves, who fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional

from engine import pack_steps
from engine.adapter_bank import AdapterBank
from engine.answer_loss import Batch, collate, token_losses
from engine.domain import Message, Recipe, TrainingExample
from engine.errors import StudentError
from engine.loading import LoadedStudent, load
from engine.pack import Fitted, train_pack
from engine.pack_steps import Member
from engine.training import encode
from engine.training_order import Row
from tests.engine.peft_loop import train_alone
from tests.small_students import build_tiny_student

torch.set_num_threads(1)

RECIPE = Recipe(learning_rate=2e-3, batch_size=4, epochs=1, min_steps=20, rank=4, alpha=8, max_length=256)
RATES = (5e-4, 1e-3, 2e-3, 4e-3)


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


def equal(one: Fitted, other: Fitted) -> bool:
    """Bit for bit."""
    same = one.weights.keys() == other.weights.keys() and one.losses == other.losses
    return same and all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_a_loss_that_is_no_number_leaves_the_others_bit_for_bit(folder: Path) -> None:
    members = [Member(rows_of(folder, n), replace(RECIPE, min_steps=12 + n), n) for n in range(4)]
    healthy = trained(folder, members)
    poison = replace(members[1], recipe=replace(members[1].recipe, learning_rate=1e30))
    poisoned = [members[0], poison, *members[2:]]
    ended = trained(folder, poisoned)
    assert isinstance(ended[1], StudentError)
    assert "of 13; choose a learning rate below 1e+30" in str(ended[1])
    for n in (0, 2, 3):
        one, other = ended[n], healthy[n]
        assert isinstance(one, Fitted)
        assert isinstance(other, Fitted)
        assert equal(one, other)


def test_a_pack_in_which_all_fail_ends_at_once(tiny: Path) -> None:
    wild = replace(RECIPE, learning_rate=1e30, min_steps=10_000_000)
    ended = trained(tiny, [Member(rows_of(tiny, n), wild, n) for n in range(2)])
    assert [type(one) for one in ended.values()] == [StudentError, StudentError]


def test_who_has_taken_its_steps_leaves_and_all_equal_their_separate_runs(tiny: Path) -> None:
    counts = {0: 3, 1: 40, 2: 90, 3: 1}  # rows: fewer than a batch, some, most, one
    recipe = replace(RECIPE, min_steps=6)
    members = [Member(rows_of(tiny, n, count), recipe, n) for n, count in counts.items()]
    ended = trained(tiny, members)
    assert list(ended) == [0, 3, 1, 2]
    for one, result in ended.items():
        _, losses = train_alone(load(str(tiny)).model, members[one].rows, recipe, one)
        assert isinstance(result, Fitted)
        assert farthest(result.losses, losses) < 1e-4
        assert len(losses) == members[one].steps


def test_a_batch_in_parts_and_layers_computed_twice_give_the_same_adapter(folder: Path) -> None:
    def of(**settings: object) -> list[Fitted]:
        recipe = replace(RECIPE, min_steps=8, **settings)  # type: ignore[arg-type]
        return fitted(folder, [Member(rows_of(folder, n, 9), recipe, n) for n in range(2)])

    for plain, parts, twice in zip(
        of(), of(gradient_accumulation=3), of(gradient_checkpointing=True, gradient_accumulation=2), strict=True
    ):
        assert farthest(parts.losses, plain.losses) < 1e-4
        assert farthest(twice.losses, plain.losses) < 1e-4


def test_layers_that_are_computed_twice_keep_less_in_memory(tiny: Path) -> None:
    def kept(recipe: Recipe) -> int:
        sizes: list[int] = []
        hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t)
        with hooks:
            fitted(tiny, [Member(rows_of(tiny, 0), replace(recipe, min_steps=6), 0)])
        return sum(sizes)

    assert kept(replace(RECIPE, gradient_checkpointing=True)) < 0.7 * kept(RECIPE)


def test_dropout_is_drawn_for_each_adapter_alone(folder: Path) -> None:
    recipe = replace(RECIPE, dropout=0.3, min_steps=8)
    members = [Member(rows_of(folder, n), recipe, n) for n in range(3)]
    together = fitted(folder, members)
    for member, ours in zip(members, together, strict=True):
        (alone,) = fitted(folder, [member])
        assert farthest(ours.losses, alone.losses) < 1e-4
    (twice,) = fitted(folder, [replace(members[0], recipe=replace(recipe, gradient_checkpointing=True))])
    assert farthest(twice.losses, together[0].losses) < 1e-4
    (none,) = fitted(folder, [replace(members[0], recipe=replace(recipe, dropout=0.0))])
    assert farthest(none.losses, together[0].losses) > 1e-3


def test_the_base_s_own_dropout_does_not_tie_adapters_together(tmp_path: Path) -> None:
    student = build_tiny_student(tmp_path / "tiny", family="gpt2")
    assert load(str(student)).model.config.resid_pdrop > 0
    members = [Member(rows_of(student, n), RECIPE, n) for n in range(2)]
    (alone,) = fitted(student, members[:1])
    assert farthest(fitted(student, members)[0].losses, alone.losses) < 1e-4


def test_memory_that_ends_halves_the_pack_and_loses_no_step(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [Member(rows_of(tiny, n), RECIPE, n) for n in range(4)]
    whole = fitted(tiny, members)
    sizes: list[int] = []

    def narrow(model: object, batch: Batch) -> torch.Tensor:
        rows = len(batch.ids)
        sizes.append(rows)
        if rows > 8 and len(sizes) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return token_losses(model, batch)

    monkeypatch.setattr(pack_steps, "token_losses", narrow)
    halved = fitted(tiny, members)
    assert sizes == [16] * 6 + [8] * 30  # five steps together, then fifteen for each half
    assert all(farthest(a.losses, b.losses) < 1e-4 for a, b in zip(halved, whole, strict=True))


def test_memory_that_does_not_do_for_one_adapter_is_an_error(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(model: object, batch: Batch) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(pack_steps, "token_losses", none)
    with pytest.raises(torch.OutOfMemoryError):
        trained(tiny, [Member(rows_of(tiny, n), RECIPE, n) for n in range(2)])


class EverySecond(torch.nn.Module):
    """What experts do: a linear layer sees chosen tokens only."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(hidden)
        out[:, ::2] = self.inner(hidden[:, ::2])
        return out


def test_a_base_whose_layers_see_chosen_tokens_is_trained_one_adapter_at_a_time(tiny: Path) -> None:
    def base() -> LoadedStudent:
        loaded = load(str(tiny))
        for layer in loaded.model.model.layers:
            layer.mlp = EverySecond(layer.mlp)
        return loaded

    members = [Member(rows_of(tiny, n), RECIPE, n) for n in range(3)]
    ended: dict[int, Fitted | StudentError] = {}
    train_pack(base(), members, lambda one, result: ended.update({one: result}))
    for one, member in enumerate(members):
        result = ended[one]
        assert isinstance(result, Fitted)
        _, losses = train_alone(base().model, member.rows, RECIPE, member.seed)
        assert farthest(result.losses, losses) < 1e-5


def test_a_base_in_bf16_has_adapters_in_fp32_that_learn(folder: Path) -> None:
    loaded = load(str(folder))
    loaded.model.to(torch.bfloat16)
    ended: dict[int, Fitted | StudentError] = {}
    recipe = replace(RECIPE, min_steps=40, learning_rate=1e-2)
    train_pack(loaded, [Member(rows_of(folder, n), recipe, n) for n in range(2)], lambda k, r: ended.update({k: r}))
    exact = fitted(folder, [Member(rows_of(folder, n), recipe, n) for n in range(2)])
    for one, result in ended.items():
        assert isinstance(result, Fitted)
        assert {tensor.dtype for tensor in result.weights.values()} == {torch.float32}
        assert result.losses[0] == pytest.approx(exact[one].losses[0], rel=0.02)
        assert result.final_loss < 0.8 * result.losses[0]


def test_the_base_is_as_it_was_after_training(folder: Path) -> None:
    loaded = load(str(folder))
    ids = torch.tensor([[5, 6, 7, 8]])
    before = loaded.model(ids).logits
    recipe = replace(RECIPE, gradient_checkpointing=True)
    train_pack(loaded, [Member(rows_of(folder, 0), recipe, 0)], lambda one, result: None)
    assert torch.equal(loaded.model(ids).logits, before)


def test_logits_are_made_where_there_is_an_answer_and_nowhere_else_and_say_the_same(folder: Path) -> None:
    student = load(str(folder))
    rows = rows_of(folder, 1, count=6)
    batch = collate(rows)
    made: list[int] = []
    student.model.get_output_embeddings().register_forward_hook(
        lambda _, __, logits: made.append(logits[..., 0].numel())
    )
    with torch.no_grad():
        found = token_losses(student.model, batch)
        everywhere = student.model(input_ids=batch.ids, use_cache=False).logits.flatten(0, 1)[batch.at]
    assert made == [sum(len(row.ids) - row.prompt for row in rows), batch.ids.numel()]
    torch.testing.assert_close(found, functional.cross_entropy(everywhere.float(), batch.targets, reduction="none"))
