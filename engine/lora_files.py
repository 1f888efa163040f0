"""One adapter of a bank as a folder in peft's layout, which plain `PeftModel.from_pretrained` reads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors.torch import save_file

from engine.adapter_bank import Site
from engine.domain import Recipe
from engine.job_files import DONE, write_json


def write_adapter(
    adapter: Path,
    named: Mapping[str, torch.Tensor],
    sites: Sequence[Site],
    recipe: Recipe,
    student: str,
    done: Mapping[str, Any],
) -> None:
    """Writes the adapter beside its place, then moves it there whole; `done` goes into `done.json`.

    `named` is what `AdapterBank.named` gives. peft only warns of keys that it does not know, so the names must be
    right: `base_model.model.` before the layer, `.weight` after the part.
    """
    part = adapter.with_name(f"{adapter.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = {f"base_model.model.{name}.weight": tensor.contiguous().cpu() for name, tensor in named.items()}
    save_file(tensors, part / "adapter_model.safetensors", metadata={"format": "pt"})
    LoraConfig(
        base_model_name_or_path=student,
        task_type="CAUSAL_LM",
        inference_mode=True,
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=recipe.dropout,
        target_modules=sorted(site.name for site in sites),
        # peft turns it round for each layer that says otherwise.
        fan_in_fan_out=any(site.transposed for site in sites),
        bias="none",
    ).save_pretrained(str(part))
    write_json(part / DONE, done)
    shutil.rmtree(adapter, ignore_errors=True)
    part.replace(adapter)
