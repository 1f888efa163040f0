"""LoRA training written by hand over peft, one adapter: what a pack must equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from engine.answer_loss import answer_losses
from engine.domain import Recipe
from engine.training_order import Row, batches, schedule


def train_alone(model: Any, rows: Sequence[Row], recipe: Recipe, seed: int) -> tuple[Any, list[float]]:
    """The model in peft's wrapper, trained, and the loss of each step."""
    torch.manual_seed(seed)
    config = LoraConfig(
        r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
    )
    wrapped = get_peft_model(model, config).eval()
    weights = [p for p in wrapped.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    steps, told = recipe.steps(len(rows)), []
    for step, batch in enumerate(batches(rows, recipe.batch_size, steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * schedule(step, steps, recipe.warmup)
        losses, counts = answer_losses(wrapped, batch, weights[0].device)
        loss = (losses / counts).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, 1.0)
        assert math.isfinite(norm)
        optimizer.step()
        optimizer.zero_grad()
        told.append(loss.item())
    return wrapped, told
