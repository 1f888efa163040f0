"""The places of a batch that the loss is taken from, as a layer of their own sees them: taken out, and put back."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Chosen:
    """Places of a batch, as many of each adapter's rows: their values stay one block an adapter."""

    at: torch.Tensor
    """Places in the flattened ids, int64 [adapters * most]: who has fewer than the most is filled up with
    the first place of its rows."""
    real: torch.Tensor
    """Which of `at` are looked at, the others only fill up: int64 [places]."""

    def to(self, device: torch.device) -> Chosen:
        """The same on that device."""
        return Chosen(self.at.to(device), self.real.to(device))


def chosen(at: torch.Tensor, adapter: torch.Tensor, adapters: int, each: int) -> Chosen:
    """These places, int64 [places], of which each belongs to a row of that adapter, int64 [places] in rising order;
    `each` is how many places of the batch an adapter has."""
    counts = torch.bincount(adapter, minlength=adapters)
    most, first = int(counts.max()), counts.cumsum(0) - counts
    real = adapter * most + torch.arange(len(at), device=at.device) - first[adapter]
    # Filled up with a place of its own: what it computes there is not put back, and meets nobody else's gradient.
    own = torch.arange(adapters, device=at.device) * each
    return Chosen(own.repeat_interleave(most).index_copy_(0, real, at), real)


def taken(x: torch.Tensor, these: Chosen) -> torch.Tensor:
    """Of x [rows, width, features] those places: [adapters * most, features]."""
    return x.reshape(-1, x.shape[-1]).index_select(0, these.at)


def put(values: torch.Tensor, these: Chosen, shape: torch.Size) -> torch.Tensor:
    """Values [adapters * most, features] at their places, zeros at the others: [rows, width, features]."""
    spread = values.new_zeros((shape[:-1].numel(), values.shape[-1]))
    spread = spread.index_copy(0, these.at[these.real], values.index_select(0, these.real))
    return spread.view(*shape[:-1], -1)
