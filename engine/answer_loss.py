"""The loss on answer tokens, with logits only where there is an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from engine.errors import StudentError
from engine.training_order import Row

AT_ONCE = 8
"""Rows whose loss is taken in one pass where nothing is trained."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right to one width.

    There is no mask: in a causal model no token sees what comes after it, and padding has no target.
    """

    ids: torch.Tensor
    """Token ids, int64 [rows, width]."""
    at: torch.Tensor
    """Where the targets are predicted, as places in the flattened ids: int64 [targets]."""
    targets: torch.Tensor
    """int64 [targets]."""
    row: torch.Tensor
    """The row of each target: int64 [targets]."""

    def to(self, device: torch.device) -> Batch:
        """The same on that device."""
        return Batch(*(one.to(device) for one in (self.ids, self.at, self.targets, self.row)))


def collate(rows: Sequence[Row | None], width: int | None = None) -> Batch:
    """A batch of these rows, an empty one for None; as wide as the longest unless a width is given."""
    width = width or max(len(row.ids) for row in rows if row is not None)
    # One tensor from one list: a tensor a row would take as long as a small student's step.
    ids: list[int] = []
    at: list[int] = []
    targets: list[int] = []
    owner: list[int] = []
    for number, row in enumerate(rows):
        start = number * width
        if row is not None:
            ids.extend(row.ids)
            at.extend(range(start + row.prompt - 1, start + len(row.ids) - 1))
            targets.extend(row.ids[row.prompt :])
            owner.extend([number] * (len(row.ids) - row.prompt))
        ids.extend([0] * (start + width - len(ids)))
    flat = torch.tensor(ids).view(len(rows), width)
    return Batch(flat, torch.tensor(at), torch.tensor(targets), torch.tensor(owner))


def token_losses(model: Any, batch: Batch) -> torch.Tensor:
    """Cross entropy of each target, in the order of `batch.targets`: float32 [targets]."""
    with _logits_only(model, batch.at):
        logits = model(input_ids=batch.ids, use_cache=False).logits
    losses: torch.Tensor = _CrossEntropy.apply(logits.flatten(0, 1).float(), batch.targets)  # type: ignore[no-untyped-call]
    return losses


class _CrossEntropy(torch.autograd.Function):
    """What functional.cross_entropy gives, for a loss whose gradient is taken once.

    With a large vocabulary and a small student, the passes over [targets, vocabulary] are a tenth of a step: torch
    makes the gradient of the logarithms of all words, most of them zero, and then that of the logits, each a tensor of
    its own; here the logarithms become the gradient where they lie.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logs = functional.log_softmax(logits, dim=-1)
        ctx.logs, ctx.targets = logs, targets
        return logs.gather(1, targets.unsqueeze(1)).squeeze(1).neg_()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outward: torch.Tensor) -> tuple[torch.Tensor, None]:
        gradient = ctx.logs.exp_()
        gradient.scatter_add_(1, ctx.targets.unsqueeze(1), gradient.new_full((len(gradient), 1), -1.0))
        del ctx.logs
        return gradient.mul_(outward[0].unsqueeze(1)), None


def answer_losses(model: Any, rows: Sequence[Row], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each row the loss summed over its answer tokens, and how many these are; both float [rows]."""
    batch = collate(rows).to(device)
    losses = torch.zeros(len(rows), device=device).index_add(0, batch.row, token_losses(model, batch))
    return losses, torch.bincount(batch.row, minlength=len(rows)).float()


@torch.no_grad()
def mean_loss(model: Any, rows: Sequence[Row], device: torch.device) -> float:
    """Mean over the rows of their mean loss per answer token: what training brings down, without a gradient."""
    ordered = sorted(rows, key=lambda row: len(row.ids))
    means: list[float] = []
    for at in range(0, len(ordered), AT_ONCE):
        losses, counts = answer_losses(model, ordered[at : at + AT_ONCE], device)
        means += (losses / counts).tolist()
    return sum(means) / len(means)


@contextmanager
def _logits_only(model: Any, at: torch.Tensor) -> Iterator[None]:
    """Hands the output layer those places only, so that what a model does to its logits still happens."""
    output = model.get_output_embeddings()
    if output is None:
        raise StudentError("the student names no output layer; expected a causal language model of transformers")

    def chosen(_: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden, *rest = given
        return (hidden.reshape(-1, hidden.shape[-1]).index_select(0, at).unsqueeze(0), *rest)

    handle = output.register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        handle.remove()
