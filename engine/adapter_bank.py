"""LoRA adapters of one base, computed in one pass: rows are grouped by adapter, each group meets its own A and B.

All weights of an adapter lie in one row of one tensor, in peft's shapes (A is [rank, in], B is [out, rank]):
what a step does to every adapter (norm, clipping, Adam) is then a handful of operations, whatever the number
of layers, and an adapter that leaves is a row that leaves. Adapters are held in float32; where the base
computes in another type, a copy in that type is made once a step.

The base is not wrapped: hooks add to what its linear layers give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from transformers.pytorch_utils import Conv1D

from engine.errors import StudentError


class RowsMixedError(StudentError):
    """A layer sees other rows than the batch has (experts see chosen tokens): only one adapter at a time can be
    trained through it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A linear layer of the base that gets an adapter."""

    name: str
    module: nn.Module
    inside: int
    """Features in."""
    outside: int
    """Features out."""
    transposed: bool
    """Whether the base holds its weight as [in, out] (GPT-2): peft's `fan_in_fan_out`."""

    def size(self, rank: int) -> int:
        """Weights of an adapter here."""
        return rank * (self.inside + self.outside)


def sites(model: Any) -> tuple[Site, ...]:
    """All linear layers but the output, in the model's order: what peft calls `all-linear`."""
    output = model.get_output_embeddings()
    found = []
    for name, module in model.named_modules():
        if module is output:
            continue
        if isinstance(module, nn.Linear):
            found.append(Site(name, module, module.in_features, module.out_features, False))
        elif isinstance(module, Conv1D):
            inside, outside = module.weight.shape
            found.append(Site(name, module, inside, outside, True))
    if not found:
        raise StudentError("the student has no linear layer that an adapter could go into")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Dropout:
    """What is dropped in one pass: drawn anew from seed, step and layer, so that it depends neither on the pack
    nor on how often a layer is computed (gradient checkpointing computes it twice)."""

    share: float
    seeds: Sequence[int]
    """One an adapter."""
    step: int
    """Passes since the beginning."""
    shapes: Sequence[tuple[int, int]]
    """Rows and columns of each adapter's own batch, without the pack's padding."""

    def mask(self, site: int, rows: int, width: int, features: int, like: torch.Tensor) -> torch.Tensor:
        """Factors [adapters, rows, width, features]."""
        kept = torch.ones((len(self.seeds), rows, width, features))
        for k, (seed, (own_rows, own_width)) in enumerate(zip(self.seeds, self.shapes, strict=True)):
            generator = torch.Generator().manual_seed(hash((seed, self.step, site)) & (2**63 - 1))
            drawn = torch.rand((own_rows, own_width, features), generator=generator)
            kept[k, :own_rows, :own_width] = (drawn >= self.share) / (1 - self.share)
        return kept.to(like)


class AdapterBank:
    """The adapters that are computed now: `hold` puts them in, `gradients` receives theirs."""

    def __init__(self, model: Any, rank: int, alpha: float) -> None:
        """Hooks into the model, whose own weights take no gradient from then on; `remove` undoes the hooks."""
        self.model = model
        self.rank = rank
        self.scaling = alpha / rank
        self.sites = sites(model)
        self.size = sum(site.size(rank) for site in self.sites)
        """Weights of one adapter."""
        parameter = next(model.parameters())
        self.device: torch.device = parameter.device
        self._dtype: torch.dtype = model.dtype
        self.dropout: Dropout | None = None
        self.shape = (0, 0)
        """Rows and columns of the batch that is computed; the rows are grouped by adapter, as many each."""
        self.count = 0
        for weight in model.parameters():
            weight.requires_grad_(False)
        self._parts: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._handles = [
            site.module.register_forward_hook(self._added(number, site)) for number, site in enumerate(self.sites)
        ]

    def fresh(self, seed: int) -> torch.Tensor:
        """An untrained adapter, float32 [size] on the CPU: drawn as peft draws it after `torch.manual_seed(seed)`."""
        drawn = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for site in self.sites:
                # peft makes two linear layers, which draw their own weights, then draws A again.
                a = nn.Linear(site.inside, self.rank, bias=False).weight
                b = nn.Linear(self.rank, site.outside, bias=False).weight
                nn.init.kaiming_uniform_(a, a=math.sqrt(5))
                drawn += [a.detach().flatten(), torch.zeros_like(b).flatten()]
        return torch.cat(drawn)

    def named(self, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        """One adapter's weights [size] by layer and part (`LAYER.lora_A`, `LAYER.lora_B`), as own copies."""
        named = {}
        for site, (a, b) in zip(self.sites, self._cut(weights.unsqueeze(0)), strict=True):
            named[f"{site.name}.lora_A"] = a.view(self.rank, site.inside).clone()
            named[f"{site.name}.lora_B"] = b.view(site.outside, self.rank).clone()
        return named

    def hold(self, weights: torch.Tensor) -> None:
        """Computes with these adapters, float32 [adapters, size], from now on; they are not copied in float32."""
        self.count = len(weights)
        self.weights = weights
        self._work = weights if self._dtype == torch.float32 else weights.to(self._dtype)
        self.gradients = torch.zeros_like(self._work)
        self._parts = []
        for held, gradient in zip(self._cut(self._work), self._cut(self.gradients), strict=True):
            leaves = tuple(part.detach().requires_grad_() for part in held)
            for leaf, part in zip(leaves, gradient, strict=True):
                leaf.grad = part  # autograd adds to it in place
            self._parts.append((leaves[0], leaves[1]))

    def refresh(self) -> None:
        """After a step: the base's type is made anew, gradients begin at zero."""
        if self._work is not self.weights:
            self._work.copy_(self.weights)
        self.gradients.zero_()

    def remove(self) -> None:
        """Takes the hooks off; the base is as it was."""
        for handle in self._handles:
            handle.remove()

    def _cut(self, flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Views on [adapters, size]: per layer A and B, without the leading dimension where there is one adapter."""
        parts = []
        at = 0
        lead = () if len(flat) == 1 else (len(flat),)
        for site in self.sites:
            middle, end = at + self.rank * site.inside, at + site.size(self.rank)
            a = flat[:, at:middle].view(*lead, self.rank, site.inside)
            b = flat[:, middle:end].view(*lead, site.outside, self.rank)
            parts.append((a, b))
            at = end
        return parts

    def _added(self, number: int, site: Site) -> Any:
        def add(_: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
            if not self.count:
                return output
            a, b = self._parts[number]
            x = given[0]
            rows, width = self.shape
            if self.count > 1 and x.shape[:-1] not in (self.shape, (rows * width,)):
                raise RowsMixedError(
                    f"layer {site.name} sees tokens of shape {list(x.shape[:-1])}, not the batch's {list(self.shape)}"
                )
            if self.dropout is not None:
                x = x * self.dropout.mask(number, rows // self.count, width, site.inside, x).view(x.shape)
            # A view is copied back into what it is a view of, which costs as much as it saves.
            if output._is_view():
                output = output.clone()
            seen: torch.Tensor = _Added.apply(output, x, a, b, self.scaling)  # type: ignore[no-untyped-call]
            return seen

        return add


class _Added(torch.autograd.Function):
    """`output + scaling * x A' B'` in the place of `output`, of one adapter ([rank, in] and [out, rank]) or of several
    ([adapters, rank, in] and [adapters, out, rank]; as many rows of x each).

    A step of a small student waits for memory more than for products: torch's own addition makes a copy of every
    layer's output.
    """

    @staticmethod
    def forward(
        ctx: Any, output: torch.Tensor, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        rows = _by_adapter(x, a)
        inner = rows @ a.mT
        sum_ = _by_adapter(output, b)
        if a.dim() == 2:
            sum_.addmm_(inner, b.t(), alpha=scaling)
        else:
            sum_.baddbmm_(inner, b.mT, alpha=scaling)
        ctx.mark_dirty(output)
        ctx.save_for_backward(x, a, b, inner)
        ctx.scaling = scaling
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, a, b, inner = ctx.saved_tensors
        back = _by_adapter(outward[0], b)
        within = (back @ b).mul_(ctx.scaling)
        of_b = (back.mT @ inner).mul_(ctx.scaling)
        of_a = within.mT @ _by_adapter(x, a)
        of_x = (within @ a).view(x.shape) if ctx.needs_input_grad[1] else None
        return outward[0], of_x, of_a, of_b, None


def _by_adapter(rows: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """Rows [..., features] as the part of one adapter ([rows, features]) or of several (one matrix each) meets them."""
    lead = part.shape[:-2]
    return rows.reshape(*lead, -1, rows.shape[-1])
