"""The places of a batch that the loss is taken from, as a layer of their own sees them: taken out, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable


@dataclass(frozen=True, slots=True)
class Chosen:
    """Places of a batch, as many of each adapter's rows: their values stay one block an adapter."""

    at: torch.Tensor
    """Places in the flattened ids, int64 [adapters * most]: who has fewer than the most has one of them repeated."""
    real: torch.Tensor
    """Which of `at` are no repetition: int64 [places]."""

    def to(self, device: torch.device) -> Chosen:
        """The same on that device."""
        return Chosen(self.at.to(device), self.real.to(device))


def chosen(at: torch.Tensor, adapter: torch.Tensor, adapters: int) -> Chosen:
    """These places, int64 [places], of which each belongs to a row of that adapter, int64 [places] in rising order."""
    counts = torch.bincount(adapter, minlength=adapters)
    most, first = int(counts.max()), counts.cumsum(0) - counts
    real = adapter * most + torch.arange(len(at), device=at.device) - first[adapter]
    # Without targets in this part of its batch an adapter has another one's place, which is not put back.
    repeated = at[first.clamp(max=len(at) - 1)].repeat_interleave(most)
    return Chosen(repeated.index_copy_(0, real, at), real)


def taken(x: torch.Tensor, these: Chosen) -> torch.Tensor:
    """Of x [rows, width, features] those places: [adapters * most, features]."""
    seen: torch.Tensor = _Taken.apply(x, these)  # type: ignore[no-untyped-call]
    return seen


def put(values: torch.Tensor, these: Chosen, shape: torch.Size) -> torch.Tensor:
    """Values [adapters * most, features] at their places, zeros at the others: [rows, width, features]."""
    seen: torch.Tensor = _Put.apply(values, these, shape)  # type: ignore[no-untyped-call]
    return seen


class _Taken(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, these: Chosen) -> torch.Tensor:
        ctx.these, ctx.shape = these, x.shape
        return x.reshape(-1, x.shape[-1]).index_select(0, these.at)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return _spread(outward[0], ctx.these, ctx.shape), None


class _Put(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, these: Chosen, shape: torch.Size) -> torch.Tensor:
        ctx.these = these
        return _spread(values, these, shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        at, real = ctx.these.at, ctx.these.real
        flat = outward[0].reshape(-1, outward[0].shape[-1])
        if len(real) == len(at):
            return flat.index_select(0, at), None, None
        back = flat.new_zeros((len(at), flat.shape[-1]))
        return back.index_copy_(0, real, flat.index_select(0, at[real])), None, None


def _spread(values: torch.Tensor, these: Chosen, shape: torch.Size) -> torch.Tensor:
    spread = values.new_zeros((shape[:-1].numel(), values.shape[-1]))
    if len(these.real) == len(these.at):
        spread.index_copy_(0, these.at, values)
    else:
        spread.index_copy_(0, these.at[these.real], values.index_select(0, these.real))
    return spread.view(*shape[:-1], -1)
