"""How a LoRA adapter of the sandbox student is trained; no torch here, so that pages can show it."""

from __future__ import annotations

from engine.domain import Recipe

SANDBOX_RECIPE = Recipe(
    learning_rate=3e-3,
    batch_size=16,
    epochs=3.0,
    min_steps=100,
    rank=16,
    alpha=32.0,
    max_length=256,
)
"""A student of about a million parameters takes larger steps than one from the hub."""
