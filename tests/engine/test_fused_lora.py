"""Linear layers with their adapters in one function: values and gradients of the plain sums."""

from __future__ import annotations

import pytest
import torch

from engine.fused_lora import MERGED_FROM, Base, Part, added, joined

INSIDE, RANK, SCALING = 6, 3, 0.5
OUTSIDE = (4, 5)


def parts_of(adapters: int) -> list[Part]:
    lead = () if adapters == 1 else (adapters,)
    shapes = [((*lead, RANK, INSIDE), (*lead, outside, RANK)) for outside in OUTSIDE]
    return [Part(torch.randn(a), torch.randn(b), torch.zeros(a), torch.zeros(b)) for a, b in shapes]


def bases() -> list[Base]:
    return [
        Base(torch.randn(OUTSIDE[0], INSIDE), torch.randn(OUTSIDE[0])),
        Base(torch.randn(OUTSIDE[1], INSIDE), None),
    ]


def plain(x: torch.Tensor, base: Base, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    rows = x.reshape(*a.shape[:-2], -1, INSIDE)
    change = (rows @ a.mT @ b.mT).view(*x.shape[:-1], -1)
    return torch.nn.functional.linear(x, base.weight, base.bias) + SCALING * change


@pytest.mark.parametrize("adapters", [1, 2])
@pytest.mark.parametrize("rows", [2, 40])
def test_layers_given_the_same_values_give_and_learn_what_they_do_one_by_one(adapters: int, rows: int) -> None:
    """Forty rows of one adapter are merged into the weights, two are not."""
    torch.manual_seed(rows + adapters)
    least = MERGED_FROM * INSIDE * OUTSIDE[0] / (INSIDE + OUTSIDE[0])
    assert 2 * 3 < least < 40 * 3
    layers, parts = bases(), parts_of(adapters)
    x = torch.randn((rows, 3, INSIDE), requires_grad=True)
    leaves = [(part.a.clone().requires_grad_(), part.b.clone().requires_grad_()) for part in parts]
    expected = [plain(x, base, a, b) for base, (a, b) in zip(layers, leaves, strict=True)]
    outward = [torch.randn_like(one) for one in expected]
    torch.autograd.backward(expected, outward)
    of_x, x.grad = x.grad, None

    found = joined(torch.zeros((), requires_grad=True), x, layers, parts, SCALING)
    torch.autograd.backward(found, outward)
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, expected, strict=True))
    assert of_x is not None
    assert x.grad is not None
    assert torch.allclose(x.grad, of_x, atol=1e-4)
    for part, (a, b) in zip(parts, leaves, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert torch.allclose(part.a_gradient, a.grad, atol=1e-4)
        assert torch.allclose(part.b_gradient, b.grad, atol=1e-4)


def test_values_that_take_no_gradient_still_teach_the_adapters() -> None:
    torch.manual_seed(0)
    (base, *_), (part, *_) = bases(), parts_of(1)
    (found,) = joined(torch.zeros((), requires_grad=True), torch.randn(2, 3, INSIDE), [base], [part], SCALING)
    found.sum().backward()
    assert part.a_gradient.abs().sum() > 0
    assert part.b_gradient.abs().sum() > 0


def test_what_another_layer_gave_is_added_to_where_it_lies() -> None:
    torch.manual_seed(1)
    (base, *_), (part, *_) = bases(), parts_of(1)
    x = torch.randn((4, INSIDE), requires_grad=True)
    output = torch.nn.functional.linear(x, base.weight, base.bias)
    place = output.data_ptr()
    found = added(torch.zeros((), requires_grad=True), output, x, part, SCALING)
    assert found.data_ptr() == place
    found.sum().backward()
    assert x.grad is not None
    whole = base.weight + SCALING * part.b @ part.a
    assert torch.allclose(found, torch.nn.functional.linear(x, whole, base.bias), atol=1e-5)
    assert torch.allclose(x.grad, whole.sum(0).expand(4, -1), atol=1e-4)


def test_an_adapter_is_never_merged_into_weights_of_16_bits() -> None:
    torch.manual_seed(2)
    weight = torch.full((4, INSIDE), 256.0, dtype=torch.bfloat16)
    a, b = torch.full((RANK, INSIDE), 0.1).bfloat16(), torch.full((4, RANK), 0.1).bfloat16()
    x = torch.zeros((64, INSIDE), dtype=torch.bfloat16)
    x[:, 0], x[:, 1] = 1, -1  # what the base gives is zero, so that what the adapter adds is not rounded away
    a[:, 1] = 0
    part = Part(a, b, torch.zeros_like(a), torch.zeros_like(b))
    (found,) = joined(torch.zeros((), requires_grad=True), x, [Base(weight, None)], [part], SCALING)
    assert found.min().item() == pytest.approx(SCALING * RANK * 0.01, rel=0.02)
