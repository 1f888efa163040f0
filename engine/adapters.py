"""Adapters on one base in memory: merged into its weights and taken out again, or several in one batch.

Merged, an adapter costs nothing while it answers; taken out, the base is bit for bit what it was, since its weights
come back from a copy (subtracting would drift). In one batch, rows are grouped by adapter and each group meets its
own A and B, which costs time at every layer but fills a batch that one adapter's few items would leave half empty.

Adapters that are more than A and B (DoRA, whole modules, patterns of ranks) are left to peft, on a copy of the base.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from engine.errors import StudentError

WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_MORE = (
    "use_dora",
    "modules_to_save",
    "rank_pattern",
    "alpha_pattern",
    "trainable_token_indices",
    "target_parameters",
    "lora_bias",
    "layer_replication",
    "alora_invocation_tokens",
)
"""Settings of peft that make an adapter more than an A and a B in each layer."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter as its folder holds it."""

    folder: Path
    base: str | None
    """The student that it names as its base; two machines may call one student by two names."""
    parts: dict[str, tuple[torch.Tensor, torch.Tensor]]
    """Of each layer A [rank, in] and B [out, rank], B with its scaling; empty where `plain` is False."""
    plain: bool
    """Whether it is an A and a B in each layer and nothing else."""
    layers: frozenset[str]
    """The layers that it changes by LoRA."""


def read_adapter(model: Any, folder: Path) -> Adapter:
    """The adapter in that folder, in peft's layout; StudentError where it is none, or none for this model."""
    try:
        config = PeftConfig.from_pretrained(str(folder))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StudentError(
            f"adapter {folder} cannot be read: {_first_line(error)}; expected a folder in peft's layout "
            f"(adapter_config.json, {WEIGHTS})"
        ) from error
    _check(model, folder, config, tensors)
    layers = frozenset(name.removeprefix(_PREFIX).partition(".lora_")[0] for name in tensors if ".lora_" in name)
    more = [name for name in _MORE if getattr(config, name, None)]
    names = [name for name in tensors if not name.endswith((".lora_A.weight", ".lora_B.weight"))]
    if not isinstance(config, LoraConfig) or config.bias != "none" or more or names:
        return Adapter(folder, config.base_model_name_or_path, {}, False, layers)
    parts = {}
    for name in tensors:
        layer = name.removesuffix(".lora_A.weight")
        if layer == name:
            continue
        a, b = tensors[name], tensors[f"{layer}.lora_B.weight"]
        rank = math.sqrt(len(a)) if config.use_rslora else len(a)
        parts[layer.removeprefix(_PREFIX)] = (a, b * (config.lora_alpha / rank))
    return Adapter(folder, config.base_model_name_or_path, parts, True, layers)


def _check(model: Any, folder: Path, config: Any, tensors: dict[str, torch.Tensor]) -> None:
    """peft only warns of layers that the student has not: an adapter for another base would quietly do nothing."""
    named = f" (it names {config.base_model_name_or_path} as its base)" if config.base_model_name_or_path else ""
    modules = dict(model.named_modules())
    wrong = []
    layers = 0
    for name, tensor in tensors.items():
        layer, _, part = name.removeprefix(_PREFIX).partition(".lora_")
        if not part:
            continue
        layers += 1
        module = modules.get(layer)
        if part == "A.weight" and f"{name.removesuffix('A.weight')}B.weight" not in tensors:
            wrong.append(f"layer {layer} with an A and no B")
        if module is None:
            wrong.append(f"layer {layer}, which the student has not")
        elif (sizes := _sizes(module)) is not None and part in ("A.weight", "B.weight"):
            here, there = (sizes[0], tensor.shape[1]) if part == "A.weight" else (sizes[1], tensor.shape[0])
            if here != there:
                wrong.append(f"layer {layer} with {there} features, the student's has {here}")
    if wrong or not layers:
        found = f"{wrong[0]}; {len(wrong)} such tensors of {layers}" if wrong else "no LoRA weights"
        raise StudentError(
            f"adapter {folder} does not fit student {model.name_or_path}{named}: it holds {found}; "
            "expected an adapter in peft's layout that was trained on this very student"
        )


def _sizes(module: nn.Module) -> tuple[int, int] | None:
    """Features in and out of a linear layer."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        inside, outside = module.weight.shape
        return inside, outside
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


@contextmanager
def with_adapter(model: Any, adapter: Adapter) -> Iterator[Any]:
    """The model with the adapter in its weights; afterwards it is what it was, bit for bit."""
    if not adapter.plain or _touches_tied(model, adapter):
        yield fused(copy.deepcopy(model), adapter)
        return
    saved = {layer: model.get_submodule(layer).weight.detach().clone() for layer in adapter.parts}
    try:
        yield fused(model, adapter)
    finally:
        with torch.no_grad():
            for layer, weight in saved.items():
                model.get_submodule(layer).weight.copy_(weight)


@torch.no_grad()
def fused(model: Any, adapter: Adapter) -> Any:
    """The model with the adapter in its weights for good."""
    if _touches_tied(model, adapter):
        # Input and output share their weights, the adapter changes one of the two.
        output = model.get_output_embeddings()
        output.weight = nn.Parameter(output.weight.detach().clone(), requires_grad=False)
    if not adapter.plain:
        try:
            return PeftModel.from_pretrained(model, str(adapter.folder)).merge_and_unload().eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise StudentError(
                f"adapter {adapter.folder} does not fit student {model.name_or_path}: {_first_line(error)}; "
                "expected an adapter in peft's layout that was trained on this very student"
            ) from error
    for layer, (a, b) in adapter.parts.items():
        module = model.get_submodule(layer)
        weight = module.weight
        # In float32 whatever the base computes in, then rounded once.
        change = b.to(weight.device, torch.float32) @ a.to(weight.device, torch.float32)
        change = change.t() if isinstance(module, Conv1D) else change
        weight.copy_(weight.float().add_(change))
    return model


def can_mix(model: Any, adapters: Sequence[Adapter | None]) -> bool:
    """Whether these adapters can share a batch: of A and B alone, and none in the output layer, which does not see
    every token."""
    output = model.get_output_embeddings()
    layers = {layer for adapter in adapters if adapter for layer in adapter.parts}
    modules = [model.get_submodule(layer) for layer in layers]
    plain = all(adapter is None or adapter.plain for adapter in adapters)
    return plain and all(module is not output and _sizes(module) is not None for module in modules)


def _touches_tied(model: Any, adapter: Adapter) -> bool:
    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    tied = all(end is not None for end in ends) and ends[0].weight is ends[1].weight
    return tied and any(model.get_submodule(layer) in ends for layer in adapter.layers)


class Mix:
    """Hooks that give each group of rows its own adapter, until `remove`."""

    def __init__(self, model: Any, adapters: Sequence[Adapter | None]) -> None:
        """As many groups as adapters, in their order; None is the base alone. ValueError where they cannot share."""
        if not can_mix(model, adapters):
            raise ValueError("only adapters of A and B alone, none in the output layer, can share a batch")
        self.count = len(adapters)
        self.tokens = 0
        """Of the pass that is computed, padding included: who decodes says so before each pass."""
        layers = dict.fromkeys(layer for adapter in adapters if adapter for layer in adapter.parts)
        self._handles = [
            model.get_submodule(layer).register_forward_hook(self._added(layer, *self._stacked(model, layer, adapters)))
            for layer in layers
        ]

    def before(self, tokens: int) -> None:
        """What `Decoding.before` calls."""
        self.tokens = tokens

    def remove(self) -> None:
        """Takes the hooks off; the base is as it was."""
        for handle in self._handles:
            handle.remove()

    def _stacked(self, model: Any, layer: str, adapters: Sequence[Adapter | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """A [adapters, in, rank] and B [adapters, rank, out], smaller ranks filled up with zeros."""
        module = model.get_submodule(layer)
        sizes = _sizes(module)
        if sizes is None:
            raise ValueError(f"layer {layer} is no linear layer")
        parts = [None if adapter is None else adapter.parts.get(layer) for adapter in adapters]
        rank = max(len(part[0]) for part in parts if part is not None)
        a = module.weight.new_zeros((self.count, sizes[0], rank))
        b = module.weight.new_zeros((self.count, rank, sizes[1]))
        for number, part in enumerate(parts):
            if part is not None:
                a[number, :, : len(part[0])] = part[0].t()
                b[number, : len(part[0])] = part[1].t()
        return a, b

    def _added(self, layer: str, a: torch.Tensor, b: torch.Tensor) -> Any:
        inside, outside = a.shape[1], b.shape[2]

        def add(_: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
            x = given[0]
            if x.numel() != self.tokens * inside:
                raise StudentError(
                    f"layer {layer} sees {x.numel() // inside} tokens of a batch of {self.tokens} (experts do): "
                    "its adapters cannot share a batch"
                )
            inner = torch.bmm(x.reshape(self.count, -1, inside), a)
            return torch.baddbmm(output.reshape(self.count, -1, outside), inner, b).view(output.shape)

        return add
