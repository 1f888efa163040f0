"""One step of a group of adapters on one base: the gradients of each one's own loss, then Adam on each one's own terms.

Means, clipping, learning rate, schedule, dropout and Adam's means are an adapter's; what they share is the pass through
the base.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.adapter_bank import AdapterBank, Dropout
from engine.answer_loss import collate, token_losses
from engine.chosen_places import chosen
from engine.domain import Recipe
from engine.pack_state import Group, PackState
from engine.training_order import Row, schedule

MAX_GRADIENT_NORM = 1.0
BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Member:
    """One adapter of a pack."""

    rows: Sequence[Row]
    recipe: Recipe
    """Learning rate, warm-up and steps are its own, the rest is the whole pack's."""
    seed: int
    progress: Path | None = None
    """Where it says how far it is: `{"done", "total"}` steps."""
    watch: Callable[[int, int, float | None], None] | None = None
    """Called as often: steps taken, steps in all, the loss of the last one that is known."""

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.recipe.steps(len(self.rows))


@dataclass(frozen=True, slots=True)
class Losses:
    """What one step of a group came to; on the device until somebody looks."""

    norms: torch.Tensor
    """Of the gradients before they are clipped, [members]."""
    means: torch.Tensor
    """Each member's loss: the mean over its examples of their mean loss per answer token, [members]."""
    sums: torch.Tensor
    """Summed over its answer tokens, [members]."""
    tokens: list[int]
    """How many of these each member had."""


@contextmanager
def computing(model: torch.nn.Module, recipe: Recipe) -> Iterator[None]:
    """The base as it is when it only computes: without dropout of its own, which would tie a pack's members to one
    generator; layers keep or forget their inner values as the recipe says."""
    model.eval()
    if not recipe.gradient_checkpointing:
        yield
        return
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
    layers: list[Any] = [module for module in model.modules() if getattr(module, "gradient_checkpointing", False)]
    for layer in layers:
        # transformers recomputes layers in training only, and these may drop out then: so not while they compute.
        layer.training = True
        layer._gradient_checkpointing_func = _in_evaluation(layer, layer._gradient_checkpointing_func)
    try:
        yield
    finally:
        model.gradient_checkpointing_disable()  # type: ignore[operator]
        model.eval()


def _in_evaluation(layer: Any, checkpoint: Callable[..., Any]) -> Callable[..., Any]:
    def call(run: Callable[..., Any], *given: Any) -> Any:
        def quiet(*inputs: Any) -> Any:
            layer.training = False
            try:
                return run(*inputs)
            finally:
                layer.training = True

        return checkpoint(quiet, *given)

    return call


def gradients_of(
    bank: AdapterBank, state: PackState, group: Group, members: Sequence[Member], batch: Sequence[list[Row]]
) -> tuple[torch.Tensor, Losses]:
    """Gradients of each member's mean loss on its batch, float32 [members, weights], and the losses.

    Who has failed gets gradients of zero. `state.parts` says in how many parts a batch is computed at least.
    RowsMixedError where the base does not keep rows apart.
    """
    recipe = members[0].recipe
    k = len(members)
    parts = min(max(recipe.gradient_accumulation, state.parts), max(len(rows) for rows in batch))
    size = -(-max(len(rows) for rows in batch) // parts)
    means, sums = torch.zeros(k, device=bank.device), torch.zeros(k, device=bank.device)
    total: torch.Tensor | None = None
    for part in range(parts):
        cut = [rows[part * size : (part + 1) * size] for rows in batch]
        rows_each = max(len(rows) for rows in cut)
        if rows_each == 0:
            break
        flat = [row for rows in cut for row in (*rows, *([None] * (rows_each - len(rows))))]
        if recipe.dropout:
            shapes = [(len(rows), max((len(row.ids) for row in rows), default=0)) for rows in cut]
            seeds = [member.seed for member in members]
            bank.dropout = Dropout(recipe.dropout, seeds, group.step * parts + part, shapes)
        # Of each target: its share in the mean over its row's, then over the batch's rows.
        shares = torch.tensor(
            [
                1 / ((len(row.ids) - row.prompt) * len(whole))
                for whole, rows in zip(batch, cut, strict=True)
                for row in rows
                for _ in range(len(row.ids) - row.prompt)
            ]
        ).to(bank.device)
        made = collate(flat)
        # Dropout is drawn for whole rows. Counted before it goes to the device: a GPU would have to be waited for.
        each = made.ids.numel() // k
        places = chosen(made.at, made.row // rows_each, k, each) if bank.dropout is None else None
        given = made.to(bank.device)
        bank.shape = (given.ids.shape[0], given.ids.shape[1])
        owner = given.row // rows_each
        bank.places = None if places is None else places.to(bank.device)
        losses = token_losses(bank.model, given)
        weighted = losses * shares
        weighted.sum().backward()  # type: ignore[no-untyped-call]
        means.index_add_(0, owner, weighted.detach())
        sums.index_add_(0, owner, losses.detach())
        if parts > 1:
            # Added up in float32, whatever the base computes in.
            total = torch.zeros_like(group.weights) if total is None else total
            total += bank.gradients
            bank.gradients.zero_()
    gradients = bank.gradients.float() if total is None else total
    for seat, one in enumerate(group.members):
        if one in state.failed:
            gradients[seat].zero_()
    tokens = [sum(len(row.ids) - row.prompt for row in rows) for rows in batch]
    return gradients, Losses(gradients.norm(dim=1), means, sums, tokens)


def adam(group: Group, members: Sequence[Member], gradients: torch.Tensor, norms: torch.Tensor) -> None:
    """One step of AdamW without decay (as torch takes it), clipped adapter by adapter: `norms` [members]."""
    step = group.step + 1
    gradients.mul_((MAX_GRADIENT_NORM / (norms + 1e-6)).clamp(max=1.0).unsqueeze(1))
    rates = [
        member.recipe.learning_rate * schedule(group.step, member.steps, member.recipe.warmup) for member in members
    ]
    sizes = torch.tensor([rate / (1 - BETAS[0] ** step) for rate in rates]).to(gradients.device)
    group.first.lerp_(gradients, 1 - BETAS[0])
    group.second.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
    spread = group.second.sqrt().div_(math.sqrt(1 - BETAS[1] ** step)).add_(EPSILON)
    group.weights.addcdiv_(group.first * sizes.unsqueeze(1), spread, value=-1)
    group.step = step
