"""Norms, gates, rotations and the last layer in fewer passes: the same numbers and gradients, nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from engine.answer_loss import collate, token_losses
from engine.chosen_places import chosen, put, taken
from engine.fused_layers import ROTATION, _Gate, _Norm, _Rotation, fused
from engine.loading import load
from engine.training_order import Row
from tests.small_students import build_tiny_student

torch.set_num_threads(1)

ROWS = (Row((5, 9, 4, 7, 8, 3), 4), Row((6, 2, 8), 1), Row((4, 4, 5, 6, 9), 3))


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def test_gradients_of_norm_gate_and_rotation_are_the_slopes_of_their_values() -> None:
    torch.manual_seed(0)
    assert torch.autograd.gradcheck(_Norm.apply, (drawn(2, 3, 8), torch.rand(8, dtype=torch.float64), 1e-6))
    assert torch.autograd.gradcheck(_Gate.apply, (drawn(2, 70, 2), drawn(2, 70, 2)))
    angles = drawn(1, 3, 8).detach(), drawn(1, 3, 8).detach()
    swap = torch.zeros((4, 4), dtype=torch.float64)
    swap[:2, 2:].fill_diagonal_(1)
    swap[2:, :2].fill_diagonal_(-1)
    assert torch.autograd.gradcheck(_Rotation.apply, (drawn(2, 2, 3, 4), *angles, swap))


def losses_and_gradient(folder: Path, *, fast: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The losses on the answers of ROWS, and the gradient of their sum in the words' vectors."""
    model = load(str(folder)).model
    batch = collate(ROWS)
    words = model.get_input_embeddings().weight
    for parameter in model.parameters():
        parameter.requires_grad_(parameter is words)
    if fast:
        with fused(model, lambda: chosen(batch.at, torch.zeros_like(batch.at), 1, batch.ids.numel())):
            losses = token_losses(model, batch)
            losses.sum().backward()  # type: ignore[no-untyped-call]
    else:
        losses = token_losses(model, batch)
        losses.sum().backward()  # type: ignore[no-untyped-call]
    return losses.detach(), words.grad


def test_every_family_has_the_losses_and_gradients_it_has_by_itself(folder: Path) -> None:
    plain, plain_gradient = losses_and_gradient(folder, fast=False)
    fast, fast_gradient = losses_and_gradient(folder, fast=True)
    assert torch.allclose(fast, plain, rtol=1e-5, atol=1e-6)
    assert torch.allclose(fast_gradient, plain_gradient, rtol=1e-4, atol=1e-6 * float(plain_gradient.abs().max()))


def test_the_model_is_as_it_was_afterwards(folder: Path) -> None:
    model = load(str(folder)).model
    rotation = getattr(sys.modules[type(model).__module__], ROTATION, None)
    with fused(model, lambda: None):
        pass
    assert not any("forward" in vars(module) for module in model.modules())
    assert getattr(sys.modules[type(model).__module__], ROTATION, None) is rotation


def test_the_last_layer_of_a_llama_computes_its_mlp_only_where_an_answer_is(tiny: Path) -> None:
    model = load(str(tiny)).model
    batch = collate(ROWS)
    seen: list[int] = []
    for layer in model.model.layers:
        layer.mlp.down_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[:-1].numel()))
    with torch.no_grad(), fused(model, lambda: chosen(batch.at, torch.zeros_like(batch.at), 1, batch.ids.numel())):
        seen.clear()
        token_losses(model, batch)
    assert seen == [*[batch.ids.numel()] * (len(seen) - 1), len(batch.at)]
    assert len(seen) > 1
    assert len(batch.at) < batch.ids.numel()


def test_places_of_several_adapters_are_taken_in_blocks_of_one_size_and_put_back_once() -> None:
    """Three adapters with two, no and one place, two rows of three tokens each."""
    at, adapter = torch.tensor([1, 4, 13]), torch.tensor([0, 0, 2])
    these = chosen(at, adapter, 3, 6)
    assert len(these.at) == 6
    assert these.at[these.real].tolist() == at.tolist()
    x = torch.randn((6, 3, 2), dtype=torch.float64, requires_grad=True)
    seen = put(2 * taken(x, these), these, x.shape)
    expected = torch.zeros_like(x).view(18, 2)
    expected[at] = 2 * x.detach().view(18, 2)[at]
    assert torch.equal(seen, expected.view(6, 3, 2))
    assert torch.autograd.gradcheck(lambda values: put(taken(values, these).square(), these, values.shape), x)


def test_a_model_in_16_bits_is_left_alone(tiny: Path) -> None:
    model = load(str(tiny)).model.to(torch.bfloat16)
    with fused(model, lambda: None):
        assert not any("forward" in vars(module) for module in model.modules())


def test_a_norm_that_counts_its_weight_from_one_is_left_alone(tmp_path: Path) -> None:
    model = load(str(build_tiny_student(tmp_path / "gemma", family="gemma2"))).model
    for name, parameter in model.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(parameter)
    with fused(model, lambda: None):
        replaced = [module for module in model.modules() if "forward" in vars(module)]
    assert not [module for module in replaced if type(module).__name__.endswith("RMSNorm")]
