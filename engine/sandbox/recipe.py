"""How adapters of the sandbox's student are trained; apart from the student, so that pages can read it."""

from __future__ import annotations

from engine.domain import Recipe

SANDBOX_RECIPE = Recipe(learning_rate=2e-3, batch_size=16, epochs=3.0, min_steps=100, max_length=256)
