"""The loss on answer tokens, against torch's own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional

from engine.answer_loss import collate, token_losses
from engine.loading import load
from engine.training_order import Row
from tests.small_students import build_tiny_student


def test_losses_and_their_gradient_are_those_of_torch_s_cross_entropy(tmp_path: Path) -> None:
    model = load(str(build_tiny_student(tmp_path / "tiny"))).model
    batch = collate([Row((5, 6, 7, 8, 9), 2), Row((9, 3, 4), 1)])
    shares = torch.tensor([0.4, 0.1, -2.0, 0.0, 3.0])
    ours = token_losses(model, batch)
    (ours * shares).sum().backward()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    logits = model(input_ids=batch.ids, use_cache=False).logits.flatten(0, 1)[batch.at]
    theirs = functional.cross_entropy(logits, batch.targets, reduction="none")
    (theirs * shares).sum().backward()
    assert torch.allclose(ours, theirs, atol=1e-6)
    assert found
    for name, weight in model.named_parameters():
        assert torch.allclose(found[name], weight.grad, atol=1e-6), name
