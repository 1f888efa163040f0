"""What measured cells decide: by the advice at the target, or by the winner at the largest budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.advice import as_json, recommend
from engine.domain import Measurement, Situation

RESAMPLED = 2000


def decision(situation: Situation, results: Sequence[Measurement]) -> dict[str, Any]:
    """What the advice makes of these cells at the target."""
    return decided(as_json(recommend(situation, results)))


def decided(advice: dict[str, Any]) -> dict[str, Any]:
    """The same from an advice as it is printed."""
    strategies = {one["strategy"]: one for one in advice["strategies"]}
    return {
        "recommended": advice["recommended"],
        "most_likely": most_likely(strategies),
        "strategies": {
            name: {"p_best": round(one["p_best"], 3), "accuracy": one["accuracy"]} for name, one in strategies.items()
        },
    }


def most_likely(strategies: Mapping[str, dict[str, Any]]) -> str:
    """Of strategies as an advice prints them. Those that cannot be told apart share their chance: then the higher
    expectation decides, as on the page."""

    def order(name: str) -> tuple[float, float]:
        accuracy = strategies[name]["accuracy"]
        return strategies[name]["p_best"], accuracy["mean"] if accuracy else 0.0

    return max(strategies, key=order)


def last_point(results: Sequence[Measurement], budget: int) -> dict[str, Any]:
    """The winner at the largest budget, with test items resampled: what people read off a finished grid."""
    arms: dict[str, list[tuple[float | None, ...]]] = {}
    for one in results:
        if one.cell.budget == budget:
            arms.setdefault(one.cell.arm.value, []).append(one.outcomes)
    # Items that a run has no score for count as wrong here: the sandbox's answers are all scored.
    scores = np.array([np.mean([[one or 0.0 for one in run] for run in runs], axis=0) for runs in arms.values()])
    drawn = np.random.default_rng(0).integers(0, scores.shape[1], (RESAMPLED, scores.shape[1]))
    means = scores[:, drawn].mean(axis=2)
    best = np.bincount(means.argmax(axis=0), minlength=len(arms)) / RESAMPLED
    low, high = np.quantile(means, (0.1, 0.9), axis=1)
    return {
        "most_likely": list(arms)[int(best.argmax())],
        "strategies": {
            name: {
                "p_best": round(float(best[at]), 3),
                "accuracy": {
                    "mean": round(float(scores[at].mean()), 4),
                    "low80": round(float(low[at]), 4),
                    "high80": round(float(high[at]), 4),
                },
            }
            for at, name in enumerate(arms)
        },
    }
