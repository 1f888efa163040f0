"""How a query encoder is tuned; no torch here, so that plans and pages can show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TuningRecipe:
    """The same for every way of making training data, so that the data make the difference."""

    learning_rate: float = 2e-4
    steps: int = 400
    batch_size: int = 32
    rank: int = 16
    alpha: int = 32
    temperature: float = 0.05
    """Of the contrastive loss; vectors that are not normalised take 1."""
    hard_negatives: int = 3
    """Per query, where hard negatives are used."""
    look_every: int = 50
    """Steps between two looks at the queries to choose by; the best of these encoders is kept."""


SANDBOX_TUNING = TuningRecipe(learning_rate=5e-4, steps=300)
"""A small encoder takes larger steps than one from the hub. The rate is the one that is best for the plain arm
(judgements alone) on the queries to choose by: nDCG@10 0.439 at 2e-4, 0.451 at 5e-4, 0.446 at 1e-3, 0.442 at 2e-3,
untuned 0.413 (best of a look every 50 steps, means of two seeds)."""
WEIGHTS = (1.0, 4.0, 16.0)
"""Weights of the distance to the expanded query's vector beside the contrastive loss: swept, as the paper's is not
known."""
