"""LoRA adapters of one base, computed in one pass: rows are grouped by adapter, each group meets its own A and B.

All weights of an adapter lie in one row of one tensor, in peft's shapes (A is [rank, in], B is [out, rank]):
what a step does to every adapter (norm, clipping, Adam) is then a handful of operations, whatever the number
of layers, and an adapter that leaves is a row that leaves. Adapters are held in float32; where the base
computes in another type, a copy in that type is made once a step.

The base is not wrapped. Its plain linear layers are computed here together with their adapters; to what other ones
give (of 4 bits, or watched by hooks of somebody else) a hook adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from engine.chosen_places import Chosen
from engine.errors import StudentError
from engine.fused_lora import Base, Part, added, joined


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
        self.places: Chosen | None = None
        """What is looked at of the batch that is computed, as far as nothing else has to be; None for all of it."""
        self.count = 0
        for weight in model.parameters():
            weight.requires_grad_(False)
        self._parts: list[Part] = []
        # What autograd follows where a layer's input takes no gradient, as the first layer's.
        self._anchor = torch.zeros((), device=self.device, requires_grad=True)
        self._ready: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        """Of layers that were computed with another one: what they will be given, and what they give."""
        self._siblings = _siblings(model, self.sites)
        self._bases: dict[int, Base] = {}
        self._handles: list[Any] = []
        for number, site in enumerate(self.sites):
            if _is_plain(site.module):
                weight, bias = cast(nn.Linear, site.module).weight, cast(nn.Linear, site.module).bias
                self._bases[number] = Base(weight.t() if site.transposed else weight, bias)
                site.module.forward = partial(self._joined, number, site.module.forward)
            else:
                self._handles.append(site.module.register_forward_hook(partial(self._added, number)))

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
            self._parts.append(Part(*held, *gradient))

    def refresh(self) -> None:
        """After a step: the base's type is made anew, gradients begin at zero."""
        if self._work is not self.weights:
            self._work.copy_(self.weights)
        self.gradients.zero_()
        self._ready.clear()

    def remove(self) -> None:
        """The base is as it was."""
        for handle in self._handles:
            handle.remove()
        for number in self._bases:
            del self.sites[number].module.forward

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

    def _joined(self, number: int, plain: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Stands in the place of a plain layer's own `forward`."""
        if not self.count or self.dropout is not None:
            return self._added(number, self.sites[number].module, (x,), plain(x))
        asked, output = self._ready.pop(number, (None, None))
        if output is not None and asked is x:
            return output
        self._check(number, x)
        together = self._siblings.get(number, [number])
        bases, parts = [self._bases[one] for one in together], [self._parts[one] for one in together]
        first, *others = joined(self._anchor, x, bases, parts, self.scaling)
        for one, other in zip(together[1:], others, strict=True):
            self._ready[one] = (x, other)
        return first

    def _added(self, number: int, _: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        """A forward hook."""
        if not self.count:
            return output
        x = given[0]
        self._check(number, x)
        if self.dropout is not None:
            rows, width = self.shape
            x = x * self.dropout.mask(number, rows // self.count, width, x.shape[-1], x).view(x.shape)
        # A view is copied back into what it is a view of, which costs as much as it saves.
        if output._is_view():
            output = output.clone()
        return added(self._anchor, output, x, self._parts[number], self.scaling)

    def _check(self, number: int, x: torch.Tensor) -> None:
        rows, width = self.shape
        seen = [self.shape, (rows * width,), *([] if self.places is None else [self.places.at.shape])]
        if self.count > 1 and x.shape[:-1] not in seen:
            raise RowsMixedError(
                f"layer {self.sites[number].name} sees tokens of shape {list(x.shape[:-1])}, "
                f"not the batch's {list(self.shape)}"
            )


@torch.no_grad()
def _siblings(model: Any, found: Sequence[Site]) -> dict[int, list[int]]:
    """Plain layers that are given the same values one right after the other (queries, keys and values), by the first
    of them: seen as the base reads two tokens."""
    plain = {site.module: number for number, site in enumerate(found) if _is_plain(site.module)}
    calls: list[tuple[int, torch.Tensor]] = []
    groups: dict[int, list[int]] = {}

    def note(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        number, x = plain[module], given[0]
        if calls and calls[-1][1] is x and number not in groups:
            groups[calls[-1][0]].append(number)
        else:
            calls.append((number, x))
            groups[number] = [number]

    handles = [module.register_forward_pre_hook(note) for module in plain]
    try:
        model(input_ids=torch.zeros((1, 2), dtype=torch.long, device=next(model.parameters()).device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return groups


def _is_plain(module: nn.Module) -> bool:
    """Whether nobody but torch (or GPT-2's Conv1D) computes this layer, and nobody watches it."""
    watched = module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module)
    return type(module) in (nn.Linear, Conv1D) and not watched
