"""A pretraining that can be stopped: everything that it takes to go on as if it had not been."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.errors import InputError


class Checkpoint:
    """Where a stopped pretraining goes on: weights, optimizer, and the state of the draws."""

    def __init__(self, folder: Path, making: Mapping[str, Any]) -> None:
        self.folder, self.making = folder, making

    def restore(self, model: Any, optimizer: torch.optim.Optimizer, rng: random.Random) -> tuple[int, float]:
        """Steps and seconds so far; (0, 0) where nothing was kept. InputError where another student was."""
        state = self.folder / "state.json"
        if not state.is_file():
            return 0, 0.0
        kept = json.loads(state.read_text(encoding="utf-8"))
        if kept["making"] != self.making:
            raise InputError(
                f"{self.folder} holds a student that is made otherwise: found {kept['making']}, expected "
                f"{self.making}; remove that folder, or give another --out"
            )
        tensors = load_file(self.folder / "state.safetensors")
        named = list(model.named_parameters())
        model.load_state_dict({name: tensors[f"weight {name}"] for name, _ in named}, strict=False)
        for name, parameter in named:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(kept["step"])),
                **{part: tensors[f"{part} {name}"] for part in ("exp_avg", "exp_avg_sq")},
            }
        version, numbers, gauss = kept["rng"]
        rng.setstate((version, tuple(numbers), gauss))
        return kept["step"], kept["seconds"]

    def keep(self, model: Any, optimizer: torch.optim.Optimizer, rng: random.Random, step: int, seconds: float) -> None:
        """Puts everything down; what was kept before stays whole until then."""
        fresh = self.folder.with_name("checkpoint.new")
        fresh.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for name, parameter in model.named_parameters():
            tensors[f"weight {name}"] = parameter.detach()
            tensors |= {f"{part} {name}": optimizer.state[parameter][part] for part in ("exp_avg", "exp_avg_sq")}
        save_file({name: one.contiguous() for name, one in tensors.items()}, fresh / "state.safetensors")
        kept = {"making": self.making, "step": step, "seconds": seconds, "rng": rng.getstate()}
        (fresh / "state.json").write_text(json.dumps(kept), encoding="utf-8")
        shutil.rmtree(self.folder, ignore_errors=True)
        fresh.rename(self.folder)
