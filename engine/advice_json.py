"""The advice as the object that `seedpilot recommend --json` prints: fractions, ratios in queries per seed."""

from __future__ import annotations

from typing import Any

from engine.domain import Interval, Recommendation


def as_json(recommendation: Recommendation) -> dict[str, Any]:
    """The object that `seedpilot recommend --json` prints: fractions, and ratios in queries per seed."""
    r, s = recommendation, recommendation.situation
    return {
        "recommended": r.recommended.value if r.recommended else "too_close_to_call",
        "basis": r.basis,
        "confidence": r.confidence,
        "headline": r.headline,
        "strategies": [
            {
                "strategy": o.strategy.value,
                "examples": o.examples,
                "accuracy": _interval_json(o.accuracy, "mean") if o.accuracy else None,
                "p_best": round(o.p_best, 4),
                "regret_points": round(o.regret_points, 3),
                "points": o.points,
                "assumed": o.assumed,
            }
            for o in r.outlooks
        ],
        "crossovers": [
            {
                "from": c.start.value,
                "to": c.end.value,
                "budget_ratio": _interval_json(c.budget_ratio, "median"),
                "probability": round(c.probability, 4),
            }
            for c in r.crossovers
        ],
        "spending_plan": [{"strategy": m.value, "queries": q} for m, q in r.spending_plan],
        "runner_up": r.runner_up.value,
        "cheapest": r.cheapest.value,
        "studies": r.studies,
        "reasons": [{"text": x.text, "sources": list(x.sources)} for x in r.reasons],
        "caveats": [{"text": x.text, "sources": list(x.sources)} for x in r.caveats],
        "situation": {
            "task": s.task.value,
            "seeds": s.seeds,
            "queries": s.queries,
            "budget_ratio": round(s.budget_ratio, 4),
            "augmenter": s.augmenter,
            "calls": s.calls,
        },
    }


def _interval_json(interval: Interval, centre: str) -> dict[str, float]:
    return {
        centre: round(interval.mean, 4),
        "low80": round(interval.low80, 4),
        "high80": round(interval.high80, 4),
    }
