"""Points with a known truth behind them."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = "strategy,n,correct,total\n"


def saturating(n: float, ceiling: float = 0.8, start: float = 0.2, half: float = 400.0) -> float:
    """A power-law-like curve of accuracy."""
    return ceiling - (ceiling - start) / (1 + n / half) ** 0.8


def counts(curves: dict[str, float], budgets: Sequence[float] = (50, 200, 800), items: int = 2000) -> str:
    """A points file of exact shares; `curves` maps a strategy to its ceiling."""
    rows = [
        f"{name},{n},{round(items * saturating(n, ceiling))},{items}"
        for name, ceiling in curves.items()
        for n in budgets
    ]
    return HEADER + "\n".join(rows) + "\n"
