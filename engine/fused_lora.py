"""Linear layers and their LoRA adapters, computed and differentiated with as few passes over memory as there are
products.

A step of a small student waits for memory more than for arithmetic. So what is added is added by the product that
makes it; layers that are given the same values (queries, keys and values) are computed together, their A's side by side
as one product instead of three thin ones; and the gradients of A and B are added where the optimizer reads them, unseen
by autograd. One adapter that many rows meet goes into a copy of the weights, which is less than adding to every row.
The base is frozen: of its weights no gradient is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

MERGED_FROM = 4
"""Times as many rows as `in out / (in + out)` from which an adapter is merged. From once as many it takes fewer
operations; from four times, the copy is a quarter at most of the rows that are kept for the gradient anyway."""


@dataclass(frozen=True, slots=True)
class Part:
    """The adapters at one layer: of one adapter matrices, of several the same with a leading dimension."""

    a: torch.Tensor
    """[rank, in] or [adapters, rank, in]."""
    b: torch.Tensor
    """[out, rank] or [adapters, out, rank]."""
    a_gradient: torch.Tensor
    """As `a`; added to."""
    b_gradient: torch.Tensor
    """As `b`; added to."""


@dataclass(frozen=True, slots=True)
class Base:
    """A frozen linear layer."""

    weight: torch.Tensor
    """[out, in]."""
    bias: torch.Tensor | None
    """[out]."""


def joined(
    anchor: torch.Tensor, x: torch.Tensor, bases: Sequence[Base], parts: Sequence[Part], scaling: float
) -> tuple[torch.Tensor, ...]:
    """What each of these layers gives for x [..., in]: `x W' + bias + scaling * x A' B'`, [..., out] each.

    Of several adapters each has as many rows of x, one after the other. `anchor` is any tensor that takes a gradient:
    it lets autograd come by where x takes none.
    """
    seen: tuple[torch.Tensor, ...] = _Joined.apply(anchor, x, bases, parts, scaling)  # type: ignore[no-untyped-call]
    return seen


def added(anchor: torch.Tensor, output: torch.Tensor, x: torch.Tensor, part: Part, scaling: float) -> torch.Tensor:
    """`output + scaling * x A' B'` in the place of `output`, for a layer that is computed elsewhere; see `joined`."""
    seen: torch.Tensor = _Added.apply(anchor, output, x, part, scaling)  # type: ignore[no-untyped-call]
    return seen


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, _: torch.Tensor, x: torch.Tensor, bases: Sequence[Base], parts: Sequence[Part], scaling: float
    ) -> tuple[torch.Tensor, ...]:
        a = parts[0].a if len(parts) == 1 else torch.cat([part.a for part in parts], dim=-2)
        ctx.bases, ctx.parts, ctx.scaling = bases, parts, scaling
        if all(_better_merged(x, base, part) for base, part in zip(bases, parts, strict=True)):
            merged = [
                torch.addmm(base.weight, part.b, part.a, alpha=scaling) for base, part in zip(bases, parts, strict=True)
            ]
            ctx.save_for_backward(x, a, None, *merged)
            return tuple(functional.linear(x, whole, base.bias) for whole, base in zip(merged, bases, strict=True))
        inner = _by_adapter(x, a) @ a.mT
        outputs = []
        for base, part, own in zip(bases, parts, _own(inner, parts), strict=True):
            output = functional.linear(x, base.weight, base.bias)
            _add(_by_adapter(output, part.b), own, part.b.mT, scaling)
            outputs.append(output)
        ctx.save_for_backward(x, a, inner)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, a, inner, *merged = ctx.saved_tensors
        parts: Sequence[Part] = ctx.parts
        rows = _by_adapter(x, a)
        backs = [_by_adapter(back, part.b) for back, part in zip(outward, parts, strict=True)]
        within = _of_parts(backs, rows @ a.mT if merged else inner, parts, ctx.scaling)
        _gradients_of_a(within, rows, parts, ctx.scaling)
        if not ctx.needs_input_grad[1]:
            return None, None, None, None, None
        weights = merged or [base.weight for base in ctx.bases]
        flat = [back.reshape(-1, back.shape[-1]) for back in backs]
        of_x = flat[0] @ weights[0]
        for back, weight in zip(flat[1:], weights[1:], strict=True):
            of_x.addmm_(back, weight)
        if not merged:
            _add(_by_adapter(of_x, a), within, a, ctx.scaling)
        return None, of_x.view(x.shape), None, None, None


class _Added(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, _: torch.Tensor, output: torch.Tensor, x: torch.Tensor, part: Part, scaling: float
    ) -> torch.Tensor:
        inner = _by_adapter(x, part.a) @ part.a.mT
        _add(_by_adapter(output, part.b), inner, part.b.mT, scaling)
        ctx.mark_dirty(output)
        ctx.save_for_backward(x, inner)
        ctx.part, ctx.scaling = part, scaling
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, inner = ctx.saved_tensors
        part: Part = ctx.part
        within = _of_parts([_by_adapter(outward[0], part.b)], inner, (part,), ctx.scaling)
        _gradients_of_a(within, _by_adapter(x, part.a), (part,), ctx.scaling)
        of_x = (within @ part.a).mul_(ctx.scaling).view(x.shape) if ctx.needs_input_grad[2] else None
        return None, outward[0], of_x, None, None


def _better_merged(x: torch.Tensor, base: Base, part: Part) -> bool:
    """Never in 16 bits, in which a small change of a weight would be rounded away."""
    outside, inside = base.weight.shape
    rows = x.shape[:-1].numel()
    enough = rows * (inside + outside) >= MERGED_FROM * inside * outside
    return part.a.dim() == 2 and base.weight.dtype == torch.float32 and enough


def _of_parts(
    backs: Sequence[torch.Tensor], inner: torch.Tensor, parts: Sequence[Part], scaling: float
) -> torch.Tensor:
    """Adds the gradients of the B's; the gradient between A and B without the scaling, side by side as `inner` is."""
    for back, own, part in zip(backs, _own(inner, parts), parts, strict=True):
        _add(part.b_gradient, back.mT, own, scaling)
    each = [back @ part.b for back, part in zip(backs, parts, strict=True)]
    return each[0] if len(each) == 1 else torch.cat(each, dim=-1)


def _gradients_of_a(within: torch.Tensor, x: torch.Tensor, parts: Sequence[Part], scaling: float) -> None:
    for part, own in zip(parts, _own(within.mT @ x, parts, dim=-2), strict=True):
        part.a_gradient.add_(own, alpha=scaling)


def _own(together: torch.Tensor, parts: Sequence[Part], dim: int = -1) -> tuple[torch.Tensor, ...]:
    """Of values side by side, each layer's."""
    return torch.split(together, [part.a.shape[-2] for part in parts], dim=dim)


def _add(to: torch.Tensor, left: torch.Tensor, right: torch.Tensor, scaling: float) -> None:
    """`to += scaling * left right`, of matrices or of batches of them."""
    if to.dim() == 2:
        to.addmm_(left, right, alpha=scaling)
    else:
        to.baddbmm_(left, right, alpha=scaling)


def _by_adapter(rows: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Rows [..., features] as the part of one adapter ([rows, features]) or of several (one matrix each) meets them."""
    return rows.reshape(*part.shape[:-2], -1, rows.shape[-1])
